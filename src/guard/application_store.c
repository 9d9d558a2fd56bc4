/* A guard's record in the application's store: look, decide, compare-and-swap. Starts again if another user was
   faster. With `carry_out`, proposes a decision first. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "guard/proposal.h"
#include "guard/store.h"
#include "locksync/error.h"

#include <stdio.h>
#include <string.h>

#define TRIES_MAX 100
#define MS_MAX ((int64_t)1 << 50) /* far beyond any clock, and its microseconds still fit */
#define MILLISECONDS_US 999       /* how much a clock of whole milliseconds may be behind */
#define DESCRIPTION_MAX 128       /* the store's description of a failure */

typedef struct application_store {
    lock_sync_allocator memory;
    lock_sync_guard_store store;
    lsync_random random;
    lsync_guard_view view;
} application_store;

static lock_sync_status fail(const char *text, char *why)
{
    (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "the store's %s", text);
    return LOCK_SYNC_E_GUARD;
}

static lock_sync_status call_failed(const application_store *s, const char *what, lock_sync_status status, char *why)
{
    char text[DESCRIPTION_MAX] = "";

    if (s->store.describe != NULL)
        s->store.describe(s->store.user, text, sizeof text);
    text[sizeof text - 1] = '\0';
    lsync_one_line(text);
    if (s->store.look != NULL && text[0] != '\0')
        (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "%s", text); /* the text itself says what failed */
    else
        (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "the store's %s failed: %s", what,
                       text[0] != '\0' ? text : lock_sync_status_name(status));
    return LOCK_SYNC_E_GUARD;
}

/* Calls the store's `look`, or `load` if it has no `look`. */
static lock_sync_status call_look(const application_store *s, lock_sync_guard_look *look)
{
    lock_sync_status status;
    int64_t now_ms = 0;

    if (s->store.look != NULL)
        return s->store.look(s->store.user, look);
    status = s->store.load(s->store.user, look->record, &look->size, &now_ms);
    look->now_us = now_ms <= 0 || now_ms > MS_MAX ? 0 : now_ms * 1000;
    return status;
}

/* Reads the store's record, and its bytes into `before`. */
static lock_sync_status look(const application_store *s, lsync_guard_view *view,
                             unsigned char before[LOCK_SYNC_GUARD_RECORD_MAX], size_t *size, lsync_guard_snapshot *h,
                             char *why)
{
    lock_sync_guard_look l = {
        .struct_size = sizeof l, .record = before, .size = LOCK_SYNC_GUARD_RECORD_MAX, .empty_since_us = INT64_MIN};
    int64_t asked_us = lsync_clock_boot_us();
    lock_sync_status status = call_look(s, &l);

    if (status != LOCK_SYNC_OK)
        return call_failed(s, "load", status, why);
    if (l.now_us <= 0 || l.now_us > MS_MAX * 1000)
        return fail("time is not usable", why);
    memset(h, 0, sizeof *h);
    h->own_now_us = lsync_clock_boot_us();
    h->own_asked_us = asked_us;
    h->now_us = l.now_us;
    l.warning[sizeof l.warning - 1] = '\0';
    lsync_one_line(l.warning);
    if (l.warning[0] != '\0') /* the store sends it once, so it is taken even if the record is damaged */
        memcpy(view->warning, l.warning, sizeof view->warning);
    h->present = l.size != 0;
    if (h->present && !lsync_guard_unpack(before, l.size, &h->stored))
        return fail("record is damaged", why);
    lsync_guard_snapshot_set_source(h, l.source, l.empty_since_us);
    *size = l.size;
    return LOCK_SYNC_OK;
}

static lock_sync_status call_swap(const application_store *s, const void *before, size_t size,
                                  const unsigned char after[LSYNC_GUARD_RECORD_SIZE], const lsync_guard_snapshot *h,
                                  bool *replaced)
{
    if (s->store.swap == NULL)
        return s->store.replace(s->store.user, before, size, after, LSYNC_GUARD_RECORD_SIZE, replaced);
    return s->store.swap(s->store.user, before, size, after, LSYNC_GUARD_RECORD_SIZE, lsync_guard_expires_in_ms(h),
                         replaced);
}

/* Tries once to make and write a decision. *done: the decision is valid. If `swap` fails, the record may still have
   been written. Then the next look returns that record, and no user has its new slot. */
