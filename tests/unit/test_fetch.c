/* A blocking fetch over a transport of the host's own: what its perform may return and what comes of it, the caps, and
   the rules of setting a transport. No network. */
#include "../support/fake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOOD "{\"result\":[{\"id\":1},{\"id\":2}]}"

/* One fetch of all locks in a new context, by one step. */
static lock_sync_status fetch_by(const t_step *step, lock_sync_ctx **ctx, lock_sync_results **r)
{
    static t_fake fake;

    fake = (t_fake){.steps = step, .step_count = 1};
    *ctx = t_ctx();
    t_fake_use(*ctx, &fake);
    return lock_sync_fetch(*ctx, NULL, 0, r);
}

TEST(a_good_fetch)
{
    static const t_step step = {.http = 200, .body = GOOD, .headers = {"X-Correlation-ID", "c-1"}};
    static const int64_t ids[] = {2, 3};
    t_fake fake = {.steps = &step, .step_count = 1};
    t_log log = {0};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r;

    t_fake_use(ctx, &fake);
    CHECK_OK(lock_sync_set_logger(ctx, t_log_line, &log));
    CHECK_OK(lock_sync_fetch(ctx, ids, 2, &r));
    CHECK_OK(t_error_status(ctx));
    CHECK_INT(lock_sync_results_count(r), 1);
    CHECK_INT(lock_sync_results_missing_at(r, 0), 3);
    CHECK(lock_sync_results_fetched_at_ms(r) > INT64_C(1600000000000));
    CHECK_TEXT(fake.url[0], "https://api.tedee.com/api/v37/my/lock/sync?id=2&id=3");
    CHECK_TEXT(fake.authorization[0], "PersonalKey " T_SECRET);
    CHECK_INT(fake.performed, 1);
    CHECK_INT(log.last_level, LOCK_SYNC_LOG_INFO);
    CHECK_HOLDS(log.text, fake.url[0]);
    CHECK_HOLDS(log.text, "200");
    CHECK_HOLDS(log.text, "c-1");
    lock_sync_results_free(r);
    lock_sync_ctx_free(ctx);
    CHECK_INT(fake.destroyed, 1);
}

TEST(a_good_fetch_of_one_lock)
{
    static const t_step step = {.http = 200, .body = "{\"result\":{\"id\":7}}"};
    t_fake fake = {.steps = &step, .step_count = 1};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r;

    t_fake_use(ctx, &fake);
    CHECK_OK(lock_sync_fetch_one(ctx, 7, &r));
    CHECK_TEXT(fake.url[0], "https://api.tedee.com/api/v37/my/lock/7/sync");
    CHECK_INT(lock_sync_results_count(r), 1);
    lock_sync_results_free(r);
    lock_sync_ctx_free(ctx);
}

