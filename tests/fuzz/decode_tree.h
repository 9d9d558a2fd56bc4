/* The full decoder alone; see decode_tree.c. */
#ifndef FUZZ_DECODE_TREE_H
#define FUZZ_DECODE_TREE_H

#include "wire/decode.h"

lock_sync_status fuzz_decode_tree(const lock_sync_allocator *memory, const lock_sync_request *q,
                                  const lock_sync_response *s, const lsync_scope *scope, lock_sync_error *error,
                                  lock_sync_results **out);

#endif
