/* A directory ends between its pages: by a cancel, by its deadline, or because its context or the pool is freed. The
   callback gets no part of a directory, and both heaps must be empty. For the first page see test_frees.c. */
#include "pages.h"

#include "../support/t_heap.h"

#define SOON_MS (1000 * kit_slack())

static const raw_step silent[] = {RAW_READ_REQUEST, FULL_PAGE("1001", "1002"), RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
static const raw_step *const silent_scripts[] = {silent};

/* Where the directory is after its first page. */
typedef enum place { ON_ITS_WAY, AT_THE_GUARD, PLACES } place;

typedef struct pager {
    t_heap heap; /* of the context */
    t_heap pool_heap;
    lock_sync_pool *pool;
    account a;
    raw_server *server;
    store *store; /* the guard's; it blocks if the place is AT_THE_GUARD */
    lock_sync_guard *guard;
} pager;

static bool has_two_requests(void *server)
{
    return raw_requests(server) == 2;
}

static void pager_begin(pager *x, place at)
{
    lock_sync_allocator memory;
    lock_sync_allocator pool_memory;

    *x = (pager){.pool = NULL};
    memory = t_heap_allocator(&x->heap);
    pool_memory = t_heap_allocator(&x->pool_heap);
    MUST_OK(lock_sync_pool_new_with_allocator(&pool_memory, &x->pool));
    x->server = stage_server(silent_scripts, 1);
    x->store = stage_store();
    x->guard = store_guard(x->store, 50);
    x->a = account_new_in(raw_url(x->server), &memory);
    account_guard(&x->a, x->guard, LOCK_SYNC_GUARD_FAIL);
    if (at == AT_THE_GUARD)
        store_block_at(x->store, 2);
    account_submit_directory(&x->a, x->pool);
    if (at == AT_THE_GUARD)
        pool_run_until(x->pool, store_is_waiting, x->store);
    else
        pool_run_until(x->pool, has_two_requests, x->server);
    expect_pending(&x->a);
}

static void pager_end(pager *x)
{
    store_release(x->store);
    pool_end(x->pool);
    account_free(&x->a);
    lock_sync_guard_unref(x->guard);
    CHECK_INT(stray_callbacks(), 0);
    CHECK_INT(x->heap.blocks, 0);
    CHECK_INT(x->pool_heap.blocks, 0);
    (void)stage_clear(NULL);
}

static void at_each_place(void (*end_it)(pager *x, place at))
{
    for (place at = 0; at < PLACES; at++) {
        pager x;

        t_row("%s", at == ON_ITS_WAY ? "the second page is on its way" : "the guard is asked for the second page");
        pager_begin(&x, at);
        end_it(&x, at);
        CHECK_INT(raw_requests(x.server), at == AT_THE_GUARD ? 1 : 2);
        pager_end(&x);
    }
}

static void cancel(pager *x, place at)
{
    int64_t began = kit_now_ms();

    (void)at;
    lock_sync_cancel(x->a.ctx);
    expect_pending(&x->a);
    store_release(x->store); /* the directory ends only when the store returns */
    pool_run_account(&x->a);
    MUST(x->a.ended_ms - began < SOON_MS);
    expect_end(&x->a, LOCK_SYNC_E_CANCELLED);
}

TEST_ON_STAGE(a_cancel_ends_a_directory_between_its_pages)
{
    at_each_place(cancel);
}

static void free_context(pager *x, place at)
{
    int64_t began = kit_now_ms();

    account_free(&x->a);
    MUST(kit_now_ms() - began < SOON_MS);
    expect_end(&x->a, LOCK_SYNC_E_CANCELLED);
    MUST_INT(lock_sync_pool_pending(x->pool), 0);
    if (at == ON_ITS_WAY)
        return;
    store_release(x->store);
    (void)pool_run_for(x->pool, 20); /* the helper thread returns the request */
}

TEST_ON_STAGE(freeing_the_context_ends_its_directory_between_its_pages)
{
    at_each_place(free_context);
}

static void free_pool(pager *x, place at)
{
    (void)at;
    store_release(x->store); /* freeing the pool waits for the store */
    pool_end(x->pool);
    x->pool = NULL;
    expect_end(&x->a, LOCK_SYNC_E_CANCELLED);
}

TEST_ON_STAGE(freeing_the_pool_ends_its_directories_between_their_pages)
{
    at_each_place(free_pool);
}

static void free_context_and_pool(pager *x, place at)
{
    (void)at;
    account_free(&x->a);
    free_pool(x, at);
}

TEST_ON_STAGE(freeing_the_context_and_then_the_pool)
{
    at_each_place(free_context_and_pool);
}

/* Frees the context, and looks whether the slot counts what was sent: one request, or two. */
static void free_context_and_look(pager *x, place at)
{
    int64_t wait_ms = 0;

    free_context(x, at);
    store_release(x->store);
    (void)pool_run_for(x->pool, 50 * kit_slack());
    CHECK_INT(lock_sync_guard_reserve_for(x->guard, LOCK_SYNC_REQUEST_DIRECTORY, 0, &wait_ms, NULL),
              LOCK_SYNC_E_TOO_SOON);
    if (at == ON_ITS_WAY)
        CHECK_BETWEEN(wait_ms, 110000, 120000);
    else
        CHECK_BETWEEN(wait_ms, 50000, 60000);
}

TEST_ON_STAGE(a_directory_that_ends_early_is_settled_by_what_was_sent)
{
    at_each_place(free_context_and_look);
}

/* --- the deadline --- */

#define PACE_MS 6
#define SHORT_MS (300 * kit_slack())
#define LATE_MS (400 * kit_slack())

/* The first page takes a part of the time, and the second never comes. */
TEST_ON_STAGE(all_pages_have_one_deadline)
{
    static const char slow[] = "HTTP/1.1 200 OK\r\nX-Some: thing\r\n";
    static const raw_step script[] = {RAW_READ_REQUEST,
                                      RAW_SEND_SLOWLY(slow, sizeof slow - 1, PACE_MS),
                                      RAW_SEND_TEXT("Content-Length: 1212\r\n\r\n{\"result\":["),
                                      RAW_SEND_TIMES("{\"id\":1001},", 99),
                                      RAW_SEND_TEXT("{\"id\":1002}]}"),
                                      RAW_READ_REQUEST,
                                      RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {script};
    raw_server *server = stage_server(scripts, 1);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));
    int64_t began = kit_now_ms();
    int64_t second_ms;

    MUST_OK(lock_sync_set_timeout_ms(a->ctx, SHORT_MS));
    account_submit_directory(a, p);
    pool_run_until(p, has_two_requests, server);
    second_ms = kit_now_ms() - began;
    pool_run_account(a);
    expect_end(a, LOCK_SYNC_E_TIMEOUT);
    CHECK(second_ms >= PACE_MS * 20);
    CHECK_BETWEEN(a->ended_ms - began, SHORT_MS - 2, SHORT_MS + LATE_MS);
}

/* It passes while the store blocks: the directory waits for the store, and sends nothing more. */
TEST_ON_STAGE(the_deadline_passes_at_the_guard)
{
    raw_server *server = stage_server(silent_scripts, 1);
    store *s = stage_store();
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));

    account_guard(a, stage_store_guard(s, 50), LOCK_SYNC_GUARD_WAIT);
    store_block_at(s, 2);
    MUST_OK(lock_sync_set_timeout_ms(a->ctx, SHORT_MS));
    account_submit_directory(a, p);
    pool_run_until(p, store_is_waiting, s);
    (void)pool_run_for(p, 2 * SHORT_MS);
    store_release(s);
    pool_run_account(a);
    expect_end(a, LOCK_SYNC_E_TIMEOUT);
    CHECK_INT(raw_requests(server), 1);
}
