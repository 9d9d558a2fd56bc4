/* The fast decoder: one pass, no tree; only the results are allocated. */
#ifndef LSYNC_WIRE_DECODE_DIRECT_H
#define LSYNC_WIRE_DECODE_DIRECT_H

#include "wire/request.h"
#include "wire/response.h"
#include "wire/results.h"

/* Decodes a successful response of the documented shape. Returns NULL for any other, even for an escape in a key or an
   object without members, and if memory runs out. The full decoder must decide then. */
lock_sync_results *lsync_decode_direct(const lock_sync_allocator *memory, const lock_sync_request *q,
                                       const lock_sync_response *s, const lsync_scope *scope);

#endif