static lock_sync_status try_update(const application_store *s, lsync_guard_view *view,
                                   const lsync_guard_decision *decision, int64_t slot, bool *done, char *why)
{
    unsigned char before[LOCK_SYNC_GUARD_RECORD_MAX];
    unsigned char after[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_snapshot h;
    size_t size = 0;
    lock_sync_status status = look(s, view, before, &size, &h, why);

    if (status != LOCK_SYNC_OK)
        return status;
    *done = !lsync_guard_view_decide(view, &h, decision, slot, after);
    if (!*done)
        status = call_swap(s, before, size, after, &h, done);
    if (status != LOCK_SYNC_OK)
        return call_failed(s, "replace", status, why);
    if (*done)
        lsync_guard_view_see(view, lsync_guard_view_mark_of(view), &h);
    return LOCK_SYNC_OK;
}

static lock_sync_status update(void *state, lsync_guard_view *view, const lsync_guard_decision *decision, char *why)
{
    application_store *s = state;

    for (int i = 0; i < TRIES_MAX; i++) {
        bool done = false;
        lock_sync_status status = try_update(s, view, decision, lsync_random_next(&s->random), &done, why);

        if (status != LOCK_SYNC_OK || done)
            return status;
    }
    (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "others changed the store's record %d times in a row", TRIES_MAX);
    return LOCK_SYNC_E_GUARD;
}

/* Makes a decision by proposals. */
static lock_sync_status update_by_swaps(void *state, lsync_guard_view *view, const lsync_guard_decision *decision,
                                        char *why)
{
    application_store *s = state;
    lsync_proposal_input input = {decision, lsync_clock_boot_us(), lsync_random_next(&s->random)};
    lsync_proposal_state progress;
    lsync_proposal p;

    lsync_proposal_begin(&p, view, &input);
    do {
        p.swap.key = s->store.key;
        p.swap.key_size = s->store.key_size;
        s->store.carry_out(s->store.user, &p.swap);
        input.own_now_us = lsync_clock_boot_us();
        input.slot = lsync_random_next(&s->random);
        progress = lsync_proposal_continue(&p, view, &input);
    } while (progress == LSYNC_PROPOSAL_OPEN);
    if (progress == LSYNC_PROPOSAL_DONE)
        return LOCK_SYNC_OK;
    (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "%s", p.swap.why);
    return lsync_proposal_status(&p);
}

/* Makes the child draw other slots than its parent. */
static void after_fork(void *state)
{
    application_store *s = state;

    lsync_random_seed(&s->random);
}

static void destroy(void *state)
{
    application_store *s = state;

    if (s->store.destroy != NULL)
        s->store.destroy(s->store.user);
    lsync_free(&s->memory, s);
}

/* Returns whether a store has the required functions. */
static bool is_complete(const lock_sync_guard_store *store)
{
    return store->carry_out != NULL || (store->look != NULL && store->swap != NULL) ||
           (store->load != NULL && store->replace != NULL);
}

static bool is_channel(const lock_sync_guard_channel_ops *ops)
{
    return ops == NULL ||
           (ops->struct_size >= sizeof *ops && ops->open != NULL && ops->connect != NULL && ops->begin != NULL &&
            ops->proceed != NULL && ops->fd != NULL && ops->wants != NULL && ops->close != NULL);
}

lock_sync_status lsync_application_store_new(const lock_sync_allocator *memory, const lock_sync_guard_store *store,
                                             lsync_guard_store *out)
{
    lock_sync_guard_store complete; /* a shorter struct is from an older header and lacks the last members */
    application_store *s;

    if (store == NULL || store->struct_size < offsetof(lock_sync_guard_store, destroy))
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    lsync_copy_struct(&complete, sizeof complete, store, store->struct_size);
    if (!is_complete(&complete) || !is_channel(complete.channel_ops))
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    s = lsync_alloc(memory, sizeof *s);
    if (s == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    s->memory = *memory;
    s->store = complete;
    lsync_guard_view_init(&s->view);
    lsync_random_seed(&s->random);
    *out = (lsync_guard_store){
        .state = s,
        .channel = {s->store.channel_ops, s->store.channel_user, s->store.key, s->store.key_size},
        .granularity_us = s->store.carry_out != NULL || s->store.look != NULL ? 0 : MILLISECONDS_US,
        .view = &s->view,
        .update = s->store.carry_out != NULL ? update_by_swaps : update,
        .destroy = destroy,
        .after_fork = after_fork};
    return LOCK_SYNC_OK;
}
