/* A guard's record on a Redis server; see redis_store.h.

   If the reply to a swap is lost, it is unknown whether the server carried it out. Then the slot is not used, and its
   lease runs out. */
#include "guard/redis/redis_store.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

lock_sync_redis *lsync_redis_ref(lock_sync_redis *r)
{
    (void)atomic_fetch_add(&r->users, 1);
    return r;
}

void lsync_redis_unref(lock_sync_redis *r)
{
    lock_sync_allocator memory;

    if (atomic_fetch_sub(&r->users, 1) > 1)
        return;
    memory = r->memory;
    lsync_redis_disconnect(&r->session.connection);
    lsync_fork_mutex_destroy(&r->mutex);
    lsync_wipe(r, sizeof *r);
    lsync_free(&memory, r);
}

static void warn(lock_sync_redis *r, char *warning, size_t size)
{
    if (r->has_warned)
        return;
    lsync_redis_session_warn(&r->session, warning, size);
    r->has_warned = warning[0] != '\0';
}

/* Carries out a swap on the shared connection. If the server was silent for a second, the swaps of the next second fail
   at once. Else all who wait for the connection, or free many guards, would wait for a second each. */
static bool carry_out(lock_sync_redis *r, lock_sync_guard_swap *swap)
{
    bool was_connected = lsync_redis_is_connected(&r->session.connection);
    int64_t begun_us = lsync_clock_boot_us();
    bool good;

    /* a time that is too far ahead is of a clock that failed; connection.why still has the cause */
    if (begun_us < r->silent_until_us && r->silent_until_us - begun_us <= LSYNC_REDIS_TIMEOUT_US)
        return false;
    good = lsync_redis_script_run(&r->script, &r->session, swap);
    if (good || lsync_redis_is_connected(&r->session.connection))
        return good;
    if (lsync_clock_boot_us() - begun_us >= LSYNC_REDIS_TIMEOUT_US) {
        r->silent_until_us = lsync_clock_boot_us() + LSYNC_REDIS_TIMEOUT_US;
        return false;
    }
    /* the server may have closed a connection that was not used for a while */
    return was_connected && lsync_redis_script_run(&r->script, &r->session, swap);
}

void lsync_redis_carry_out(void *user, lock_sync_guard_swap *swap)
{
    lsync_redis_store *s = user;
    lock_sync_redis *r = s->server;

    lsync_fork_mutex_lock(&r->mutex);
    if (carry_out(r, swap)) {
        swap->status = LOCK_SYNC_OK;
        warn(r, swap->warning, sizeof swap->warning);
    } else {
        swap->status = LOCK_SYNC_E_GUARD;
        swap->replaced = false;
        swap->unknown = swap->record_size > 0;
        (void)snprintf(swap->why, sizeof swap->why, "%s", r->session.connection.why);
    }
    lsync_fork_mutex_unlock(&r->mutex);
}

bool lsync_redis_prepare(lock_sync_redis *r, const char *key, size_t key_size)
{
    lock_sync_guard_swap look = {.struct_size = sizeof look, .key = key, .key_size = key_size};

    if (!carry_out(r, &look))
        return false;
    return r->session.info.has_source ||
           lsync_redis_session_fail(&r->session, "it does not allow INFO, so an absent record counts as lost", NULL);
}
