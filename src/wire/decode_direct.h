/* The fast way from bytes to records: one pass, no tree, nothing allocated but the results. */
#ifndef LSYNC_WIRE_DECODE_DIRECT_H
#define LSYNC_WIRE_DECODE_DIRECT_H

#include "wire/request.h"
#include "wire/response.h"
#include "wire/results.h"

/* Decodes a good answer of the documented shape. NULL for anything else, down to an escape in a key or an object
   without members, and when memory runs out: then nothing has happened, and the full decoder is to decide. */
lock_sync_results *lsync_decode_direct(const lock_sync_allocator *memory, const lock_sync_request *q,
                                       const lock_sync_response *s, const lsync_scope *scope);

#endif
