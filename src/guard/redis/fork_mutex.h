/* A mutex that a forked child can lock, even if a thread of the parent held it. The child must check what the mutex
   protects. */
#ifndef LSYNC_REDIS_FORK_MUTEX_H
#define LSYNC_REDIS_FORK_MUTEX_H

#include "base/process.h"

#include <pthread.h>
#include <stdbool.h>

typedef struct lsync_fork_mutex {
    pthread_mutex_t mutex;
    lsync_process process; /* the one that the mutex is made for */
} lsync_fork_mutex;

/* False: the system refused it. */
bool lsync_fork_mutex_init(lsync_fork_mutex *m);
void lsync_fork_mutex_lock(lsync_fork_mutex *m);
void lsync_fork_mutex_unlock(lsync_fork_mutex *m);
void lsync_fork_mutex_destroy(lsync_fork_mutex *m);

#endif
