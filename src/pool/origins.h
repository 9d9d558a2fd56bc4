/* The origins of a pool: what is known of each, and how many transfers and connections it uses. schedule.h decides
   which of them gets the next transfer. */
#ifndef LSYNC_POOL_ORIGINS_H
#define LSYNC_POOL_ORIGINS_H

#include "pool/state.h"

/* Sets the origin of a job by the settings that its context has now. False: out of memory. */
bool lsync_origin_find(lsync_job *job);
/* Removes a job from its origin, because its fetch is over. */
void lsync_origin_release(lsync_job *job);

/* Returns whether the next transfer must be a leader: the host name must be resolved, or a connection for several
   transfers must be opened. */
bool lsync_origin_needs_leader(const lsync_origin *origin);
/* Returns whether the next transfer begins on a connection that no other transfer uses. */
bool lsync_origin_opens(const lsync_origin *origin);
/* Returns whether a connection carries one transfer at a time, as far as is known. */
bool lsync_origin_is_http1(const lsync_origin *origin);
/* Returns whether the origin cannot use another transfer now, whatever the pool has left. */
bool lsync_origin_is_full(const lsync_origin *origin);

/* Counts a job's new transfer, and makes the transfer the leader if the origin needs one. */
void lsync_origin_add_transfer(lsync_pool_transfer *transfer);
void lsync_origin_remove_transfer(lsync_pool_transfer *transfer);
/* Records what the end of a transfer says about its origin. Called before lsync_origin_remove_transfer. */
void lsync_origin_record_end(lsync_pool_transfer *transfer, lock_sync_status status);
/* Records that a leader's request was sent, which shows that the host name is resolved. The transfer stops leading,
   unless it is the first on a new HTTP/2 connection. */
void lsync_origin_leader_sent(lsync_pool_transfer *transfer);

/* Frees the origins that have had no job for a minute and have no connection. */
void lsync_pool_drop_origins(lock_sync_pool *p, int64_t now_us);
void lsync_pool_free_origins(lock_sync_pool *p);

#endif
