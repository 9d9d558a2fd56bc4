/* Out of memory with a guard in Redis: in the library and in hiredis; see runner.h. */
#include "../guard/redis_server.h"
#include "runner.h"

static redis_server *server;

static lock_sync_status live(scene *x)
{
    lock_sync_redis *r = NULL;
    lock_sync_guard *g = NULL;
    lock_sync_status status = lock_sync_redis_new(redis_server_url(server), &r);

    x->wrong = x->wrong || (r != NULL) != (status == LOCK_SYNC_OK);
    if (status == LOCK_SYNC_OK) {
        status = lock_sync_guard_open_redis(r, "torture", &g);
        x->wrong = x->wrong || (g != NULL) != (status == LOCK_SYNC_OK);
    }
    if (status == LOCK_SYNC_OK)
        status = use_slot(g);
    lock_sync_guard_unref(g);
    lock_sync_redis_free(r);
    return status;
}

static void each_request_may_fail(void **user)
{
    static const act acts[] = {{"a guard in Redis", NULL, live, LOCK_SYNC_OK, MAY_GUARD},
                               {NULL, NULL, NULL, LOCK_SYNC_OK, NONE}};
    scene x;

    (void)user;
    NEED_REDIS();
    server = redis_server_new(NULL);
    alloc_know(LIBRARIES);
    scene_begin(&x, &acts[0], false);
    assert_int_equal(live(&x), LOCK_SYNC_OK);
    check_acts(acts, LIBRARIES, SIZE_MAX, false);
    redis_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_request_may_fail)};

    return cmocka_run_group_tests_name("out of memory with Redis", tests, NULL, NULL);
}
