/* Pages of a directory, as steps of a raw server's script. A text and the length in its header change together. */
#ifndef POOL_PAGES_H
#define POOL_PAGES_H

#include "stage.h"

/* 100 records, after which another page follows: 99 times of one lock, once of another. The ids have four digits. */
#define FULL_PAGE(often, once)                                                                                         \
  RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1212\r\n\r\n{\"result\":["),     \
      RAW_SEND_TIMES("{\"id\":" often "},", 99), RAW_SEND_TEXT("{\"id\":" once "}]}")

/* One record: the last page. */
#define SHORT_PAGE(id)                                                                                                 \
  RAW_SEND_TEXT(                                                                                                       \
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n{\"result\":[{\"id\":" id "}]}")

#endif
