/* Which results: from a request and its response to records, or to the status and detail of what is wrong. Pure. */
#ifndef LSYNC_WIRE_DECODE_H
#define LSYNC_WIRE_DECODE_H

#include "wire/request.h"
#include "wire/response.h"
#include "wire/results.h"

/* `memory` gives the results, which are filtered to `scope`: the request's own, or a wider one that its answer covers.
   `error` is left as it is when all is well. */
lock_sync_status lsync_decode(const lock_sync_allocator *memory, const lock_sync_request *q,
                              const lock_sync_response *s, const lsync_scope *scope, lock_sync_error *error,
                              lock_sync_results **out);

#endif
