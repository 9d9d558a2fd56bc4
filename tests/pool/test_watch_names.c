/* A watch in a pool that follows the directory: a poll of several fetches, and its end in each of them.
   tests/watch/test_names.c has what is reported. */
#include "pages.h"
#include "watchers.h"

#define LOCK(id, revision) "{\"id\":" #id ",\"isConnected\":false,\"revision\":" #revision "}"
#define NAMED(id, name)                                                                                                \
  "{\"id\":" #id ",\"name\":\"" name "\",\"serialNumber\":\"S-1\",\"isConnected\":false,\"revision\":1}"
#define IS_ADDED "1:521 "    /* added, disconnected, with a revision */
#define IS_RENAMED "1:1536 " /* with a higher revision */

static const raw_step door[] = RECORDS(NAMED(1, "Door"));
static const raw_step gate[] = RECORDS(NAMED(1, "Gate"));
static const raw_step gate_moved[] = RECORDS(NAMED(7, "Gate"));
static const raw_step states[] = RECORDS(LOCK(1, 1));
static const raw_step newer[] = RECORDS(LOCK(1, 2));
static const raw_step moved[] = RECORDS(LOCK(7, 1));
static const raw_step nothing[] = RECORDS("");
static const raw_step refused[] = STATUS_LINE("403 No");
static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};

/* Sets a guard that allows all at once. In mode OFF the watch itself would space the directories. */
static void allow_all(watcher *w)
{
    lock_sync_guard *g = watcher_guard(w, 1, LOCK_SYNC_GUARD_WAIT);

    MUST_OK(lock_sync_guard_set_kind_interval_ms(g, LOCK_SYNC_REQUEST_DIRECTORY, 1));
    lock_sync_guard_unref(g);
}

static void begin(watch_scene *s, const raw_step *const *scripts, size_t count)
{
    watch_scene_begin(s, scripts, count, 1);
    allow_all(&s->w);
    MUST_OK(lock_sync_watch_set_directory(s->w.w, true));
    watcher_start(&s->w, s->pool);
}

TEST(states_and_names_are_reported_together)
{
    static const raw_step *const scripts[] = {door, states, newer, gate, newer, moved, gate_moved, silent};
    watch_scene s;

    begin(&s, scripts, COUNT_OF(scripts));
    watcher_run(&s.w, 1);
    expect_reported(&s.w, 1, LOCK_SYNC_OK, IS_ADDED);
    CHECK_INT(lock_sync_directory_count(lock_sync_watch_directory(s.w.w)), 1);
    watcher_run(&s.w, 2);
    expect_reported(&s.w, 2, LOCK_SYNC_OK, IS_RENAMED);
    CHECK_INT(raw_requests(s.server), 4);
    watcher_run(&s.w, 3);
    expect_reported(&s.w, 3, LOCK_SYNC_OK, "7:2560 "); /* another id, and a lower revision */
    CHECK_INT(raw_requests(s.server), 7);
    watch_scene_end(&s);
}

TEST(a_directory_of_two_pages_is_one_fetch_of_the_poll)
{
    static const raw_step pages[] = {RAW_READ_REQUEST, FULL_PAGE("1001", "1002"), RAW_READ_REQUEST, SHORT_PAGE("1003"),
                                     RAW_END};
    static const raw_step *const scripts[] = {pages, silent};
    watch_scene s;

    begin(&s, scripts, COUNT_OF(scripts));
    watcher_run(&s.w, 1);
    expect_reported(&s.w, 1, LOCK_SYNC_OK, "1001:9 1002:9 1003:9 ");
    CHECK_INT(lock_sync_directory_count(lock_sync_watch_directory(s.w.w)), 3);
    watch_scene_end(&s);
}

TEST(without_a_directory_the_same_poll_fetches_the_states)
{
    static const raw_step *const scripts[] = {refused, states, newer, silent};
    watch_scene s;

    begin(&s, scripts, COUNT_OF(scripts));
    watcher_run(&s.w, 1);
    expect_reported(&s.w, 1, LOCK_SYNC_OK, IS_ADDED);
    CHECK_INT(raw_requests(s.server), 2);
    watcher_run(&s.w, 2);
    expect_reported(&s.w, 2, LOCK_SYNC_OK, "1:512 ");
    CHECK(lock_sync_watch_directory(s.w.w) == NULL);
    watch_scene_end(&s);
}

/* In each row the server does not respond to a directory. */
static const struct {
    const char *name;
    const raw_step *scripts[5];
    size_t count;
    size_t calls;         /* before the fetch that waits */
    const char *reported; /* after it has ended, by the next polls */
} waiting[] = {
    {"the first fetch", {silent, door, silent}, 3, 0, IS_ADDED},
    {"the directory after states", {door, newer, silent, newer, gate}, 5, 1, IS_RENAMED},
};

