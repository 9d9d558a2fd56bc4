/* The full decoder alone, as fuzz_decode_tree: src/wire/decode.c compiled again with a direct decoder that always
   gives up. The library's version is linked, too. */
#define lsync_decode fuzz_decode_tree
#define lsync_decode_direct fuzz_decode_nothing
#include "wire/decode.c"

lock_sync_results *lsync_decode_direct(const lock_sync_allocator *memory, const lock_sync_request *q,
                                       const lock_sync_response *s, const lsync_scope *scope)
{
    (void)memory, (void)q, (void)s, (void)scope;
    return NULL;
}
