/* A watch by names and serial numbers against the simulator, whose locks are renamed, removed and added. */
#include "client.h"

#include <string.h>

#define FIRST 1001 /* the simulator's first lock */

typedef struct scene {
    sim *s;
    client c;
    lock_sync_watch *w;
    lock_sync_changes *changes; /* the last ones */
} scene;

static scene begin(void)
{
    scene x = {.s = sim_start_usual()};

    x.c = client_new(sim_url(x.s));
    return x;
}

static void end(scene *x)
{
    lock_sync_changes_free(x->changes);
    lock_sync_watch_free(x->w);
    client_free(&x->c);
    sim_stop(x->s, NULL);
}

/* Watches quickly, with a guard that allows all: without one, a minute would be between two directories. */
static void use(scene *x)
{
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new(&g));
    for (lock_sync_request_kind kind = LOCK_SYNC_REQUEST_SYNC; kind <= LOCK_SYNC_REQUEST_DIRECTORY; kind++)
        MUST_OK(lock_sync_guard_set_kind_interval_ms(g, kind, 1));
    MUST_OK(lock_sync_guard_set_hourly_budget(g, 1000000, 0));
    MUST_OK(lock_sync_set_guard(x->c.ctx, g));
    MUST_OK(lock_sync_set_guard_mode(x->c.ctx, LOCK_SYNC_GUARD_WAIT));
    lock_sync_guard_unref(g);
    MUST_OK(lock_sync_watch_set_interval_ms(x->w, 1));
}

/* Returns the only change of the next batch. */
static const lock_sync_change *next(scene *x)
{
    lock_sync_changes_free(x->changes);
    MUST_OK(lock_sync_watch_next(x->w, KIT_PATIENCE_MS, &x->changes));
    MUST(lock_sync_changes_count(x->changes) == 1);
    return lock_sync_changes_at(x->changes, 0);
}

static void first(scene *x, size_t locks)
{
    MUST_OK(lock_sync_watch_next(x->w, KIT_PATIENCE_MS, &x->changes));
    CHECK_INT(lock_sync_changes_count(x->changes), locks);
    for (size_t i = 0; i < lock_sync_changes_count(x->changes); i++)
        CHECK(lock_sync_changes_at(x->changes, i)->info != NULL);
    CHECK_INT(sim_ask_stats(x->s).syncs, 0);
    CHECK_INT(sim_ask_stats(x->s).directories, 1);
}

TEST(all_locks_are_watched_with_their_names)
{
    const lock_sync_change *change;
    scene x = begin();
    int64_t id;

    MUST_OK(lock_sync_watch_new(x.c.ctx, NULL, 0, &x.w));
    MUST_OK(lock_sync_watch_set_directory(x.w, true));
    use(&x);
    first(&x, 4);
    sim_rename_lock(x.s, FIRST, "Back door");
    change = next(&x);
    CHECK_INT(change->kinds, LOCK_SYNC_CHANGE_RENAMED | LOCK_SYNC_CHANGE_CONFIG);
    CHECK_TEXT(change->info->name, "Back door");
    id = sim_re_add_lock(x.s, FIRST);
    change = next(&x);
    CHECK(change->kinds & LOCK_SYNC_CHANGE_NEW_ID);
    CHECK_INT(change->before->id, FIRST);
    CHECK_INT(change->after->id, id);
    CHECK_TEXT(change->info->name, "Back door");
    id = sim_add_lock(x.s, "Garage");
    change = next(&x);
    CHECK(change->kinds & LOCK_SYNC_CHANGE_ADDED);
    CHECK_TEXT(change->info->name, "Garage");
    sim_remove_lock(x.s, id);
    change = next(&x);
    CHECK(change->kinds & LOCK_SYNC_CHANGE_REMOVED);
    CHECK_TEXT(change->info->name, "Garage");
    end(&x);
}

TEST(a_serial_number_is_watched_under_each_id)
{
    const char *serials[1];
    const lock_sync_change *change;
    lock_sync_directory *d;
    scene x = begin();
    int64_t id;

    MUST_OK(lock_sync_fetch_directory(x.c.ctx, &d));
    sim_reset(x.s); /* its statistics */
    serials[0] = lock_sync_directory_find(d, FIRST)->serial_number;
    MUST_OK(lock_sync_watch_new_by_serial(x.c.ctx, serials, 1, &x.w));
    lock_sync_directory_free(d);
    use(&x);
    first(&x, 1);
    id = sim_re_add_lock(x.s, FIRST);
    change = next(&x);
    CHECK(change->kinds & LOCK_SYNC_CHANGE_NEW_ID);
    CHECK_INT(change->after->id, id);
    sim_remove_lock(x.s, id);
    CHECK(next(&x)->kinds & LOCK_SYNC_CHANGE_REMOVED);
    id = sim_re_add_lock(x.s, id);
    change = next(&x);
    CHECK(change->kinds & LOCK_SYNC_CHANGE_ADDED);
    CHECK_INT(change->after->id, id);
    end(&x);
}
