/* Decodes a response into results, or into the status and details of a failure. Pure. */
#ifndef LSYNC_WIRE_DECODE_H
#define LSYNC_WIRE_DECODE_H

#include "wire/request.h"
#include "wire/response.h"
#include "wire/results.h"

/* Allocates the results from `memory` and filters them to `scope`: the request's scope, or a wider one that the
   response covers. On success `error` stays unchanged. */
lock_sync_status lsync_decode(const lock_sync_allocator *memory, const lock_sync_request *q,
                              const lock_sync_response *s, const lsync_scope *scope, lock_sync_error *error,
                              lock_sync_results **out);

#endif
