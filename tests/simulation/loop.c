/* The pool's loop on virtual time: replaces transport/loop.c and loop_epoll.c. */
#include "checks.h"
#include "network.h"

#include <stdlib.h>

multi *multi_of(const lsync_loop *l)
{
    return (multi *)l->multi;
}

int64_t loop_ready_us(const lsync_loop *l)
{
    const multi *m = multi_of(l);
    int64_t event_us = m == NULL ? NEVER_US : network_event_us(m);

    if (app_of_loop(l)->is_awake)
        return clock_now_us();
    return event_us < l->armed_us ? event_us : l->armed_us;
}

/* --- life cycle --- */

static multi *new_multi(lsync_loop *l)
{
    multi *m = calloc(1, sizeof *m);

    if (m == NULL)
        abort();
    m->loop = l;
    return m;
}

static void free_multi(lsync_loop *l)
{
    multi *m = multi_of(l);

    if (m == NULL)
        return;
    if (m->easies != NULL)
        violation("the loop ends while a transfer runs in it");
    connection_close_all(m);
    free(m);
    l->multi = NULL;
}

lock_sync_status lsync_loop_init(lsync_loop *l, const lock_sync_allocator *memory)
{
    *l = (lsync_loop){.memory = memory, .epoll_fd = -1, .timer_fd = -1, .wake_fd = -1};
    l->curl_due_us = l->armed_us = NEVER_US;
    l->multi = (CURLM *)new_multi(l);
    return LOCK_SYNC_OK;
}

void lsync_loop_release(lsync_loop *l)
{
    app *owner = app_of_loop(l);

    free_multi(l);
    if (owner != NULL) {
        check_pool_gone(owner);
        owner->pool = NULL;
        owner->loop = NULL;
    }
}

void lsync_loop_replace_multi(lsync_loop *l)
{
    free_multi(l);
    l->curl_due_us = NEVER_US;
    if (fault_happens(FAULT_MULTI))
        return;
    l->multi = (CURLM *)new_multi(l);
}

lock_sync_status lsync_loop_limit(lsync_loop *l, uint32_t per_origin, uint32_t total)
{
    l->owner.per_origin = per_origin;
    l->total = total;
    return LOCK_SYNC_OK;
}

/* --- waiting --- */

void lsync_loop_arm(lsync_loop *l, int64_t own_due_us)
{
    int64_t due_us = own_due_us < l->curl_due_us ? own_due_us : l->curl_due_us;

    l->armed_us = due_us < 1 ? 1 : due_us;
}

void lsync_loop_wake(const lsync_loop *l)
{
    app_of_loop(l)->is_awake = true;
}

/* Does what epoll_wait() does: time passes until something is ready, while servers and helper continue. */
static void wait_for(const lsync_loop *l, int timeout_ms)
{
    int64_t until_us = timeout_ms < 0 ? NEVER_US : clock_now_us() + (int64_t)timeout_ms * 1000;

    while (loop_ready_us(l) > clock_now_us() && clock_now_us() < until_us) {
        int64_t next_us = loop_ready_us(l);

        next_us = server_due_us() < next_us ? server_due_us() : next_us;
        next_us = helper_due_us() < next_us ? helper_due_us() : next_us;
        next_us = until_us < next_us ? until_us : next_us;
        if (next_us == NEVER_US)
            violation("the pool waits forever");
        clock_go_to(next_us);
        server_run();
        helper_run();
    }
}

lock_sync_status lsync_loop_pass(lsync_loop *l, int timeout_ms)
{
    multi *m = multi_of(l);

    l->owner.passes++;
    if (timeout_ms != 0)
        wait_for(l, timeout_ms);
    l->more = false;
    if (l->armed_us <= clock_now_us())
        l->armed_us = NEVER_US;
    app_of_loop(l)->is_awake = false;
    if (m == NULL)
        return LOCK_SYNC_OK;
    if (fault_happens(FAULT_TURN))
        return LOCK_SYNC_E_NO_MEMORY;
    network_turn(m);
    network_time_out(m);
    l->curl_due_us = network_timer_us(m);
    return LOCK_SYNC_OK;
}

/* --- transfers --- */

lock_sync_status lsync_loop_start(lsync_loop *l, lsync_transfer *t)
{
    if (fault_happens(FAULT_START))
        return LOCK_SYNC_E_NO_MEMORY;
    l->owner.transfers++;
    network_start(multi_of(l), t->easy);
    l->curl_due_us = clock_now_us();
    return LOCK_SYNC_OK;
}

void lsync_loop_stop(lsync_loop *l, lsync_transfer *t)
{
    l->owner.transfers--;
    network_remove(t->easy);
    l->curl_due_us = clock_now_us(); /* those that wait for a connection may get one now */
}

static easy *first_over(const multi *m)
{
    easy *first = NULL;

    for (easy *e = m == NULL ? NULL : m->easies; e != NULL; e = e->next)
        if (e->stage == STAGE_OVER && (first == NULL || e->over < first->over))
            first = e;
    return first;
}

lsync_transfer *lsync_loop_finished(lsync_loop *l)
{
    lsync_transfer *first = NULL;
    lsync_transfer **end = &first;
    easy *e;

    while ((e = first_over(multi_of(l))) != NULL) {
        *end = e->t;
        e->t->code = e->code;
        e->t->next_over = NULL;
        end = &e->t->next_over;
        l->owner.transfers--;
        network_remove(e);
    }
    return first;
}

/* Does nothing, because no store of the simulation has a channel. */
void lsync_loop_add_guest(lsync_loop *l, lsync_guest *guest)
{
    (void)l, (void)guest;
}

void lsync_loop_remove_guest(lsync_loop *l, lsync_guest *guest)
{
    (void)l, (void)guest;
}

void lsync_loop_watch(lsync_loop *l, lsync_guest *guest, int fd, bool writes)
{
    (void)l, (void)guest, (void)fd, (void)writes;
}
