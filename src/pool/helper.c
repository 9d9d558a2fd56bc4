/* The pool's helper thread: makes the requests to guards whose store may block (a file, the application's), and
   connects channels, so that dispatch never waits. A pool whose guards are all in memory has no thread. */
#include "base/clock.h"
#include "pool/helper.h"

#include <signal.h>

/* Makes a request to a guard. The mutex is locked, but not during the request. */
static void make_request(lock_sync_pool *p, lsync_link *link)
{
    lsync_job *job = LSYNC_OF(link, lsync_job, link);

    job->request.waiting = false;
    (void)pthread_mutex_unlock(&p->mutex);
    lsync_job_make_request(job);
    (void)pthread_mutex_lock(&p->mutex);
    lsync_queue_append(&p->helper.done, link);
}

/* Connects a channel. The mutex is locked, but not meanwhile. */
static void connect_channel(lock_sync_pool *p, lsync_link *link)
{
    lsync_channel *channel = LSYNC_OF(link, lsync_channel, link);

    (void)pthread_mutex_unlock(&p->mutex);
    channel->ops->connect(channel->state);
    (void)pthread_mutex_lock(&p->mutex);
    lsync_queue_append(&p->helper.connected, link);
}

/* Connects the next channel, or makes the next request. Returns false if there is nothing to do. */
static bool work(lock_sync_pool *p)
{
    lsync_link *link = lsync_queue_take(&p->helper.connecting); /* first, because many decisions may wait for it */

    if (link != NULL) {
        connect_channel(p, link);
    } else {
        link = lsync_queue_take(&p->helper.requests);
        if (link == NULL)
            return false;
        make_request(p, link);
    }
    lsync_loop_wake(&p->loop);
    return true;
}

static void *run(void *user)
{
    lock_sync_pool *p = user;
    lsync_helper *h = &p->helper;

    (void)pthread_mutex_lock(&p->mutex);
    while (!h->stop)
        if (!work(p))
            (void)pthread_cond_wait(&h->work, &p->mutex);
    (void)pthread_mutex_unlock(&p->mutex);
    return NULL;
}

/* Blocks all signals in the thread, because they are the application's. */
static bool start_thread(lock_sync_pool *p)
{
    sigset_t all;
    sigset_t old;
    bool started;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    started = pthread_create(&p->helper.thread, NULL, run, p) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return started;
}

static bool start(lock_sync_pool *p)
{
    lsync_helper *h = &p->helper;

    lsync_queue_init(&h->requests);
    lsync_queue_init(&h->done);
    lsync_queue_init(&h->connecting);
    lsync_queue_init(&h->connected);
    if (pthread_cond_init(&h->work, NULL) != 0)
        return false;
    h->runs = start_thread(p);
    if (!h->runs)
        (void)pthread_cond_destroy(&h->work);
    return h->runs;
}

lock_sync_status lsync_helper_send(lsync_job *job)
{
    lock_sync_pool *p = job->pool;

    if (!p->helper.runs && !start(p))
        return LOCK_SYNC_E_NO_MEMORY;
    (void)pthread_mutex_lock(&p->mutex);
    job->request.waiting = true;
    lsync_queue_append(&p->helper.requests, &job->link);
    (void)pthread_cond_signal(&p->helper.work);
    (void)pthread_mutex_unlock(&p->mutex);
    return LOCK_SYNC_OK;
}

bool lsync_helper_connect(lock_sync_pool *p, lsync_channel *channel)
{
    if (!p->helper.runs && !start(p))
        return false;
    (void)pthread_mutex_lock(&p->mutex);
    lsync_queue_append(&p->helper.connecting, &channel->link);
    (void)pthread_cond_signal(&p->helper.work);
    (void)pthread_mutex_unlock(&p->mutex);
    return true;
}

lsync_channel *lsync_helper_connected(lock_sync_pool *p)
{
    lsync_link *link = p->helper.runs ? lsync_pool_take(p, &p->helper.connected) : NULL;

    return link == NULL ? NULL : LSYNC_OF(link, lsync_channel, link);
}

bool lsync_helper_withdraw(lsync_job *job)
{
    lock_sync_pool *p = job->pool;
    bool withdrawn;

    (void)pthread_mutex_lock(&p->mutex);
    withdrawn = job->request.waiting && job->x.fetch.state != LSYNC_FETCH_SETTLING;
    if (withdrawn) {
        job->request.waiting = false;
        lsync_queue_remove(&job->link);
    }
    (void)pthread_mutex_unlock(&p->mutex);
    return withdrawn;
}

lsync_job *lsync_helper_receive(lock_sync_pool *p)
{
    lsync_link *link = p->helper.runs ? lsync_pool_take(p, &p->helper.done) : NULL;

    return link == NULL ? NULL : LSYNC_OF(link, lsync_job, link);
}

void lsync_helper_stop(lock_sync_pool *p)
{
    lsync_helper *h = &p->helper;
    lsync_link *link;

    if (!h->runs)
        return;
    (void)pthread_mutex_lock(&p->mutex);
    h->stop = true;
    (void)pthread_cond_signal(&h->work);
    (void)pthread_mutex_unlock(&p->mutex);
    (void)pthread_join(h->thread, NULL);
    (void)pthread_cond_destroy(&h->work);
    /* the requests that were not begun settle slots or release guards; all others were withdrawn when their jobs were
       aborted */
    while ((link = lsync_queue_take(&h->requests)) != NULL) {
        lsync_job_make_request(LSYNC_OF(link, lsync_job, link));
        lsync_queue_append(&h->done, link);
    }
}
