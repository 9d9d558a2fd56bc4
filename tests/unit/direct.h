/* The direct decoder, which reads the documented shape in one pass, without the decoder of the tree. */
#ifndef T_DIRECT_H
#define T_DIRECT_H

#include "../support/decoding.h"

/* Returns the results, or NULL if it leaves the body to the other decoder. */
lock_sync_results *direct_decode(lock_sync_ctx *ctx, const t_response *a);

#endif
