/* A connection to PostgreSQL that carries out swaps, in libpq's pipeline mode. Only this file and its source know
 * libpq: write these for another database. */
#ifndef EXAMPLES_GUARD_LIBPQ_SESSION_H
#define EXAMPLES_GUARD_LIBPQ_SESSION_H

#include <libpq-fe.h>
#include <locksync/locksync.h>

typedef struct session {
    PGconn *connection; /* NULL: none yet */
    int fd;             /* a duplicate, because libpq closes its own descriptor when the connection is lost; -1: none */
    bool has_more;      /* bytes to send: wait until the descriptor is writable */
    unsigned char source[LOCK_SYNC_GUARD_SOURCE_SIZE];
    char why[192]; /* of the last failure */
} session;

int64_t session_clock_us(void);
/* Waits for the events of poll(2). False: the time has come. */
bool session_await(int fd, short events, int64_t until_us);

/* Waits for the server. False: `why` has the cause. */
bool session_connect(session *s, const char *conninfo, int64_t until_us);
void session_disconnect(session *s);
void session_explain(session *s, const char *why);

/* Transfer what they can without waiting. False: the connection is lost, and `why` has the cause. Swaps are carried out
 * in one transaction, which session_commit() ends. */
bool session_send(session *s, const lock_sync_guard_swap *swap);
bool session_commit(session *s);
bool session_flush(session *s);
bool session_read(session *s);
bool session_is_good(session *s);

typedef enum session_event {
    SESSION_NOTHING,  /* wait until the descriptor is readable */
    SESSION_RESULT,   /* of the next swap of the transaction: its members are set, except for `done` */
    SESSION_FAILURE,  /* of the next swap, or of the commit: the transaction is rolled back */
    SESSION_COMMITTED /* or rolled back, after a failure */
} session_event;

/* Takes what was read. `swap`: the next one; NULL: all have their results. */
session_event session_take(session *s, lock_sync_guard_swap *swap);

/* Sets the result of a swap to a failure. `unknown`: the record may have been written. */
void session_fail(const session *s, lock_sync_guard_swap *swap, bool unknown);

#endif
