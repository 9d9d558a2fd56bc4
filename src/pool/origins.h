/* The hosts that a pool speaks to, and how many transfers each has a place for. */
#ifndef LSYNC_POOL_ORIGINS_H
#define LSYNC_POOL_ORIGINS_H

#include "pool/state.h"

/* The host of a context; NULL when memory is out. */
lsync_host *lsync_pool_host_of(lock_sync_pool *p, const lock_sync_ctx *ctx);
/* Whether the next transfer has something to find out, or opens a connection that others will share. */
bool lsync_host_needs_pioneer(const lsync_host *host);
/* Whether the next transfer is to open a connection, if it does or does not go ahead. */
lsync_connecting lsync_host_connecting(const lsync_host *host, bool goes_ahead);
/* Whether the host has no place for another transfer now. */
bool lsync_host_is_full(const lsync_host *host);
/* The first of those that were held and have a place now; NULL: none. */
lsync_link *lsync_pool_next_held(const lock_sync_pool *p);
/* What the end of a transfer, still in its seat, tells of its host. */
void lsync_host_learn(const lsync_seat *seat, lock_sync_status status);
/* Sees which of the transfers that went ahead have found their hosts. */
void lsync_pool_check_hosts(lock_sync_pool *p);
void lsync_pool_free_hosts(lock_sync_pool *p);

#endif
