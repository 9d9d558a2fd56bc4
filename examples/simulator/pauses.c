/* One thread resumes suspended connections when their pause ends. All pauses of a kind have the same length, so they
   end in the order in which they began. A queue for each kind is enough, whatever the number of connections. */

#include "pauses.h"

#include "locks.h"
#include "text.h"

#include <microhttpd.h>
#include <pthread.h>
#include <time.h>

struct queue {
    int64_t lasts_us;
    struct pause *first;
    struct pause *last;
};

struct pauses {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool ending;
    struct queue queues[PAUSE_KINDS];
};

static void resume_due(struct pauses *pauses, int64_t now_us)
{
    struct pause *pause;

    for (int i = 0; i < PAUSE_KINDS; i++)
        while ((pause = pauses->queues[i].first) != NULL && pause->due_us <= now_us) {
            pauses->queues[i].first = pause->next; /* before: a resumed connection may reuse its pause */
            MHD_resume_connection(pause->connection);
        }
}

static int64_t next_due(const struct pauses *pauses)
{
    int64_t due = INT64_MAX;

    for (int i = 0; i < PAUSE_KINDS; i++)
        if (pauses->queues[i].first != NULL && pauses->queues[i].first->due_us < due)
            due = pauses->queues[i].first->due_us;
    return due;
}

static void wait_until(struct pauses *pauses, int64_t due_us)
{
    struct timespec due = {.tv_sec = (time_t)(due_us / 1000000), .tv_nsec = (long)(due_us % 1000000) * 1000};

    if (due_us == INT64_MAX)
        pthread_cond_wait(&pauses->changed, &pauses->lock);
    else
        pthread_cond_timedwait(&pauses->changed, &pauses->lock, &due);
}

static void *run(void *user)
{
    struct pauses *pauses = user;

    pthread_mutex_lock(&pauses->lock);
    while (!pauses->ending) {
        resume_due(pauses, monotonic_us());
        wait_until(pauses, next_due(pauses));
    }
    resume_due(pauses, INT64_MAX);
    pthread_mutex_unlock(&pauses->lock);
    return NULL;
}

struct pauses *pauses_new(int64_t delay_us, int64_t trickle_us)
{
    struct pauses *pauses = must(calloc(1, sizeof *pauses));
    pthread_condattr_t monotonic;

    pauses->queues[PAUSE_DELAY].lasts_us = delay_us;
    pauses->queues[PAUSE_TRICKLE].lasts_us = trickle_us;
    pthread_mutex_init(&pauses->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pauses->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&pauses->thread, NULL, run, pauses) != 0)
        fatal("cannot start a thread");
    return pauses;
}

bool pauses_begin(struct pauses *pauses, enum pause_kind kind, struct pause *pause, struct MHD_Connection *connection)
{
    struct queue *queue = &pauses->queues[kind];
    bool begun;

    pthread_mutex_lock(&pauses->lock);
    begun = !pauses->ending;
    if (begun) {
        MHD_suspend_connection(connection); /* under the lock: it must not be resumed before it is suspended */
        *pause = (struct pause){.connection = connection, .due_us = monotonic_us() + queue->lasts_us};
        if (queue->first == NULL) {
            queue->first = pause;
            pthread_cond_signal(&pauses->changed);
        } else {
            queue->last->next = pause;
        }
        queue->last = pause;
    }
    pthread_mutex_unlock(&pauses->lock);
    return begun;
}

void pauses_end(struct pauses *pauses)
{
    pthread_mutex_lock(&pauses->lock);
    pauses->ending = true;
    pthread_cond_signal(&pauses->changed);
    pthread_mutex_unlock(&pauses->lock);
    pthread_join(pauses->thread, NULL);
}

void pauses_free(struct pauses *pauses)
{
    if (pauses == NULL)
        return;
    pthread_cond_destroy(&pauses->changed);
    pthread_mutex_destroy(&pauses->lock);
    free(pauses);
}
