/* Suspends connections for the delay of a response, or until the next byte of a slow response. */
#ifndef LOCKSYNC_SIM_PAUSES_H
#define LOCKSYNC_SIM_PAUSES_H

#include <stdbool.h>
#include <stdint.h>

struct MHD_Connection;
struct pauses;

enum pause_kind { PAUSE_DELAY, PAUSE_TRICKLE, PAUSE_KINDS };

/* A suspended connection. The memory is the caller's and must outlive the pause. */
struct pause {
    struct MHD_Connection *connection;
    int64_t due_us;
    struct pause *next;
};

/* Makes a list without pauses. delay_us and trickle_us are the lengths of the two kinds. */
struct pauses *pauses_new(int64_t delay_us, int64_t trickle_us);

/* Suspends the connection and resumes it after the pause. After pauses_end() it does nothing and returns false. */
bool pauses_begin(struct pauses *pauses, enum pause_kind kind, struct pause *pause, struct MHD_Connection *connection);

/* Resumes all connections at once and prevents new pauses, as libmicrohttpd requires before it can stop. */
void pauses_end(struct pauses *pauses);
void pauses_free(struct pauses *pauses);

#endif
