/* All faults of a server in one table: the status that a fetch must end with, and the time limit. Blocking fetches
   and a pool run the same table. */
#ifndef TORTURE_FAULTS_H
#define TORTURE_FAULTS_H

#include "../integration/client.h"

typedef enum fault_kind {
    FAULT_HTTP,     /* the script of a raw server over http */
    FAULT_KEPT,     /* the same after a good response: the fault comes on the kept connection */
    FAULT_TLS,      /* the same over https; the CA file has the authority of the tests */
    FAULT_ELSEWHERE /* `url` in place of a raw server, with that CA file */
} fault_kind;

/* Rows that allow two statuses. It is a race whether a connection counts as made. A broken handshake is E_TLS, or
   E_NETWORK as libcurl with GnuTLS calls it. */
#define CONNECT_OR_NETWORK (-1)
#define BROKEN_HANDSHAKE (-2)

typedef struct fault {
    const char *name;
    lock_sync_status want; /* or one of the two above */
    fault_kind kind;
    const char *url;
    int32_t timeout_ms;         /* of the fetch; 0: long, the fault must end it */
    int32_t connect_timeout_ms; /* like timeout_ms */
    raw_step steps[8];
} fault;

typedef struct fault_list {
    const char *name;
    const fault *rows;
    size_t count;
} fault_list;

#define FAULT_LISTS 8

/* Makes the lists with servers and certificates for this run. `bystander`: the URL of a server that redirects name
   and that must get no connection. */
const fault_list *faults_begin(const char *bystander);
void faults_end(void);
/* Returns the CA file for https. */
const char *faults_ca_file(void);

/* Lists that need nothing made for this run; see faults_http.c. */
extern const fault_list faults_broken_off;
extern const fault_list faults_not_http;
extern const fault_list faults_too_large;
extern const fault_list faults_echoing;

/* Macros for rows. */
#define OK_LINE "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK_LINE "Transfer-Encoding: chunked\r\n\r\n"
#define LIST(title, table)                                                                                             \
  {                                                                                                                    \
    (title), (table), COUNT_OF(table)                                                                                  \
  }
#define FAULT(title, status, ...)                                                                                      \
  {                                                                                                                    \
    .name = (title), .want = LOCK_SYNC_E_##status, .steps = { __VA_ARGS__ }                                            \
  }
/* Reads a request, sends a text, and stays silent: the fetch must end by itself. */
#define SAYS(title, status, text) FAULT(title, status, RAW_READ_REQUEST, RAW_SEND_TEXT(text), RAW_WAIT_FOR_CLOSE)
/* The same, then closes the connection. */
#define SAYS_AND_CLOSES(title, status, text) FAULT(title, status, RAW_READ_REQUEST, RAW_SEND_TEXT(text), RAW_END)

#endif
