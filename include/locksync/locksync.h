/**
 * @file
 * libgetlock-sync: the state of a user's smart locks, from GET /api/{version}/my/lock/sync, and their
 * names.
 *
 * This header includes the others except redis.h, which belongs to a separate library. These rules apply to all:
 *  - every out parameter is NULL after a failure; every _free accepts NULL;
 *  - a context, a pool and a watch are each used by one thread at a time, which these headers call its thread;
 *  - different contexts are independent;
 *  - a string or array given to the library is copied, unless a function says otherwise;
 *  - a string or array that the library returns is borrowed, unless a function says otherwise;
 *  - the library never prints, aborts, installs a signal handler or reads an environment variable itself.
 */
#ifndef LOCKSYNC_LOCKSYNC_H
#define LOCKSYNC_LOCKSYNC_H

#include "common.h"
#include "context.h"
#include "directory.h"
#include "error.h"
#include "guard.h"
#include "lock.h"
#include "pool.h"
#include "results.h"
#include "transport.h"
#include "watch.h"

#endif
