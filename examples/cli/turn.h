/* --wait: waits for the account's rate limit. */
#ifndef CLI_TURN_H
#define CLI_TURN_H

#include <locksync/locksync.h>

/* Waits after E_TOO_SOON until a request is allowed, at most `most_ms`. On a terminal it says so, once. Returns false
   if a signal arrived. */
bool turn_wait(const lock_sync_ctx *ctx, int64_t most_ms);

#endif
