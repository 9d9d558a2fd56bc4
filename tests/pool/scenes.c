/* Accounts in all states; see scenes.h. */
#include "scenes.h"
#include "stage.h"

#include "../support/interpose.h"

#include <stdlib.h>

static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
static const raw_step rejects[] = {RAW_READ_REQUEST,
                                   RAW_SEND_TEXT("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
                                   RAW_READ_REQUEST, RAW_RESPOND, RAW_WAIT_FOR_CLOSE};
static const raw_step *const silent_scripts[] = {silent, silent};
static const raw_step *const rejecting_scripts[] = {rejects};

static size_t leaks;

const char *const scene_names[SCENE_COUNT] = {"new",
                                              "queued",
                                              "asleep",
                                              "held",
                                              "lookup",
                                              "active",
                                              "asking",
                                              "settling",
                                              "retrying",
                                              "asking in a channel",
                                              "settling in a channel",
                                              "retrying in a channel"};

bool scene_blocks(scene_state state)
{
    return state >= SCENE_ASKING;
}

bool scene_settles(scene_state state)
{
    return state == SCENE_SETTLING || state == SCENE_CHANNEL_SETTLING;
}

static bool is_retrying(scene_state state)
{
    return state == SCENE_RETRYING || state == SCENE_CHANNEL_RETRYING;
}

static lock_sync_status give_key(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)user, (void)rejected;
    return lock_sync_set_personal_key(ctx, "another-key");
}

static void make_store(scene *s, size_t block_at)
{
    s->store = store_new();
    store_block_at(s->store, block_at);
    s->guard = s->state < SCENE_CHANNEL_ASKING ? store_guard(s->store, 50) : store_channel_guard(s->store, 50);
    account_guard(&s->a, s->guard, LOCK_SYNC_GUARD_FAIL);
}

static void begin_other(scene *s, const char *url)
{
    s->other = account_new(url);
    account_submit(&s->other, s->pool);
}

static void must_reach(bool reached, const scene *s)
{
    if (!reached)
        kit_die("the state %s was not reached", scene_names[s->state]);
}

static void run_to(scene *s)
{
    switch (s->state) {
    case SCENE_QUEUED:
        (void)lock_sync_pool_set_max_active(s->pool, 1);
        begin_other(s, raw_url(s->server));
        s->submit(s);
        must_reach(pool_run(s->pool, server_is_asked, s->server, KIT_PATIENCE_MS), s);
        break;
    case SCENE_ASLEEP:
        MUST_OK(lock_sync_guard_new(&s->guard));
        (void)lock_sync_guard_set_min_interval_ms(s->guard, 5000);
        (void)lock_sync_guard_set_kind_interval_ms(s->guard, LOCK_SYNC_REQUEST_DIRECTORY, 5000);
        MUST_OK(lock_sync_guard_reserve(s->guard, 0, NULL, NULL));
        MUST_OK(lock_sync_guard_reserve_for(s->guard, LOCK_SYNC_REQUEST_DIRECTORY, 0, NULL, NULL));
        account_guard(&s->a, s->guard, LOCK_SYNC_GUARD_WAIT);
        s->submit(s);
        (void)pool_run_for(s->pool, 20);
        break;
    case SCENE_HELD:
    case SCENE_LOOKUP: {
        char *url = kit_text("http://service.test:%u", raw_port(s->good));

        resolver_set_address("127.0.0.1");
        resolver_stall();
        (void)lock_sync_set_base_url(s->a.ctx, url);
        if (s->state == SCENE_HELD)
            begin_other(s, url);
        s->submit(s);
        must_reach(pool_run(s->pool, resolver_is_stalling, NULL, KIT_PATIENCE_MS), s);
        free(url);
        break;
    }
    case SCENE_ACTIVE:
        s->submit(s);
        must_reach(pool_run(s->pool, server_is_asked, s->server, KIT_PATIENCE_MS), s);
        break;
    case SCENE_ASKING:
    case SCENE_SETTLING:
    case SCENE_RETRYING:
    case SCENE_CHANNEL_ASKING:
    case SCENE_CHANNEL_SETTLING:
    case SCENE_CHANNEL_RETRYING:
        make_store(s, s->state == SCENE_ASKING ? 1 : s->state < SCENE_CHANNEL_SETTLING ? 2 : 3);
        (void)lock_sync_set_token_provider(s->a.ctx, is_retrying(s->state) ? give_key : NULL, NULL);
        s->submit(s);
        must_reach(pool_run(s->pool, store_is_waiting, s->store, KIT_PATIENCE_MS), s);
        while (pool_is_readable(s->pool, 0)) /* handle the other work */
            (void)pool_dispatch(s->pool);
        break;
    case SCENE_NEW:
    default: s->submit(s); break;
    }
}

void scene_begin(scene *s, scene_state state, void (*submit_it)(scene *s))
{
    lock_sync_allocator memory;
    lock_sync_allocator pool_memory;

    *s = (scene){.state = state, .submit = submit_it};
    memory = t_heap_allocator(&s->heap);
    pool_memory = t_heap_allocator(&s->pool_heap);
    if (lock_sync_pool_new_with_allocator(&pool_memory, &s->pool) != LOCK_SYNC_OK)
        kit_die("no pool");
    s->good = raw_start(AF_INET, NULL, 0);
    if (is_retrying(state))
        s->server = raw_start(AF_INET, rejecting_scripts, 1);
    else if (scene_settles(state))
        s->server = raw_start(AF_INET, NULL, 0);
    else
        s->server = raw_start(AF_INET, silent_scripts, 2);
    s->a = account_new_in(raw_url(s->server), &memory);
    run_to(s);
}

void scene_release(scene *s)
{
    if (s->store != NULL)
        store_release(s->store);
    resolver_release();
}

void scene_end(scene *s)
{
    scene_release(s);
    pool_end(s->pool);
    account_free(&s->a);
    account_free(&s->other);
    lock_sync_guard_unref(s->guard);
    if (s->store != NULL)
        store_free(s->store);
    raw_stop(s->server);
    raw_stop(s->good);
    resolver_set_address(NULL);
    MUST_INT(stray_callbacks(), 0);
    if (s->heap.blocks == 0 && s->pool_heap.blocks == 0)
        return;
    leaks++;
    print_error("%s: %zu blocks of the context's heap and %zu of the pool's are left\n", scene_names[s->state],
                (size_t)s->heap.blocks, (size_t)s->pool_heap.blocks);
}

size_t scene_leaks(void)
{
    return leaks;
}
