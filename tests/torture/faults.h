/* All that can be wrong with a server, in one table: what a fetch from it must end with, and in what time. The
   table is run by blocking fetches and by a pool alike. */
#ifndef TORTURE_FAULTS_H
#define TORTURE_FAULTS_H

#include "../integration/client.h"

typedef enum fault_kind {
    FAULT_HTTP,     /* the script of a raw server, spoken to by http */
    FAULT_KEPT,     /* the same, and its first answer is good: what is wrong comes on the kept connection */
    FAULT_TLS,      /* the same, spoken to by https, the authority of the tests in the CA file */
    FAULT_ELSEWHERE /* `url` instead of a raw server, with that CA file */
} fault_kind;

/* What a row may want beside a status: either of two, where it is a race whether a connection counts as made; a
   handshake that breaks off is E_TLS, or E_NETWORK as libcurl with GnuTLS calls it. */
#define CONNECT_OR_NETWORK (-1)
#define BROKEN_HANDSHAKE (-2)

typedef struct fault {
    const char *name;
    lock_sync_status want; /* or one of the two above */
    fault_kind kind;
    const char *url;
    int32_t timeout_ms;         /* the fetch's, 0: long; then it is for the fault to end it */
    int32_t connect_timeout_ms; /* likewise */
    raw_step steps[8];
} fault;

typedef struct fault_list {
    const char *name;
    const fault *rows;
    size_t count;
} fault_list;

#define FAULT_LISTS 8

/* The lists, made anew for this run: servers and certificates come with them. `bystander`: the URL of a server that
   is named as a redirect's target and must never be spoken to. */
const fault_list *faults_begin(const char *bystander);
void faults_end(void);
/* The CA file for https. */
const char *faults_ca_file(void);

/* Those that are known beforehand; see faults_http.c. */
extern const fault_list faults_broken_off;
extern const fault_list faults_not_http;
extern const fault_list faults_too_large;
extern const fault_list faults_telling;

/* What makes rows. */
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
/* A request that is read, a text, and silence: the fetch must end by itself. */
#define SAYS(title, status, text) FAULT(title, status, RAW_READ_REQUEST, RAW_SEND_TEXT(text), RAW_WAIT_FOR_CLOSE)
/* The same, then the connection is closed. */
#define SAYS_AND_CLOSES(title, status, text) FAULT(title, status, RAW_READ_REQUEST, RAW_SEND_TEXT(text), RAW_END)

#endif
