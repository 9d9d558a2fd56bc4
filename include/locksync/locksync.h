/**
 * @file
 * libgetlock-sync: the state of a user's smart locks, from GET /api/{version}/my/lock/sync.
 *
 * This header includes the others. Rules that hold for all of them:
 *  - every out parameter is NULL after a failure; every _free takes NULL;
 *  - a context is used by one thread at a time, different contexts are independent;
 *  - a text or array given to the library is copied, one that it returns is borrowed, unless a function says otherwise;
 *  - the library never prints, aborts, installs a signal handler or reads an environment variable of its own.
 */
#ifndef LOCKSYNC_LOCKSYNC_H
#define LOCKSYNC_LOCKSYNC_H

#include "common.h"
#include "context.h"
#include "error.h"
#include "guard.h"
#include "lock.h"
#include "pool.h"
#include "results.h"
#include "transport.h"
#include "watch.h"

#endif
