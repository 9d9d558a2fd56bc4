/* The settings of a context, and the requests that follow from them. */
#ifndef LSYNC_CLIENT_SETTINGS_H
#define LSYNC_CLIENT_SETTINGS_H

#include "client/context.h"

/* Frees and wipes all settings. */
void lsync_settings_release(lock_sync_ctx *ctx);
/* Sets the defaults. The context must be zeroed. */
void lsync_settings_init(lock_sync_ctx *ctx);

/* Checks that the route may carry a credential. Returns OK, or a status with the error set. */
lock_sync_status lsync_ctx_check_route(lock_sync_ctx *ctx);

/* Returns the base URL that is set, or the default; borrowed until another is set. */
const char *lsync_ctx_base_url(const lock_sync_ctx *ctx);

/* Makes the request from settings, credential, and ids that lsync_request_check_ids accepted. Sets the error on
   failure. */
lock_sync_status lsync_ctx_request(lock_sync_ctx *ctx, const lsync_query *query, lock_sync_request **out);

/* Returns whether a credential is set that is not known to have expired. */
bool lsync_ctx_has_credential(const lock_sync_ctx *ctx);
/* Returns what lsync_ctx_has_credential says as a status: OK, or E_NO_CREDENTIAL with the error set. */
lock_sync_status lsync_ctx_check_credential(lock_sync_ctx *ctx);

/* Makes a private guard if the context has no guard. Returns OK, or E_NO_MEMORY with the error set. */
lock_sync_status lsync_need_guard(lock_sync_ctx *ctx);

#endif
