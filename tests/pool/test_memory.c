/* Memory: pool and contexts use separate allocators. Each block is freed into its own, and use does not grow with
   fetches. For failing allocations see tests/torture. */
#include "stage.h"

#include "../support/t_heap.h"

#define MANY 20

static lock_sync_pool *pool_in(t_heap *h)
{
    lock_sync_allocator memory = t_heap_allocator(h);
    lock_sync_pool *p;

    MUST_OK(lock_sync_pool_new_with_allocator(&memory, &p));
    return p;
}

/* The server responds to some of the fetches with a 403. */
TEST_ON_STAGE(all_blocks_are_freed_into_their_own_heap)
{
    static const raw_step forbidden[] = {
        RAW_READ_REQUEST,
        RAW_SEND_TEXT("HTTP/1.1 403 No\r\nX-Correlation-ID: 12\r\nConnection: close\r\nContent-Length: 24\r\n\r\n"
                      "{\"errorMessages\":[\"no\"]}"),
        RAW_END};
    static const raw_step *const scripts[] = {forbidden, forbidden, forbidden};
    raw_server *good = stage_server(NULL, 0);
    raw_server *bad = stage_server(scripts, COUNT_OF(scripts));
    t_heap pool_heap = {0};
    t_heap heaps[MANY] = {0};
    lock_sync_pool *p = pool_in(&pool_heap);
    account all[MANY];
    lock_sync_results *kept[MANY];

    MUST_OK(lock_sync_pool_set_max_active(p, 7));
    for (size_t i = 0; i < MANY; i++) {
        lock_sync_allocator own = t_heap_allocator(&heaps[i]);

        all[i] = account_new_in(raw_url(i % 7 == 3 ? bad : good), &own);
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
}

TEST_ON_STAGE(memory_does_not_grow_over_many_fetches)
{
    account *all = stage_accounts(MANY, raw_url(stage_server(NULL, 0)));
    t_heap h = {0};
    lock_sync_pool *p = pool_in(&h);
    size_t blocks = 0;

    for (int round = 0; round < 50; round++) {
        expect_fetches(all, MANY, p, LOCK_SYNC_OK);
        if (round == 5)
            blocks = h.blocks;
        MUST(round <= 5 || h.blocks <= blocks);
    }
    pool_end(p);
    MUST_INT(h.blocks, 0);
}

/* A block left among others that live no longer than the fetch would leave a hole in the heap for each context. */
TEST_ON_STAGE(a_fetch_leaves_nothing_in_its_context)
{
    t_heap h = {0};
    lock_sync_allocator own = t_heap_allocator(&h);
    account a = account_new_in(raw_url(stage_server(NULL, 0)), &own);
    size_t blocks;

    MUST_OK(lock_sync_set_guard_mode(a.ctx, LOCK_SYNC_GUARD_FAIL));
    blocks = h.blocks;
    expect_fetch(&a, stage_pool(), LOCK_SYNC_OK);
    MUST_INT(h.blocks, blocks);
    account_free(&a);
    MUST_INT(h.blocks, 0);
}
