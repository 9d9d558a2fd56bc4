/* Memory: pool and contexts each with an allocator of their own, all given back, none to the other; and each allocation
   failing in turn, which fails one fetch and leaves pool and context good. */
#include "accounts.h"
#include "../support/heap.h"
#include "store.h"

#include <stdlib.h>

#define MANY 20

static raw_server *server;

static int begin(void **user)
{
    (void)user;
    server = raw_start(AF_INET, NULL, 0);
    return 0;
}

static int end(void **user)
{
    (void)user;
    raw_stop(server);
    return 0;
}

TEST(all_blocks_go_back_to_where_they_came_from)
{
    static const raw_step limited[] = {
        RAW_READ_REQUEST,
        RAW_SEND_TEXT("HTTP/1.1 403 No\r\nX-Correlation-ID: 12\r\nConnection: close\r\nContent-Length: 24\r\n\r\n"
                      "{\"errorMessages\":[\"no\"]}"),
        RAW_END};
    static const raw_step *const scripts[] = {limited, limited, limited};
    raw_server *bad = raw_start(AF_INET, scripts, 3);
    heap pool_heap = {0};
    heap heaps[MANY] = {0};
    lock_sync_allocator memory = heap_allocator(&pool_heap);
    lock_sync_pool *p;
    account all[MANY];
    lock_sync_results *kept[MANY];

    MUST_OK(lock_sync_pool_new_with_allocator(&memory, &p));
    MUST_OK(lock_sync_pool_set_max_active(p, 7));
    for (size_t i = 0; i < MANY; i++) {
        lock_sync_allocator own = heap_allocator(&heaps[i]);

        all[i] = account_new_in(raw_url(i % 7 == 3 ? bad : server), &own);
        all[i].keep = &kept[i];
        if (i % 2 == 0)
            account_guard(&all[i], NULL, i % 4 == 0 ? LOCK_SYNC_GUARD_FAIL : LOCK_SYNC_GUARD_CACHED);
    }
    for (int round = 0; round < 3; round++) {
        accounts_submit(all, MANY, p);
        pool_run_all(p);
        for (size_t i = 0; i < MANY; i++) {
            MUST(round > 0 || i % 7 == 3 || all[i].status == LOCK_SYNC_OK);
            lock_sync_results_free(kept[i]);
        }
    }
    accounts_submit(all, MANY, p);
    (void)pool_dispatch(p);
    pool_end(p);
    MUST_INT(pool_heap.blocks, 0);
    for (size_t i = 0; i < MANY; i++) {
        lock_sync_results_free(kept[i]);
        account_free(&all[i]);
        MUST_INT(heaps[i].blocks, 0);
    }
    raw_stop(bad);
}

/* One fetch in which the request `number` of that heap fails; false: there is no such request any more. */
static bool fail_at(size_t number, bool of_pool, bool helper)
{
    heap pool_heap = {0};
    heap own_heap = {0};
    heap *h = of_pool ? &pool_heap : &own_heap;
    lock_sync_allocator memory = heap_allocator(&pool_heap);
    lock_sync_allocator own = heap_allocator(&own_heap);
    store *s = store_new();
    lock_sync_guard *g = store_guard(s, 1);
    lock_sync_pool *p = NULL;
    account a = account_new_in(raw_url(server), &own);
    lock_sync_status status = LOCK_SYNC_OK;
    size_t before;
    bool reached;

    account_guard(&a, helper ? g : NULL, LOCK_SYNC_GUARD_FAIL);
    MUST_OK(lock_sync_pool_new_with_allocator(&memory, &p));
    before = h->requests;
    h->fail_at = before + number;
    status = account_try(&a, p);
    if (status == LOCK_SYNC_OK) {
        pool_run_all(p);
        status = a.status;
        MUST_INT(a.calls, 1);
    }
    reached = h->requests >= h->fail_at;
    h->fail_at = 0;
    if (status != LOCK_SYNC_OK)
        MUST_INT(status, LOCK_SYNC_E_NO_MEMORY);
    account_guard(&a, NULL, LOCK_SYNC_GUARD_OFF);
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_OK);
    account_free(&a);
    pool_end(p);
    lock_sync_guard_unref(g);
    store_free(s);
    MUST_INT(pool_heap.blocks, 0);
    MUST_INT(own_heap.blocks, 0);
    return reached;
}

TEST(a_failing_allocation_fails_one_fetch)
{
    for (int i = 0; i < 4; i++) {
        size_t number = 1;

        while (fail_at(number, i / 2 == 0, i % 2 == 0))
            number++;
        MUST(number > 1 && number < 100);
    }
}

TEST(a_pool_that_cannot_be_made_leaves_nothing)
{
    lock_sync_status status = LOCK_SYNC_E_NO_MEMORY;

    for (size_t number = 1; status != LOCK_SYNC_OK; number++) {
        heap h = {.fail_at = number};
        lock_sync_allocator memory = heap_allocator(&h);
        lock_sync_pool *p = (lock_sync_pool *)(uintptr_t)8;
        size_t fds = kit_descriptors();

        status = lock_sync_pool_new_with_allocator(&memory, &p);
        MUST(status == LOCK_SYNC_OK || (status == LOCK_SYNC_E_NO_MEMORY && p == NULL));
        pool_end(p);
        MUST_INT(h.blocks, 0);
        MUST(kit_descriptors() <= fds); /* the server's may have been closed */
    }
}

TEST(memory_stays_flat_over_many_fetches)
{
    heap h = {0};
    lock_sync_allocator memory = heap_allocator(&h);
    lock_sync_pool *p;
    account all[MANY];
    size_t blocks = 0;

    MUST_OK(lock_sync_pool_new_with_allocator(&memory, &p));
    accounts_make(all, MANY, raw_url(server));
    for (int round = 0; round < 50; round++) {
        accounts_submit(all, MANY, p);
        pool_run_all(p);
        if (round == 5)
            blocks = h.blocks;
        MUST(round <= 5 || h.blocks <= blocks);
    }
    accounts_free(all, MANY);
    pool_end(p);
    MUST_INT(h.blocks, 0);
}

/* What a fetch would leave among blocks that live no longer than it is a hole in the heap for each context. */
TEST(a_fetch_leaves_nothing_in_its_context)
{
    heap h = {0};
    lock_sync_allocator own = heap_allocator(&h);
    account a = account_new_in(raw_url(server), &own);
    lock_sync_pool *p;
    size_t blocks;

    MUST_OK(lock_sync_set_guard_mode(a.ctx, LOCK_SYNC_GUARD_FAIL));
    MUST_OK(lock_sync_pool_new(&p));
    blocks = h.blocks;
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_OK);
    MUST_INT(h.blocks, blocks);
    account_free(&a);
    pool_end(p);
    MUST_INT(h.blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(all_blocks_go_back_to_where_they_came_from),
        T(a_failing_allocation_fails_one_fetch),
        T(a_pool_that_cannot_be_made_leaves_nothing),
        T(memory_stays_flat_over_many_fetches),
        T(a_fetch_leaves_nothing_in_its_context),
    };

    return T_MAIN_IN(tests, begin, end);
}
