/* A mutex that survives fork(); see fork_mutex.h. */
#include "guard/redis/fork_mutex.h"

/* fork() copies the mutex as it is. If another thread held it, that thread does not exist in the child and will never
   unlock it: the child's first thread that comes here makes it anew. */
static void take_over(lsync_fork_mutex *m)
{
    if (!lsync_process_changed(&m->process))
        return;
    (void)pthread_mutex_init(&m->mutex, NULL); /* needs nothing that could be out: it was made once */
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
