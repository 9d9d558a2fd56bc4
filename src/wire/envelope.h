/* What surrounds the records: success, statusCode, errorMessages; and what an HTTP status means. Pure. */
#ifndef LSYNC_WIRE_ENVELOPE_H
#define LSYNC_WIRE_ENVELOPE_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct lsync_envelope {
    lock_sync_tristate success; /* UNKNOWN: not sent */
    int32_t status_code;        /* 0: not sent */
    bool has_odd_code;          /* a statusCode is there that is none: 99, or a text */
    const json_t *messages;     /* borrowed from the body's tree; NULL: not sent, or no array */
} lsync_envelope;

/* Reads the envelope of a body. Keys match without regard to case; one in its documented case wins. */
void lsync_envelope_read(const json_t *body, lsync_envelope *out);

/* Adds the envelope's messages to an error, with `secret` struck out. False when memory ran out. */
bool lsync_envelope_messages(const lsync_envelope *envelope, const char *secret, lock_sync_error *error);

/* The status for an HTTP status: OK for 2xx, LOCK_SYNC_E_HTTP for one that has no status of its own. */
lock_sync_status lsync_status_of_http(int32_t http_status);

#endif
