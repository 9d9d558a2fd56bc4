/* HTTP/2 requests that the server refuses as the last ones of a connection that it is about to close. libcurl 7.88 gives
   those up, others it repeats: here each is repeated once, in a blocking fetch and in a pool. */
#include "accounts.h"

#include "../support/certs.h"
#include "../support/child.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

typedef struct scene {
    child *server;
    lock_sync_pool *pool; /* NULL: fetches block */
    account account;
} scene;

static certs *pems;

static int begin(void **user)
{
    (void)user;
    pems = certs_make();
    return 0;
}

static int end(void **user)
{
    (void)user;
    certs_free(pems);
    return 0;
}

/* `first` and `later`: how many requests the server answers on its first connection, and on the others. */
static scene scene_make(bool pooled, const char *delay_ms, const char *first, const char *later)
{
    const char *const argv[] = {"python3", getenv("LOCKSYNC_H2_SERVER"), pems->good, pems->key, delay_ms, first, later,
                                NULL};
    scene s = {.server = child_start(argv, false), .pool = pooled ? pool_make() : NULL};
    char *port = child_line(s.server, "port ", KIT_PATIENCE_MS);
    char *url;

    if (port == NULL)
        kit_die("the server does not start");
    url = kit_text("https://127.0.0.1:%s", port + 5);
    s.account = account_new(url);
    expect_ok(lock_sync_set_ca_file(s.account.ctx, pems->ca));
    free(url);
    free(port);
    return s;
}

static void fetch(scene *s, lock_sync_status want)
{
    lock_sync_results *results = NULL;

    if (s->pool != NULL) {
        account_submit(&s->account, s->pool);
        pool_run_account(&s->account);
        expect_end(&s->account, want);
        return;
    }
    assert_int_equal(lock_sync_fetch(s->account.ctx, NULL, 0, &results), want);
    assert_int_equal(lock_sync_results_count(results), want == LOCK_SYNC_OK ? 1 : 0);
    lock_sync_results_free(results);
}

/* What the server said of its requests, in their order. */
static void scene_end(scene *s, const char *want)
{
    char *said;

    account_free(&s->account);
    if (s->pool != NULL)
        pool_end(s->pool);
    said = child_stop(s->server, SIGTERM, NULL);
    assert_string_equal(strchr(said, '\n') + 1, want);
    free(said);
    assert_int_equal(stray_callbacks(), 0);
}

static void a_refused_request_is_repeated(void **user)
{
    (void)user;
    for (int pooled = 0; pooled < 2; pooled++) {
        scene s = scene_make(pooled == 1, "0", "1", "1");

        for (int i = 0; i < 8; i++) /* more often than libcurl would on one handle */
            fetch(&s, LOCK_SYNC_OK);
        scene_end(&s, "answered\n"
                      "refused\nanswered\nrefused\nanswered\nrefused\nanswered\nrefused\nanswered\n"
                      "refused\nanswered\nrefused\nanswered\nrefused\nanswered\n");
    }
}

static void it_is_repeated_once(void **user)
{
    (void)user;
    for (int pooled = 0; pooled < 2; pooled++) {
        scene s = scene_make(pooled == 1, "0", "1", "0");

        fetch(&s, LOCK_SYNC_OK);
        fetch(&s, LOCK_SYNC_E_NETWORK);
        scene_end(&s, "answered\nrefused\nrefused\n");
    }
}

/* No answer has told yet that the server speaks HTTP/2. */
static void the_first_request_is_repeated_too(void **user)
{
    (void)user;
    for (int pooled = 0; pooled < 2; pooled++) {
        scene s = scene_make(pooled == 1, "0", "0", "1");

        fetch(&s, LOCK_SYNC_OK);
        scene_end(&s, "refused\nanswered\n");
        s = scene_make(pooled == 1, "0", "0", "0");
        fetch(&s, LOCK_SYNC_E_NETWORK);
        scene_end(&s, "refused\nrefused\n");
    }
}

static void the_repeat_counts_in_the_hour(void **user)
{
    (void)user;
    for (int pooled = 0; pooled < 2; pooled++) {
        scene s = scene_make(pooled == 1, "0", "1", "1");
        lock_sync_guard *guard;

        expect_ok(lock_sync_guard_new(&guard));
        expect_ok(lock_sync_guard_set_min_interval_ms(guard, 1));
        expect_ok(lock_sync_guard_set_hourly_budget(guard, 3, 0));
        account_guard(&s.account, guard, LOCK_SYNC_GUARD_WAIT);
        fetch(&s, LOCK_SYNC_OK);
        fetch(&s, LOCK_SYNC_OK);
        fetch(&s, LOCK_SYNC_E_TOO_SOON);
        scene_end(&s, "answered\nrefused\nanswered\n");
        lock_sync_guard_unref(guard);
    }
}

/* The deadline is the fetch's: the repeat has what the first left of it. */
static void the_repeat_ends_in_time(void **user)
{
    (void)user;
    for (int pooled = 0; pooled < 2; pooled++) {
        scene s = scene_make(pooled == 1, "1500", "1", "-1");
        int64_t begun_ms;

        expect_ok(lock_sync_set_timeout_ms(s.account.ctx, 2000));
        fetch(&s, LOCK_SYNC_OK);
        begun_ms = kit_now_ms();
        fetch(&s, LOCK_SYNC_E_TIMEOUT);
        if (kit_now_ms() - begun_ms > 2000 + 1000 * kit_slack())
            fail_msg("took %lld ms", (long long)(kit_now_ms() - begun_ms));
        scene_end(&s, "answered\nrefused\nheld\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_request_is_repeated),
        cmocka_unit_test(it_is_repeated_once),
        cmocka_unit_test(the_first_request_is_repeated_too),
        cmocka_unit_test(the_repeat_counts_in_the_hour),
        cmocka_unit_test(the_repeat_ends_in_time),
    };

    return cmocka_run_group_tests_name("refused streams", tests, begin, end);
}
