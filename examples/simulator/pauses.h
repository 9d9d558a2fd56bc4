/* Connections that wait: for the delay of an answer, or for the next byte of a slow one. */
#ifndef LOCKSYNC_SIM_PAUSES_H
#define LOCKSYNC_SIM_PAUSES_H

#include <stdbool.h>
#include <stdint.h>

struct MHD_Connection;
struct pauses;

enum pause_kind { PAUSE_DELAY, PAUSE_TRICKLE, PAUSE_KINDS };

/* One waiting connection; lies in whatever belongs to that connection and has to outlive the wait. */
struct pause {
    struct MHD_Connection *connection;
    int64_t due_us;
    struct pause *next;
};

/* Each kind lasts always the same, delay_us and trickle_us. */
struct pauses *pauses_new(int64_t delay_us, int64_t trickle_us);

/* Suspends the connection and resumes it when the time is up. False, and nothing done, after pauses_end. */
bool pauses_begin(struct pauses *pauses, enum pause_kind kind, struct pause *pause, struct MHD_Connection *connection);

/* Resumes all at once and lets no new pause begin: what libmicrohttpd needs before it can stop. */
void pauses_end(struct pauses *pauses);
void pauses_free(struct pauses *pauses);

#endif
