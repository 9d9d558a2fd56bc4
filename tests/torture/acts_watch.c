/* The acts of diffs and watches; see acts.h. A watch does not report temporary failures, which are most of them. */
#include "acts.h"

static const int64_t ids[] = {1003, 1001, 9999};

static lock_sync_results *decode_text(scene *x, const char *body, size_t size)
{
    lock_sync_response *s;
    lock_sync_results *r;

    must(lock_sync_response_new(x->ctx, &s));
    must(lock_sync_response_set_status(s, 200));
    must(lock_sync_response_append_body(s, body, size));
    must(lock_sync_response_decode(x->ctx, x->q, s, &r));
    lock_sync_response_free(s);
    return r;
}

#define RESULTS(text) decode_text(x, text, sizeof(text) - 1)

static void make_results(scene *x)
{
    make_ctx(x);
    must(lock_sync_request_build(x->ctx, NULL, 0, &x->q));
    x->before = RESULTS("{\"result\":[{\"id\":1,\"isConnected\":true,\"deviceState\":{\"state\":6}},{\"id\":2}]}");
    x->after = RESULTS("{\"result\":[{\"id\":3},{\"id\":1,\"isConnected\":true,\"deviceState\":{\"state\":2}}]}");
}

static lock_sync_status diff(scene *x)
{
    static const uint32_t kinds[] = {LOCK_SYNC_CHANGE_STATE, LOCK_SYNC_CHANGE_REMOVED, LOCK_SYNC_CHANGE_ADDED};
    lock_sync_changes *c = NULL;
    lock_sync_status status = lock_sync_diff(x->before, x->after, &c);

    if (status == LOCK_SYNC_OK)
        look_at_changes(x, c, kinds, 3);
    x->wrong = x->wrong || (c != NULL) != (status == LOCK_SYNC_OK);
    lock_sync_changes_free(c);
    return status;
}

/* Checks the changes of the first response, which has two locks. */
static void look_at(scene *x, const lock_sync_changes *c)
{
    static const uint32_t kinds[] = {LOCK_SYNC_CHANGE_ADDED | LOCK_SYNC_CHANGE_CONNECTED | LOCK_SYNC_CHANGE_STATE,
                                     LOCK_SYNC_CHANGE_ADDED};

    look_at_changes(x, c, kinds, 2);
    x->wrong = x->wrong || lock_sync_changes_at(c, 0)->after->state != LOCK_SYNC_STATE_LOCKED;
}

static lock_sync_status new_watch(scene *x, lock_sync_watch **w)
{
    lock_sync_status status = lock_sync_watch_new(x->ctx, ids, 3, w);

    return status == LOCK_SYNC_OK ? lock_sync_watch_set_interval_ms(*w, 1) : status;
}

static lock_sync_status watch(scene *x)
{
    lock_sync_watch *w = NULL;
    lock_sync_changes *c = NULL;
    lock_sync_status status = new_watch(x, &w);

    if (status == LOCK_SYNC_OK)
        status = lock_sync_watch_next(w, TIMEOUT_MS, &c);
    if (status == LOCK_SYNC_OK)
        look_at(x, c);
    x->wrong = x->wrong ||
               (status == LOCK_SYNC_OK &&
                (lock_sync_watch_last_status(w) != LOCK_SYNC_OK || lock_sync_watch_age_ms(w) < 0)) ||
               lock_sync_results_count(lock_sync_watch_results(w)) != (status == LOCK_SYNC_OK ? 2 : 0) ||
               lock_sync_watch_due_in_ms(w) < 0;
    lock_sync_changes_free(c);
    lock_sync_watch_free(w);
    return status;
}

static void on_change(void *user, lock_sync_watch *w, lock_sync_status status, const lock_sync_changes *changes)
{
    scene *x = user;

    (void)w;
    x->calls++;
    x->ended = status;
    if (status == LOCK_SYNC_OK)
        look_at(x, changes);
}

static lock_sync_status watch_in_pool(scene *x)
{
    lock_sync_watch *w = NULL;
    lock_sync_status status = new_watch(x, &w);

    if (status == LOCK_SYNC_OK)
        return watch_until_called(x, w, on_change);
    lock_sync_watch_free(w);
    return status;
}

const act watch_acts[] = {
    {"a difference", make_results, diff, LOCK_SYNC_OK, NONE},
    {"a watch", make_ctx, watch, LOCK_SYNC_OK, NONE},
    {"a watch with a guard in a file", make_guarded, watch, LOCK_SYNC_OK, NONE},
    {"a watch in a pool", make_pool, watch_in_pool, LOCK_SYNC_OK, NONE},
    {"a watch in a pool with a guard in a file", make_guarded_pool, watch_in_pool, LOCK_SYNC_OK, NONE},
    {NULL, NULL, NULL, LOCK_SYNC_OK, NONE},
};
