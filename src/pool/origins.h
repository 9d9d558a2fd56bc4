/* The origins that a pool speaks to: what it knows of them, and what they have taken of its transfers and connections.
   schedule.h says whose turn it is. */
#ifndef LSYNC_POOL_ORIGINS_H
#define LSYNC_POOL_ORIGINS_H

#include "pool/state.h"

/* Finds the origin of a job's fetch by the settings that its context has now. False: memory is out. */
bool lsync_origin_find(lsync_job *job);
/* The fetch is over: its job has no origin any more. */
void lsync_origin_release(lsync_job *job);

/* Whether the next transfer has something to find out, or opens a connection that others will share. */
bool lsync_origin_needs_leader(const lsync_origin *origin);
/* Whether the next transfer takes a connection that no other uses. */
bool lsync_origin_opens(const lsync_origin *origin);
/* Whether a connection carries one transfer at a time, as far as is known. */
bool lsync_origin_is_http1(const lsync_origin *origin);
/* Whether the origin itself has no place for another transfer now. */
bool lsync_origin_is_full(const lsync_origin *origin);

/* A job has got a transfer, or leaves it: counts what it takes of the pool. It may be its origin's leader in it. */
void lsync_origin_enter(lsync_pool_transfer *transfer);
void lsync_origin_leave(lsync_pool_transfer *transfer);
/* Records what the end of a transfer, still in its transfer, says of its origin. */
void lsync_origin_learn(lsync_pool_transfer *transfer, lock_sync_status status);
/* A leader's request was sent: its name is known. It leads on if its connection is new. */
void lsync_origin_sent(lsync_pool_transfer *transfer);

/* Drops the origins that have had no job for a minute, and have no connection. */
void lsync_pool_drop_origins(lock_sync_pool *p, int64_t now_us);
void lsync_pool_free_origins(lock_sync_pool *p);

#endif