static void begin_waiting(watch_scene *s, size_t row)
{
    size_t requests = row == 0 ? 1 : 3;

    t_row("%s", waiting[row].name);
    begin(s, waiting[row].scripts, waiting[row].count);
    while (raw_requests(s->server) < requests)
        (void)pool_run_for(s->pool, 1);
    CHECK_INT(s->w.calls, waiting[row].calls);
}

TEST(a_cancel_ends_the_poll_and_loses_no_change)
{
    for (size_t i = 0; i < COUNT_OF(waiting); i++) {
        watch_scene s;

        begin_waiting(&s, i);
        lock_sync_cancel(s.w.a.ctx);
        watcher_run(&s.w, waiting[i].calls + 1);
        expect_reported(&s.w, waiting[i].calls + 1, LOCK_SYNC_E_CANCELLED, "");
        watcher_run(&s.w, waiting[i].calls + 2);
        expect_reported(&s.w, waiting[i].calls + 2, LOCK_SYNC_OK, waiting[i].reported);
        watch_scene_end(&s);
    }
}

TEST(freeing_the_pool_keeps_the_watch_usable)
{
    for (size_t i = 0; i < COUNT_OF(waiting); i++) {
        lock_sync_changes *c;
        watch_scene s;

        begin_waiting(&s, i);
        pool_end(s.pool);
        expect_reported(&s.w, waiting[i].calls + 1, LOCK_SYNC_E_CANCELLED, "");
        CHECK_OK(lock_sync_watch_next(s.w.w, KIT_PATIENCE_MS, &c));
        CHECK_INT(lock_sync_changes_count(c), 1);
        lock_sync_changes_free(c);
        s.pool = pool_make();
        watch_scene_end(&s);
    }
}

static void free_watch(watch_scene *s)
{
    lock_sync_watch_free(s->w.w);
    s->w.w = NULL;
}

static void free_context(watch_scene *s)
{
    account_free(&s->w.a);
}

TEST(watch_and_context_may_be_freed_in_each_fetch)
{
    static void (*const frees[])(watch_scene * s) = {free_watch, free_context};

    for (size_t i = 0; i < COUNT_OF(waiting) * COUNT_OF(frees); i++) {
        watch_scene s;

        begin_waiting(&s, i / COUNT_OF(frees));
        frees[i % COUNT_OF(frees)](&s);
        CHECK_INT(lock_sync_pool_pending(s.pool), 0);
        watch_scene_end(&s);
    }
}

/* --- the guard --- */

TEST(a_poll_does_not_wait_for_the_guard_of_the_directory)
{
    static const raw_step *const scripts[] = {states, newer, door, silent};
    lock_sync_guard *g;
    int64_t wait_ms, slot;
    watch_scene s;

    watch_scene_begin(&s, scripts, COUNT_OF(scripts), 1);
    MUST_OK(lock_sync_watch_set_directory(s.w.w, true));
    g = watcher_guard(&s.w, 1, LOCK_SYNC_GUARD_WAIT);
    MUST_OK(lock_sync_guard_reserve_for(g, LOCK_SYNC_REQUEST_DIRECTORY, 1000, &wait_ms, &slot));
    watcher_start(&s.w, s.pool);
    watcher_run(&s.w, 1);
    expect_reported(&s.w, 1, LOCK_SYNC_OK, IS_ADDED);
    CHECK_INT(lock_sync_watch_last_status(s.w.w), LOCK_SYNC_OK);
    CHECK_INT(raw_requests(s.server), 1);
    watch_scene_end(&s);
    lock_sync_guard_unref(g);
}

TEST(without_ids_a_poll_waits_for_the_guard_of_the_directory)
{
    static const char *const serials[] = {"S-1"};
    static const raw_step *const scripts[] = {nothing, door, silent};
    lock_sync_guard *g;
    watch_scene s;

    watch_scene_begin(&s, scripts, COUNT_OF(scripts), 1);
    g = watcher_guard(&s.w, 1, LOCK_SYNC_GUARD_WAIT);
    MUST_OK(lock_sync_guard_set_kind_interval_ms(g, LOCK_SYNC_REQUEST_DIRECTORY, 50));
    lock_sync_watch_free(s.w.w);
    MUST_OK(lock_sync_watch_new_by_serial(s.w.a.ctx, serials, 1, &s.w.w));
    MUST_OK(lock_sync_watch_set_interval_ms(s.w.w, 1));
    watcher_start(&s.w, s.pool);
    watcher_run(&s.w, 1);
    expect_reported(&s.w, 1, LOCK_SYNC_OK, "");
    CHECK_INT(lock_sync_watch_use_directory(s.w.w, (lock_sync_directory *)(void *)&s), LOCK_SYNC_E_BUSY);
    watcher_run(&s.w, 2);
    expect_reported(&s.w, 2, LOCK_SYNC_OK, IS_ADDED);
    watch_scene_end(&s);
    lock_sync_guard_unref(g);
}