TEST(arguments_are_checked_before_anything_is_sent)
{
    static const t_step step = {.http = 200, .body = GOOD};
    static const int64_t bad[] = {1, 0};
    t_fake fake = {.steps = &step, .step_count = 1};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r = (lock_sync_results *)(void *)ctx;

    t_fake_use(ctx, &fake);
    CHECK_INT(lock_sync_fetch(ctx, bad, 2, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(r == NULL);
    CHECK_HOLDS(t_error_message(ctx), "ids[1]");
    CHECK_INT(lock_sync_fetch(ctx, NULL, 1, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_fetch_one(ctx, -1, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_fetch_one(ctx, 1, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    r = (lock_sync_results *)(void *)ctx;
    CHECK_INT(lock_sync_fetch(NULL, NULL, 0, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(r == NULL);
    r = (lock_sync_results *)(void *)ctx;
    CHECK_INT(lock_sync_fetch_one(NULL, 1, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(r == NULL);
    CHECK_OK(lock_sync_set_personal_key(ctx, NULL));
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_NO_CREDENTIAL);
    CHECK_OK(lock_sync_set_access_token_until(ctx, "t", 1));
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_NO_CREDENTIAL);
    CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
    CHECK_OK(lock_sync_set_base_url(ctx, "http://api.tedee.com"));
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(fake.performed, 0);
    lock_sync_ctx_free(ctx);
}

TEST(what_perform_returns_and_what_comes_of_it)
{
    static const int32_t odd[] = {INT32_MIN, -1000, -3, -2, -1, 23, 24, 255, 1000, INT32_MAX};

    for (int32_t i = -(int32_t)COUNT_OF(odd); i <= 22; i++) {
        int32_t returns = i < 0 ? odd[i + (int32_t)COUNT_OF(odd)] : i;
        bool kept = returns == LOCK_SYNC_E_NO_MEMORY ||
                    (returns >= LOCK_SYNC_E_CANCELLED && returns <= LOCK_SYNC_E_TOO_LARGE);

        for (int with_answer = 0; with_answer <= 1; with_answer++) {
            t_step step = {.http = with_answer ? 200 : 0, .body = with_answer ? GOOD : NULL, .returns = returns};
            lock_sync_status want = returns == LOCK_SYNC_OK && with_answer ? LOCK_SYNC_OK
                                    : kept                                 ? returns
                                                                           : LOCK_SYNC_E_NETWORK;
            lock_sync_results *r;
            lock_sync_ctx *ctx;

            t_row("%" PRId32 ", %s", returns, with_answer ? "with an answer" : "without a status");
            CHECK_INT(fetch_by(&step, &ctx, &r), want);
            CHECK((r == NULL) == (want != LOCK_SYNC_OK));
            CHECK_INT(t_error_status(ctx), want);
            CHECK((t_error_message(ctx)[0] == '\0') == (want == LOCK_SYNC_OK));
            lock_sync_results_free(r);
            lock_sync_ctx_free(ctx);
        }
    }
}

/* --- caps --- */

static void append_too_much(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)q;
    CHECK_INT(lock_sync_response_append_body(s, GOOD "!", sizeof GOOD), LOCK_SYNC_E_TOO_LARGE);
}

static void append_all_but_the_last(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)q;
    for (size_t i = 0; i < sizeof GOOD - 2; i++)
        CHECK_OK(lock_sync_response_append_body(s, &GOOD[i], 1));
}

static void headers_of_64_kib(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    size_t beyond = *(const size_t *)user;
    char *value = t_repeat('v', 1023);

    (void)q;
    for (int i = 0; i < 63; i++)
        CHECK_OK(lock_sync_response_add_header(s, "h", value));
    if (beyond == 0)
        CHECK_OK(lock_sync_response_add_header(s, "h", value));
    else
        CHECK_INT(lock_sync_response_add_header(s, "hh", value), LOCK_SYNC_E_TOO_LARGE);
    free(value);
}

TEST(caps_exactly_and_one_beyond_whatever_perform_returns)
{
    static const struct {
        const char *name;
        void (*hook)(void *user, const lock_sync_request *q, lock_sync_response *s);
        size_t beyond;
        const char *body;
        lock_sync_status want;
    } table[] = {
        {"body, exactly", append_all_but_the_last, 0, "}", LOCK_SYNC_OK},
        {"body, one beyond", append_all_but_the_last, 0, "} ", LOCK_SYNC_E_TOO_LARGE},
        {"body, too much at once", append_too_much, 0, GOOD, LOCK_SYNC_E_TOO_LARGE},
        {"header, exactly", headers_of_64_kib, 0, GOOD, LOCK_SYNC_OK},
        {"header, one beyond", headers_of_64_kib, 1, GOOD, LOCK_SYNC_E_TOO_LARGE},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        static const lock_sync_status returns[] = {LOCK_SYNC_OK, LOCK_SYNC_E_NETWORK, 77};

        for (size_t k = 0; k < COUNT_OF(returns); k++) {
            t_step step = {.http = 200, .body = table[i].body, .hook = table[i].hook, .returns = returns[k]};
            size_t beyond = table[i].beyond;
            t_fake fake = {.steps = &step, .step_count = 1, .user = &beyond};
            lock_sync_ctx *ctx = t_ctx();
            lock_sync_results *r;

            t_row("%s, returns %d", table[i].name, (int)returns[k]);
            t_fake_use(ctx, &fake);
            CHECK_OK(lock_sync_set_max_response_bytes(ctx, sizeof GOOD - 1));
            CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), table[i].want != LOCK_SYNC_OK ? table[i].want
                                                         : k == 0                      ? LOCK_SYNC_OK
                                                                                       : LOCK_SYNC_E_NETWORK);
            lock_sync_results_free(r);
            lock_sync_ctx_free(ctx);
        }
    }
}

/* --- the struct --- */

static lock_sync_status never(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)q, (void)s;
    return LOCK_SYNC_E_CONNECT;
}

static void count(void *user)
{
    ++*(size_t *)user;
}

TEST(struct_sizes_of_other_versions)
{
    static const struct {
        const char *name;
        size_t size;
        bool good;
        size_t destroyed; /* when the context is freed */
    } table[] = {
        {"ours", sizeof(lock_sync_transport), true, 1},
        {"longer", sizeof(lock_sync_transport) + 64, true, 1},
        {"without destroy", offsetof(lock_sync_transport, destroy), true, 0},
        {"without cancel", offsetof(lock_sync_transport, cancel), true, 0},
        {"without perform", offsetof(lock_sync_transport, perform), false, 0},
        {"half a perform", offsetof(lock_sync_transport, perform) + 1, false, 0},
        {"the size alone", sizeof(size_t), false, 0},
        {"zero", 0, false, 0},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct {
            lock_sync_transport transport;
            char more[64];
        } given;
        size_t destroyed = 0;
        lock_sync_ctx *ctx = t_ctx();
        lock_sync_results *r;

        t_row("%s", table[i].name);
        memset(&given, 0x5a, sizeof given); /* what a longer struct holds is not looked at */
        given.transport = (lock_sync_transport){table[i].size, &destroyed, never, count, count};
        t_guard_off(ctx);
        CHECK_INT(lock_sync_set_transport(ctx, &given.transport),
                  table[i].good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_INT(t_error_status(ctx), table[i].good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        memset(&given, 0x5a, sizeof given); /* copied */
        if (table[i].good)
            CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_CONNECT);
        lock_sync_ctx_free(ctx);
        CHECK_INT(destroyed, table[i].destroyed);
    }
}

/* Behind a struct that says it is short there may be nothing: a memory checker sees a look too far. */
TEST(nothing_is_read_behind_a_struct_that_is_too_small)
{
    static const size_t sizes[] = {sizeof(size_t), offsetof(lock_sync_transport, perform)};

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        lock_sync_ctx *ctx = t_ctx();
        char *block = malloc(sizes[i]);

        MUST(block != NULL);
        memset(block, 0, sizes[i]);
        memcpy(block, &sizes[i], sizeof sizes[i]);
        t_row("%zu bytes", sizes[i]);
        CHECK_INT(lock_sync_set_transport(ctx, (const lock_sync_transport *)(void *)block),
                  LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_HOLDS(t_error_message(ctx), "struct_size"); /* not: perform */
        free(block);
        lock_sync_ctx_free(ctx);
    }
}

TEST(destroy_is_called_once_when_the_context_lets_go)
{
    size_t destroyed[3] = {0};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_transport t = {sizeof t, &destroyed[0], never, NULL, count};

    CHECK_OK(lock_sync_set_transport(ctx, &t));
    t.user = &destroyed[1];
    t.perform = NULL;
    CHECK_INT(lock_sync_set_transport(ctx, &t), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(t_error_message(ctx), "perform");
    CHECK_INT(destroyed[0], 0); /* the old one stays */
    CHECK_INT(destroyed[1], 0); /* not after a failed set */
    t.perform = never;
    CHECK_OK(lock_sync_set_transport(ctx, &t));
    CHECK_INT(destroyed[0], 1);
    CHECK_OK(lock_sync_set_transport(ctx, NULL));
    CHECK_INT(destroyed[1], 1);
    CHECK_OK(lock_sync_set_transport(ctx, NULL));
    t.user = &destroyed[2];
    CHECK_OK(lock_sync_set_transport(ctx, &t));
    lock_sync_ctx_free(ctx);
    CHECK_INT(destroyed[0], 1);
    CHECK_INT(destroyed[1], 1);
    CHECK_INT(destroyed[2], 1);
    lock_sync_ctx_free(NULL);
}

static lock_sync_ctx *reentered;

static void reenter(void *user)
{
    size_t *destroyed = user;

    if (++*destroyed < 3)
        (void)lock_sync_set_transport(reentered, NULL);
}

TEST(destroy_is_called_once_even_if_it_lets_go_again)
{
    size_t destroyed = 0;
    lock_sync_transport t = {sizeof t, &destroyed, never, NULL, reenter};

    reentered = t_ctx();
    CHECK_OK(lock_sync_set_transport(reentered, &t));
    CHECK_OK(lock_sync_set_transport(reentered, NULL));
    CHECK_INT(destroyed, 1);
    lock_sync_ctx_free(reentered);
    CHECK_INT(destroyed, 1);
}

/* --- what the request says of time --- */

static void check_times(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    const int64_t *limits = user; /* whole, connect */
    int64_t left = lock_sync_request_timeout_ms(q);

    (void)s;
    CHECK(left >= 1 && left <= limits[0]);
    CHECK(lock_sync_request_connect_timeout_ms(q) >= 1);
    CHECK(lock_sync_request_connect_timeout_ms(q) <= (limits[1] < left ? limits[1] : left));
    CHECK(!lock_sync_request_is_cancelled(q));
}

TEST(a_request_says_what_is_left_of_its_time)
{
    static const t_step step = {.http = 200, .body = GOOD, .hook = check_times};
    static const int64_t table[][2] = {{86400000, 10000}, {60000, 86400000}, {60000, 60000}};

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        int64_t limits[2] = {table[i][0], table[i][1]};
        t_fake fake = {.steps = &step, .step_count = 1, .user = limits};
        lock_sync_ctx *ctx = t_ctx();
        lock_sync_results *r;

        t_row("whole %" PRId64 ", connect %" PRId64, limits[0], limits[1]);
        t_fake_use(ctx, &fake);
        CHECK_OK(lock_sync_set_timeout_ms(ctx, limits[0]));
        CHECK_OK(lock_sync_set_connect_timeout_ms(ctx, limits[1]));
        CHECK_OK(lock_sync_fetch(ctx, NULL, 0, &r));
        lock_sync_results_free(r);
        lock_sync_ctx_free(ctx);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_good_fetch),
        T(a_good_fetch_of_one_lock),
        T(arguments_are_checked_before_anything_is_sent),
        T(what_perform_returns_and_what_comes_of_it),
        T(caps_exactly_and_one_beyond_whatever_perform_returns),
        T(struct_sizes_of_other_versions),
        T(nothing_is_read_behind_a_struct_that_is_too_small),
        T(destroy_is_called_once_when_the_context_lets_go),
        T(destroy_is_called_once_even_if_it_lets_go_again),
        T(a_request_says_what_is_left_of_its_time),
    };

    return T_MAIN(tests);
}
