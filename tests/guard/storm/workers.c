/* The processes of a storm that call their guard: each uses it repeatedly, and logs the times of its requests. A
   request is made up. It is sent when the clock is looked at last, and arrives some time later. So it does not matter
   when this process gets to run again. */
#include "storm.h"

#include "../../support/kit.h"
#include "../../support/decoding.h"

#include <unistd.h>

#define MARGIN_US 20000

const guard_limits storm_limits = {INTERVAL_MS, 1000000, 0};

/* --- users --- */

storm_user storm_new_user(board *b, int way, lock_sync_guard *guard)
{
    unsigned number = atomic_fetch_add(&b->users, 1);

    return (storm_user){.board = b, .number = number, .way = way, .guard = guard, .seed = 4711 + number};
}

use *storm_new_use(storm_user *user)
{
    unsigned i = atomic_fetch_add(&user->board->uses, 1);

    if (i >= USES_MAX)
        kit_die("the log is full");
    user->board->use[i].user = user->number;
    user->board->use[i].is_pooled = user->way == IN_POOL;
    user->board->use[i].outcome = LOCK_SYNC_SLOT_NOT_SENT;
    return &user->board->use[i];
}

void storm_note_decision(storm_user *user, unsigned losses)
{
    _Atomic int64_t *decided_us = &user->board->decided_us[user->way][losses];
    int64_t now_us = kit_now_us();
    int64_t none = 0;
    size_t left = 0;

    (void)atomic_compare_exchange_strong(decided_us, &none, now_us);
    for (size_t i = 0; i < user->own_count; i++) {
        use *u = user->own[i];

        if (atomic_load(&u->known_us[losses]) == 0)
            atomic_store(&u->known_us[losses], now_us);
        if (u->end_us + u->retry_after_us > now_us)
            user->own[left++] = u;
    }
    user->own_count = left;
}

void storm_note_429(storm_user *user, use *u, int64_t retry_after_us)
{
    if (user->own_count == OWN_MAX)
        kit_die("too many 429s");
    u->outcome = LOCK_SYNC_SLOT_LIMITED;
    u->retry_after_us = retry_after_us;
    user->own[user->own_count++] = u;
}

bool storm_happens(uint64_t *seed, unsigned percent)
{
    return t_random(seed) % 100 < percent;
}

/* --- requests --- */

/* Sends the request of a slot, unless its lease could end before the request. */
static void send_request(storm_user *w, use *u)
{
    board *b = w->board;
    int64_t took_us = (int64_t)(t_random(&w->seed) % (REQUEST_MS_MAX * 1000));
    int limit_ms = atomic_exchange(&b->limit_next_ms, 0);
    int64_t now_us = kit_now_us();

    u->until_us = u->asked_us + LEASE_MS * 1000;
    if (now_us + took_us + MARGIN_US > u->until_us) {
        atomic_store(&b->limit_next_ms, limit_ms);
        return;
    }
    u->begin_us = now_us;
    u->end_us = now_us + took_us;
    while (kit_now_us() < u->end_us)
        (void)usleep((useconds_t)(u->end_us - now_us));
    u->outcome = LOCK_SYNC_SLOT_SENT;
    if (limit_ms == 0 && storm_happens(&w->seed, 3))
        limit_ms = 200 + (int)(t_random(&w->seed) % 800);
    if (limit_ms > 0) {
        storm_note_429(w, u, (int64_t)limit_ms * 1000);
        atomic_store(&b->is_limited, true);
        (void)usleep(
            (useconds_t)(t_random(&w->seed) % 6000)); /* the store may lose its record before the 429 is written */
    }
}

static void use_slot(storm_user *w, int64_t slot, int64_t asked_us)
{
    use *u = storm_new_use(w);
    unsigned losses;

    u->asked_us = asked_us;
    send_request(w, u);
    if (u->outcome == LOCK_SYNC_SLOT_SENT && storm_happens(&w->seed, 3))
        return; /* never settled: its lease ends later */
    losses = atomic_load(&w->board->losses);
    u->settled = lock_sync_guard_settle(w->guard, slot, u->outcome,
                                        u->outcome == LOCK_SYNC_SLOT_LIMITED ? u->retry_after_us / 1000 : -1) ==
                 LOCK_SYNC_OK;
    if (u->settled)
        storm_note_decision(w, losses);
}

static void work(storm_user *w)
{
    while (!atomic_load(&w->board->stop)) {
        unsigned losses = atomic_load(&w->board->losses);
        int64_t asked_us = kit_now_us();
        int64_t slot = 0;
        lock_sync_status status = lock_sync_guard_reserve(w->guard, LEASE_MS, NULL, &slot);

        if (status == LOCK_SYNC_OK || status == LOCK_SYNC_E_TOO_SOON)
            storm_note_decision(w, losses);
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
    storm_user w = storm_new_user(b, BLOCKING, guard_at(&b->place, &storm_limits));

    work(&w);
    lock_sync_guard_unref(w.guard);
    return 0;
}
