/* The envelope of a response body: success, statusCode and errorMessages. Maps HTTP statuses to the library's. Pure. */
#ifndef LSYNC_WIRE_ENVELOPE_H
#define LSYNC_WIRE_ENVELOPE_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct lsync_envelope {
    lock_sync_tristate success; /* UNKNOWN: not sent */
    int32_t status_code;        /* 0: not sent */
    bool has_invalid_code;      /* the statusCode that was sent is not valid: 99, or a text */
    const json_t *messages;     /* borrowed from the body's tree; NULL: not sent, or not an array */
} lsync_envelope;

/* Reads the envelope of a body. The case of keys is ignored, but a key in the documented case is preferred. */
void lsync_envelope_read(const json_t *body, lsync_envelope *out);

/* Adds the envelope's messages to an error, with `secret` redacted. False if memory ran out. */
bool lsync_envelope_messages(const lsync_envelope *envelope, const char *secret, lock_sync_error *error);

/* Returns the status for an HTTP status: OK for 2xx, LOCK_SYNC_E_HTTP for one without a specific status. */
lock_sync_status lsync_status_of_http(int32_t http_status);

#endif
