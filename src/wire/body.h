/* Reads the body of a response into jansson's tree, or sets the error for what is wrong with the response. Pure. */
#ifndef LSYNC_WIRE_BODY_H
#define LSYNC_WIRE_BODY_H

#include "wire/request.h"
#include "wire/response.h"

#include <jansson.h>

/* The data that the steps of one decoding share; all borrowed. */
typedef struct lsync_decoding {
    const lock_sync_allocator *memory;
    const lock_sync_request *q;
    const lock_sync_response *s;
    lock_sync_error *error;
} lsync_decoding;

/* Loads the body of a response that reports success, transferred: free with json_decref(). Else *body is NULL, and the
   error is set. */
lock_sync_status lsync_body_load(const lsync_decoding *d, json_t **body);

/* Returns the result of a body, borrowed, if it has the type: JSON_OBJECT or JSON_ARRAY. Else sets E_MALFORMED. */
lock_sync_status lsync_body_result(const lsync_decoding *d, const json_t *body, json_type type, const json_t **result);

/* Sets E_MALFORMED for valid JSON with wrong content. There is no byte offset: the message names what is wrong. */
lock_sync_status lsync_body_malformed(const lsync_decoding *d, const char *what);
/* Sets the same error for one record. The message counts records from 1. */
lock_sync_status lsync_body_malformed_record(const lsync_decoding *d, size_t index, size_t count, const char *what);

#endif
