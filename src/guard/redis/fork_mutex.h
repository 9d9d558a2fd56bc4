/* A mutex that a forked child can lock, whoever held it in the parent. What it protects is the child's to check. */
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
