/* The processes of a storm: each uses its guard repeatedly, and logs the true times of its requests. */
#include "storm.h"

#include "../../support/kit.h"
#include "../../support/decoding.h"

#include <unistd.h>

#define REQUEST_MS_MAX 40
#define OWN_MAX 64 /* 429s of a process that still apply */

typedef struct worker {
    board *board;
    lock_sync_guard *guard;
    uint64_t seed;
    use *own[OWN_MAX]; /* the 429s that it received */
    size_t own_count;
} worker;

/* Records that a decision after this many losses has reached the store: now the store knows this process's 429s. */
static void note_decision(worker *w, unsigned losses)
{
    int64_t now_us = kit_now_us();
    size_t left = 0;

    for (size_t i = 0; i < w->own_count; i++) {
        use *u = w->own[i];

        if (atomic_load(&u->known_us[losses]) == 0)
            atomic_store(&u->known_us[losses], now_us);
        if (u->end_us + u->retry_after_us > now_us)
            w->own[left++] = u;
    }
    w->own_count = left;
}

static bool happens(worker *w, unsigned percent)
{
    return t_random(&w->seed) % 100 < percent;
}

/* Sends the request of a slot, unless its lease could end before the request. */
static void send_request(worker *w, use *u)
{
    board *b = w->board;
    int64_t took_us = (int64_t)(t_random(&w->seed) % (REQUEST_MS_MAX * 1000));
    int limit_ms = atomic_exchange(&b->limit_next_ms, 0);

    u->outcome = LOCK_SYNC_SLOT_NOT_SENT;
    if (kit_now_us() + took_us + 20000 > u->asked_us + LEASE_MS * 1000) {
        atomic_store(&b->limit_next_ms, limit_ms);
        return;
    }
    u->begin_us = kit_now_us();
    (void)usleep((useconds_t)took_us);
    u->end_us = kit_now_us();
    u->outcome = LOCK_SYNC_SLOT_SENT;
    if (limit_ms == 0 && happens(w, 3))
        limit_ms = 200 + (int)(t_random(&w->seed) % 800);
    if (limit_ms > 0 && w->own_count < OWN_MAX) {
        u->outcome = LOCK_SYNC_SLOT_LIMITED;
        u->retry_after_us = (int64_t)limit_ms * 1000;
        w->own[w->own_count++] = u;
        atomic_store(&b->is_limited, true);
        (void)usleep(
            (useconds_t)(t_random(&w->seed) % 6000)); /* the store may lose its record before the 429 is written */
    }
}

static void use_slot(worker *w, int64_t slot, int64_t asked_us)
{
    unsigned i = atomic_fetch_add(&w->board->uses, 1);
    unsigned losses;
    use *u;

    if (i >= USES_MAX)
        kit_die("the log is full");
    u = &w->board->use[i];
    u->pid = getpid();
    u->asked_us = asked_us;
    send_request(w, u);
    if (u->outcome == LOCK_SYNC_SLOT_SENT && happens(w, 3))
        return; /* never settled: its lease ends later */
    losses = atomic_load(&w->board->losses);
    u->settled = lock_sync_guard_settle(w->guard, slot, u->outcome,
                                        u->outcome == LOCK_SYNC_SLOT_LIMITED ? u->retry_after_us / 1000 : -1) ==
                 LOCK_SYNC_OK;
    if (u->settled)
        note_decision(w, losses);
}

static void work(worker *w)
{
    while (!atomic_load(&w->board->stop)) {
        unsigned losses = atomic_load(&w->board->losses);
        int64_t asked_us = kit_now_us();
        int64_t slot = 0;
        lock_sync_status status = lock_sync_guard_reserve(w->guard, LEASE_MS, NULL, &slot);

        if (status == LOCK_SYNC_OK || status == LOCK_SYNC_E_TOO_SOON)
            note_decision(w, losses);
        else
            atomic_fetch_add(&w->board->failures, 1);
        if (status == LOCK_SYNC_OK)
            use_slot(w, slot, asked_us);
        (void)usleep((useconds_t)(2000 + t_random(&w->seed) % 10000));
    }
}

int storm_work(void *user)
{
    board *b = user;
    worker w = {.board = b, .seed = 4711 + atomic_fetch_add(&b->workers, 1)};

    w.guard = guard_at(&b->place, INTERVAL_MS, 1000000, 0);
    work(&w);
    lock_sync_guard_unref(w.guard);
    return 0;
}
