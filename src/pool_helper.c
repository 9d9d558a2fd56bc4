/* The pool's helper thread: guards whose stores may block (a file, Redis, a host's own) are decided here, one by one,
   so that dispatch never waits. A pool whose guards are in memory has no thread. */
#include "base/clock.h"
#include "pool.h"

#include <signal.h>

typedef struct lsync_helper lsync_helper;

struct lsync_helper {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    lsync_queue errands; /* jobs by their `link` */
    lsync_queue done;
    bool stop;
    const lsync_loop *loop; /* woken when something is done */
};

/* For a slot that lasts until the deadline, from now on: the errand may have waited for its turn. */
static lock_sync_status ask(const lsync_job *job, lsync_guard_answer *answer)
{
    lsync_guard_kind kind = job->errand.kind == LSYNC_ERRAND_REPEAT ? LSYNC_GUARD_REPEAT : LSYNC_GUARD_FIRST;
    int64_t hold_ms = (job->x.deadline_us - lsync_clock_boot_us() + 999) / 1000;

    *answer = (lsync_guard_answer){0};
    return hold_ms <= 0 ? LOCK_SYNC_E_TIMEOUT : lsync_guard_ask(job->errand.guard, kind, hold_ms, answer);
}

void lsync_errand_run(lsync_job *job)
{
    lsync_errand *e = &job->errand;

    if (e->kind == LSYNC_ERRAND_SETTLE) {
        e->status = lsync_guard_settle_all(e->guard, job->slot, &job->x.settlement);
        job->slot = 0;
    } else {
        e->status = ask(job, &e->answer);
        job->slot = e->answer.slot;
    }
}

bool lsync_errand_give_back(lsync_job *job)
{
    job->errand.kind = LSYNC_ERRAND_SETTLE;
    job->x.settlement = (lsync_settlement){LOCK_SYNC_SLOT_NOT_SENT, -1, 0};
    return job->slot != 0;
}

static void *run(void *user)
{
    lsync_helper *h = user;
    lsync_link *link;

    (void)pthread_mutex_lock(&h->mutex);
    while (!h->stop) {
        link = lsync_queue_first(&h->errands);
        if (link == NULL) {
            (void)pthread_cond_wait(&h->work, &h->mutex);
            continue;
        }
        lsync_queue_remove(link);
        LSYNC_OF(link, lsync_job, link)->errand.waiting = false;
        (void)pthread_mutex_unlock(&h->mutex);
        lsync_errand_run(LSYNC_OF(link, lsync_job, link));
        (void)pthread_mutex_lock(&h->mutex);
        lsync_queue_append(&h->done, link);
        lsync_loop_wake(h->loop);
    }
    (void)pthread_mutex_unlock(&h->mutex);
    return NULL;
}

/* The thread takes none of the host's signals. */
static bool start_thread(lsync_helper *h)
{
    sigset_t all;
    sigset_t old;
    bool started;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    started = pthread_create(&h->thread, NULL, run, h) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return started;
}

static lock_sync_status start(lock_sync_pool *p)
{
    lsync_helper *h = lsync_alloc(&p->memory, sizeof *h);

    if (h == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    h->stop = false;
    h->loop = &p->loop;
    lsync_queue_init(&h->errands);
    lsync_queue_init(&h->done);
    if (pthread_mutex_init(&h->mutex, NULL) == 0) {
        if (pthread_cond_init(&h->work, NULL) == 0) {
            if (start_thread(h)) {
                p->helper = h;
                return LOCK_SYNC_OK;
            }
            (void)pthread_cond_destroy(&h->work);
        }
        (void)pthread_mutex_destroy(&h->mutex);
    }
    lsync_free(&p->memory, h);
    return LOCK_SYNC_E_NO_MEMORY;
}

lock_sync_status lsync_helper_send(lsync_job *job)
{
    lock_sync_pool *p = job->pool;
    lock_sync_status status = p->helper == NULL ? start(p) : LOCK_SYNC_OK;

    if (status != LOCK_SYNC_OK)
        return status;
    (void)pthread_mutex_lock(&p->helper->mutex);
    job->errand.waiting = true;
    lsync_queue_append(&p->helper->errands, &job->link);
    (void)pthread_cond_signal(&p->helper->work);
    (void)pthread_mutex_unlock(&p->helper->mutex);
    return LOCK_SYNC_OK;
}

bool lsync_helper_withdraw(lsync_job *job)
{
    lsync_helper *h = job->pool->helper;
    bool withdrawn;

    (void)pthread_mutex_lock(&h->mutex);
    withdrawn = job->errand.waiting && job->errand.kind != LSYNC_ERRAND_SETTLE;
    if (withdrawn) {
        job->errand.waiting = false;
        lsync_queue_remove(&job->link);
    }
    (void)pthread_mutex_unlock(&h->mutex);
    return withdrawn;
}

lsync_job *lsync_helper_receive(lock_sync_pool *p)
{
    lsync_link *link = NULL;

    if (p->helper == NULL)
        return NULL;
    (void)pthread_mutex_lock(&p->helper->mutex);
    link = lsync_queue_first(&p->helper->done);
    if (link != NULL)
        lsync_queue_remove(link);
    (void)pthread_mutex_unlock(&p->helper->mutex);
    return link == NULL ? NULL : LSYNC_OF(link, lsync_job, link);
}

void lsync_helper_stop(lock_sync_pool *p)
{
    lsync_helper *h = p->helper;
    lsync_link *link;

    if (h == NULL)
        return;
    (void)pthread_mutex_lock(&h->mutex);
    h->stop = true;
    (void)pthread_cond_signal(&h->work);
    (void)pthread_mutex_unlock(&h->mutex);
    (void)pthread_join(h->thread, NULL);
    /* What was not begun is slots to be settled: questions were withdrawn when their jobs were aborted. */
    while ((link = lsync_queue_first(&h->errands)) != NULL) {
        lsync_queue_remove(link);
        lsync_errand_run(LSYNC_OF(link, lsync_job, link));
        lsync_queue_append(&h->done, link);
    }
}

void lsync_helper_release(lock_sync_pool *p)
{
    if (p->helper == NULL)
        return;
    (void)pthread_cond_destroy(&p->helper->work);
    (void)pthread_mutex_destroy(&p->helper->mutex);
    lsync_free(&p->memory, p->helper);
}
