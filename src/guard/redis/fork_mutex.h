/* A mutex that a forked child can lock, even if a thread of the parent had locked it. The child must check the data
   that the mutex protects. */
#ifndef LSYNC_REDIS_FORK_MUTEX_H
#define LSYNC_REDIS_FORK_MUTEX_H

#include "base/process.h"

#include <pthread.h>
#include <stdbool.h>

typedef struct lsync_fork_mutex {
    pthread_mutex_t mutex;
    lsync_process process; /* the process that initialized the mutex */
} lsync_fork_mutex;

/* Returns false if the system has no resources for it. */
bool lsync_fork_mutex_init(lsync_fork_mutex *m);
void lsync_fork_mutex_lock(lsync_fork_mutex *m);
void lsync_fork_mutex_unlock(lsync_fork_mutex *m);
void lsync_fork_mutex_destroy(lsync_fork_mutex *m);

#endif
