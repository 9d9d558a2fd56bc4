/* A mutex that survives fork(); see fork_mutex.h. */
#include "guard/redis/fork_mutex.h"

/* Initializes the mutex again in a forked child. If another thread of the parent had locked it, that thread does not
   exist in the child and would never unlock it. */
static void take_over(lsync_fork_mutex *m)
{
    if (!lsync_process_changed(&m->process))
        return;
    (void)pthread_mutex_init(&m->mutex, NULL); /* cannot fail, as it has succeeded before */
    lsync_process_adopt(&m->process);
}

bool lsync_fork_mutex_init(lsync_fork_mutex *m)
{
    lsync_process_init(&m->process);
    return pthread_mutex_init(&m->mutex, NULL) == 0;
}

void lsync_fork_mutex_lock(lsync_fork_mutex *m)
{
    take_over(m);
    (void)pthread_mutex_lock(&m->mutex);
}

void lsync_fork_mutex_unlock(lsync_fork_mutex *m)
{
    (void)pthread_mutex_unlock(&m->mutex);
}

void lsync_fork_mutex_destroy(lsync_fork_mutex *m)
{
    take_over(m);
    (void)pthread_mutex_destroy(&m->mutex);
}
