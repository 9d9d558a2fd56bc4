/* The response that a transport fills: status, the few headers that matter, and the body up to its cap. */
#ifndef LSYNC_WIRE_RESPONSE_H
#define LSYNC_WIRE_RESPONSE_H

#include "base/buffer.h"
#include "base/error.h"
#include "locksync/transport.h"

#define LSYNC_RESPONSE_HEADER_BYTES_MAX ((size_t)64 * 1024)

struct lock_sync_response {
    lock_sync_allocator memory;
    int32_t http_status;     /* 0: not set */
    int32_t seen_status;     /* of the last status line, even if the response broke off; 0: no status line */
    lock_sync_status failed; /* the first failure of an append or a header; OK: no failure */
    bool headers_too_large;  /* E_TOO_LARGE is about the headers */
    int64_t received_at_ms;
    size_t header_bytes; /* of all headers of all responses to the request, 1xx included */
    lsync_buffer body;
    char date[40];
    char retry_after[40];
    char correlation_id[128];
    /* Set by the built-in transport only: */
    char failure[256]; /* describes a failure; "" if there is nothing to add to the status */
    bool counts_sends; /* `sends` is valid */
    uint32_t sends;    /* how often sending of the request began within one perform */
};

/* Returns whether the service sent the status 429, even if the response broke off. */
bool lsync_response_is_limited(const lock_sync_response *s);

void lsync_response_init(lock_sync_response *s, const lock_sync_allocator *memory, size_t body_cap, int64_t now_ms);
/* Frees the members that the response owns, not the struct. */
void lsync_response_release(lock_sync_response *s);

/* Clears status, headers and body, but not the count of header bytes. Called if another response follows an interim
   one. */
void lsync_response_restart(lock_sync_response *s);

/* Counts header bytes in the form in which they were sent. */
lock_sync_status lsync_response_count_header(lock_sync_response *s, size_t bytes);
/* Stores the header if it is one of those that matter. `value` need not end in NUL. */
void lsync_response_keep_header(lock_sync_response *s, const char *name, size_t name_size, const char *value,
                                size_t value_size);

#endif
