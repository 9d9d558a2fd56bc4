/* The processes of the soak: threads that fetch in mode WAIT, with a random delay between slot and request. */
#include "shared.h"

#include "base/memory.h"
#include "transport/transport.h"
#include "wire/response.h"

#include "../../support/kit.h"
#include "../../support/decoding.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#ifdef SOAK_REDIS
#include <locksync/redis.h>
#endif

typedef struct worker {
    pthread_t thread;
    board *board;
    lock_sync_guard *guard;
    lock_sync_transport inner; /* the built-in one */
    uint64_t seed;
} worker;

int64_t soak_now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- a transport that is late by 0 .. 30 ms, as connections are, and notes what it does --- */

static lock_sync_status late_perform(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    worker *w = user;
    unsigned i = atomic_fetch_add(&w->board->uses, 1);
    use *u = &w->board->use[i < USES_MAX ? i : USES_MAX - 1];
    lock_sync_status status;

    u->pid = getpid();
    u->until_us = soak_now_us() + lock_sync_request_timeout_ms(q) * 1000;
    atomic_store(&u->begin_us, soak_now_us());
    (void)usleep((useconds_t)(t_random(&w->seed) % (JITTER_MS * 1000)));
    status = w->inner.perform(w->inner.user, q, s);
    u->unsent = s->sends == 0;
    atomic_store(&u->end_us, soak_now_us());
    return status;
}

static void late_cancel(void *user)
{
    worker *w = user;

    w->inner.cancel(w->inner.user);
}

static lock_sync_ctx *new_ctx(worker *w)
{
    const lock_sync_transport late = {sizeof late, w, late_perform, late_cancel, NULL};
    lock_sync_ctx *ctx;

    if (lock_sync_ctx_new(&ctx) != LOCK_SYNC_OK || lock_sync_set_base_url(ctx, w->board->url) != LOCK_SYNC_OK ||
        lock_sync_set_personal_key(ctx, "demo-key") != LOCK_SYNC_OK ||
        lock_sync_set_timeout_ms(ctx, TIMEOUT_MS) != LOCK_SYNC_OK || lock_sync_set_transport(ctx, &late) != LOCK_SYNC_OK ||
        lock_sync_set_guard(ctx, w->guard) != LOCK_SYNC_OK ||
        lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_WAIT) != LOCK_SYNC_OK)
        kit_die("a context cannot be set up");
    return ctx;
}

static atomic_uint *count_of(board *b, lock_sync_status status)
{
    switch (status) {
    case LOCK_SYNC_OK:
        return &b->good;
    case LOCK_SYNC_E_TOO_SOON:
        return &b->too_soon;
    case LOCK_SYNC_E_GUARD:
        return &b->no_guard;
    case LOCK_SYNC_E_TIMEOUT:
        return &b->timed_out;
    case LOCK_SYNC_E_RATE_LIMITED:
        return &b->limited;
    default:
        return &b->other;
    }
}

static void *work(void *user)
{
    worker *w = user;
    board *b = w->board;
    lock_sync_ctx *ctx = new_ctx(w);

    while (!atomic_load(&b->stop)) {
        lock_sync_results *r = NULL;
        lock_sync_status status = lock_sync_fetch(ctx, NULL, 0, &r);
        int64_t none = 0;

        atomic_fetch_add(count_of(b, status), 1);
        if (status == LOCK_SYNC_E_TOO_SOON && lock_sync_error_retry_after_ms(lock_sync_last_error(ctx)) > 60000)
            (void)atomic_compare_exchange_strong(&b->spent_us, &none, soak_now_us());
        if (status != LOCK_SYNC_OK) /* others wait as well: come again soon */
            (void)usleep((useconds_t)(2000 + t_random(&w->seed) % 8000));
        lock_sync_results_free(r);
    }
    lock_sync_ctx_free(ctx);
    w->inner.destroy(w->inner.user);
    return NULL;
}

/* --- the process --- */

static lock_sync_guard *new_guard(const board *b)
{
    lock_sync_guard *g = NULL;

    if (b->file[0] != '\0') {
        while (lock_sync_guard_open_file(b->file, &g) != LOCK_SYNC_OK) /* on a busy machine its lock may be taken */
            (void)usleep(1000);
    } else if (b->redis[0] != '\0') {
#ifdef SOAK_REDIS
        lock_sync_redis *r;

        if (lock_sync_redis_new(b->redis, &r) == LOCK_SYNC_OK)
            (void)lock_sync_guard_open_redis(r, "soak", &g);
        lock_sync_redis_free(r);
#endif
    } else {
        (void)lock_sync_guard_new(&g);
    }
    if (g == NULL || lock_sync_guard_set_min_interval_ms(g, INTERVAL_MS) != LOCK_SYNC_OK ||
        lock_sync_guard_set_hourly_budget(g, b->budget, BUDGET_RESERVE) != LOCK_SYNC_OK)
        kit_die("a guard cannot be set up");
    return g;
}

static void run_threads(board *b, unsigned threads)
{
    lock_sync_allocator memory = {sizeof memory, NULL, NULL, NULL, NULL};
    lock_sync_guard *g = new_guard(b);
    worker *workers = calloc(threads, sizeof *workers);

    if (workers == NULL || !lsync_allocator_init(&memory, NULL))
        kit_die("out of memory");
    for (unsigned i = 0; i < threads; i++) {
        worker *w = &workers[i];

        *w = (worker){.board = b, .guard = g, .seed = (uint64_t)getpid() * 1000 + i};
        if (lsync_transport_new(&memory, &w->inner) != LOCK_SYNC_OK || pthread_create(&w->thread, NULL, work, w) != 0)
            kit_die("a worker cannot be started");
    }
    for (unsigned i = 0; i < threads; i++)
        (void)pthread_join(workers[i].thread, NULL);
    lock_sync_guard_unref(g);
    free(workers);
}

pid_t soak_start_process(board *b, unsigned threads)
{
    pid_t self = getpid();
    pid_t pid;

    (void)fflush(NULL);
    pid = fork();
    if (pid < 0)
        kit_die("no process");
    if (pid > 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != self)
        _exit(127);
    run_threads(b, threads);
    _exit(0);
}
