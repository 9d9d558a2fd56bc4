/* The settings of a context, and what they come to for a request. */
#ifndef LSYNC_CLIENT_SETTINGS_H
#define LSYNC_CLIENT_SETTINGS_H

#include "client/context.h"

/* Frees and wipes all settings. */
void lsync_settings_release(lock_sync_ctx *ctx);
/* The defaults of all settings, on zeroed memory. */
void lsync_settings_init(lock_sync_ctx *ctx);

/* OK, or the error set: a route that may not carry a credential. */
lock_sync_status lsync_ctx_check_route(lock_sync_ctx *ctx);

/* The base URL that is set, or the default's; borrowed until it is set anew. */
const char *lsync_ctx_base_url(const lock_sync_ctx *ctx);

/* Makes the request for ids that passed lsync_request_check_ids, the settings and the credential. The error is set on
   failure. */
lock_sync_status lsync_ctx_request(lock_sync_ctx *ctx, const int64_t *ids, size_t n, bool single,
                                   lock_sync_request **out);

/* Whether a credential is set that is not known to have expired. */
bool lsync_ctx_has_credential(const lock_sync_ctx *ctx);
/* The same as OK, or E_NO_CREDENTIAL with the error set. */
lock_sync_status lsync_ctx_check_credential(lock_sync_ctx *ctx);

/* Makes the context's private guard, if it has none. OK or E_NO_MEMORY with the error set. */
lock_sync_status lsync_need_guard(lock_sync_ctx *ctx);

#endif
