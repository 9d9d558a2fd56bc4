/* What a transport hands in: status, the few headers that matter, the body under its cap. */
#ifndef LSYNC_WIRE_RESPONSE_H
#define LSYNC_WIRE_RESPONSE_H

#include "base/buffer.h"
#include "base/error.h"
#include "locksync/transport.h"

#define LSYNC_RESPONSE_HEADER_BYTES_MAX ((size_t)64 * 1024)

struct lock_sync_response {
    lock_sync_allocator memory;
    int32_t http_status;     /* 0: not set */
    int32_t seen_status;     /* of a status line, whatever came of its answer; 0: none was seen */
    lock_sync_status failed; /* what an append or a header failed with; OK: nothing */
    bool headers_too_large;  /* E_TOO_LARGE is about the headers */
    int64_t received_at_ms;
    size_t header_bytes; /* of all headers of all responses to the request, 1xx included */
    lsync_buffer body;
    char date[40];
    char retry_after[40];
    char correlation_id[128];
    /* Of the built-in transport: */
    char failure[256]; /* what it says of a failure; "" when it has nothing to add */
    bool counts_sends; /* `sends` is true to fact */
    uint32_t sends;    /* how often the request began to be sent within one perform */
};

/* Whether the service said 429, even in an answer that broke off. */
bool lsync_response_is_limited(const lock_sync_response *s);

void lsync_response_init(lock_sync_response *s, const lock_sync_allocator *memory, size_t body_cap, int64_t now_ms);
/* Frees what the response holds, not the struct. */
void lsync_response_release(lock_sync_response *s);

/* Forgets status, headers kept and body, but not the bytes counted: an interim response was followed by another. */
void lsync_response_restart(lock_sync_response *s);

/* Counts header bytes as they stand on the wire. */
lock_sync_status lsync_response_count_header(lock_sync_response *s, size_t bytes);
/* Keeps a header that matters; `value` need not end in NUL. */
void lsync_response_keep_header(lock_sync_response *s, const char *name, size_t name_size, const char *value,
                                size_t value_size);

#endif
