/* lock_sync_cancel() from another thread at each stage of a fetch, how soon it works, and that a context in use is busy
   for all but cancel. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 20
#define AT_MOST_US (250000 * kit_slack())
#define MEDIAN_AT_MOST_US (50000 * kit_slack()) /* without a wake-up it is libcurl's next timer: some 200 ms */

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

typedef struct latencies {
    int64_t us[TRIES];
    size_t count;
} latencies;

/* A fetch that is cancelled when `met` says so. */
static void cancel_when(const client *c, bool (*met)(void *user), void *user, latencies *l)
{
    canceller *other = canceller_begin(c->ctx, met, user);
    int64_t ended_us;

    expect_fetch(c, LOCK_SYNC_E_CANCELLED);
    ended_us = kit_now_us();
    l->us[l->count++] = ended_us - canceller_end(other);
    MUST_INT(error_http_status(c), 0);
}

static void check_latencies(const char *stage, latencies *l)
{
    qsort(l->us, l->count, sizeof *l->us, compare);
    print_message("cancel %s: median %d us, longest %d us of %zu\n", stage, (int)l->us[l->count / 2],
                  (int)l->us[l->count - 1], l->count);
    MUST(l->us[0] >= 0);
    MUST(l->us[l->count / 2] < MEDIAN_AT_MOST_US);
    MUST(l->us[l->count - 1] < AT_MOST_US);
}

typedef struct progress {
    raw_server *server;
    size_t requests;
} progress;

static bool has_asked(void *user)
{
    const progress *p = user;

    return raw_requests(p->server) >= p->requests;
}

/* Cancels TRIES fetches, each on a connection with that script, once its request is there. */
static void check_stage(const char *stage, const raw_step *script)
{
    const raw_step *scripts[TRIES];
    latencies l = {.count = 0};
    client c;
    progress p = {NULL, 0};

    for (size_t i = 0; i < TRIES; i++)
        scripts[i] = script;
    p.server = raw_start(AF_INET, scripts, TRIES);
    c = client_new(raw_url(p.server));
    for (p.requests = 1; p.requests <= TRIES; p.requests++)
        cancel_when(&c, has_asked, &p, &l);
    MUST_INT(raw_requests(p.server), TRIES);
    expect_fetch(&c, LOCK_SYNC_OK);
    MUST_INT(raw_connections(p.server), TRIES + 1); /* a cancelled fetch's connection is not used again */
    client_free(&c);
    raw_stop(p.server);
    check_latencies(stage, &l);
}

TEST(a_fetch_is_cancelled_while_connecting)
{
    raw_full_port port = raw_full_port_open();
    raw_server *good = raw_start(AF_INET, NULL, 0);
    client c = client_new(port.url);
    latencies l = {.count = 0};

    for (int i = 0; i < TRIES; i++)
        cancel_when(&c, raw_full_port_is_tried, &port, &l);
    expect_good_at(&c, raw_url(good));
    client_free(&c);
    raw_stop(good);
    raw_full_port_close(&port);
    check_latencies("while connecting", &l);
}

TEST(a_fetch_is_cancelled_while_the_server_is_silent)
{
    static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};

    check_stage("while the server is silent", silent);
}

TEST(a_fetch_is_cancelled_while_a_body_trickles)
{
    static const raw_step trickle[] = {RAW_READ_REQUEST, RAW_SEND(raw_good_answer, 90),
                                       RAW_SEND_SLOWLY(raw_good_answer + 90, 120, 10), RAW_WAIT_FOR_CLOSE};

    check_stage("while the body trickles", trickle);
}

TEST(a_fetch_is_cancelled_while_the_body_floods)
{
    static const raw_step flood[] = {RAW_READ_REQUEST,
                                     RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                                     RAW_SEND_TIMES("1\r\n \r\n", ~0U), RAW_END};

    check_stage("while the body floods", flood);
}

TEST(a_cancel_of_nothing_has_no_effect)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new(raw_url(server));

    lock_sync_cancel(NULL);
    for (int i = 0; i < 5; i++) {
        lock_sync_cancel(c.ctx);
        lock_sync_cancel(c.ctx);
        expect_fetch(&c, LOCK_SYNC_OK);
    }
    MUST_INT(raw_connections(server), 1);
    client_free(&c);
    raw_stop(server);
}

typedef struct storm {
    lock_sync_ctx *ctx;
    size_t done;
} storm;

static void cancel_often(void *user)
{
    storm *s = user;

    while (__atomic_load_n(&s->done, __ATOMIC_ACQUIRE) == 0)
        lock_sync_cancel(s->ctx);
}

/* At whatever instant a cancel comes, a fetch ends with OK or E_CANCELLED, and the last cancel leaves no trace. */
TEST(cancels_at_any_instant_do_no_harm)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new(raw_url(server));
    storm s = {c.ctx, 0};
    background *other = background_begin(cancel_often, &s);

    for (int i = 0; i < 100; i++) {
        lock_sync_status status = client_fetch(&c);

        if (status != LOCK_SYNC_OK)
            expect_status(&c, status, LOCK_SYNC_E_CANCELLED);
    }
    __atomic_store_n(&s.done, 1, __ATOMIC_RELEASE);
    background_end(other);
    expect_fetch(&c, LOCK_SYNC_OK);
    client_free(&c);
    raw_stop(server);
}

/* --- busy --- */

#define CALLS 24

typedef struct busy {
    lock_sync_ctx *ctx;
    progress progress;
    lock_sync_status got[CALLS];
    size_t count;
    bool outputs_are_null;
} busy;

static lock_sync_status no_token(void *user, lock_sync_ctx *ctx, bool refused)
{
    (void)user, (void)ctx, (void)refused;
    return LOCK_SYNC_E_NO_CREDENTIAL;
}

/* On another thread, while the fetch waits for its answer: everything that may not be done then. */
static void call_everything(void *user)
{
    static const int64_t id = 1001;
    busy *b = user;
    lock_sync_ctx *x = b->ctx;
    lock_sync_results *r[3] = {(void *)b, (void *)b, (void *)b};
    lock_sync_request *q[2] = {(void *)b, (void *)b};
    lock_sync_response *s = (void *)b;
    size_t n = 0;

    if (!kit_wait(has_asked, &b->progress, KIT_PATIENCE_MS))
        kit_die("no request came");
    b->got[n++] = lock_sync_set_personal_key(x, "k");
    b->got[n++] = lock_sync_set_access_token(x, "t");
    b->got[n++] = lock_sync_set_access_token_until(x, "t", 1);
    b->got[n++] = lock_sync_set_token_provider(x, no_token, NULL);
    b->got[n++] = lock_sync_set_base_url(x, "https://127.0.0.1");
    b->got[n++] = lock_sync_set_api_version(x, "v1");
    b->got[n++] = lock_sync_set_connect_timeout_ms(x, 1);
    b->got[n++] = lock_sync_set_timeout_ms(x, 1);
    b->got[n++] = lock_sync_set_max_response_bytes(x, 1);
    b->got[n++] = lock_sync_set_allow_http(x, true);
    b->got[n++] = lock_sync_set_ca_file(x, "/none");
    b->got[n++] = lock_sync_set_proxy(x, "http://127.0.0.1:1");
    b->got[n++] = lock_sync_set_user_agent(x, "a");
    b->got[n++] = lock_sync_set_logger(x, NULL, NULL);
    b->got[n++] = lock_sync_set_transport(x, NULL);
    b->got[n++] = lock_sync_fetch(x, NULL, 0, &r[0]);
    b->got[n++] = lock_sync_fetch_one(x, id, &r[1]);
    b->got[n++] = lock_sync_request_build(x, &id, 1, &q[0]);
    b->got[n++] = lock_sync_request_build_one(x, id, &q[1]);
    b->got[n++] = lock_sync_response_new(x, &s);
    b->got[n++] = lock_sync_response_decode(x, NULL, NULL, &r[2]);
#if __has_include(<locksync/guard.h>)
    b->got[n++] = lock_sync_set_guard(x, NULL);
    b->got[n++] = lock_sync_set_guard_mode(x, LOCK_SYNC_GUARD_WAIT);
#endif
    b->count = n;
    b->outputs_are_null = r[0] == NULL && r[1] == NULL && r[2] == NULL && q[0] == NULL && q[1] == NULL && s == NULL;
    raw_release(b->progress.server);
}

TEST(a_context_that_fetches_is_busy_for_everything_else)
{
    static const raw_step held[] = {RAW_READ_REQUEST, RAW_HOLD,   RAW_ANSWER,
                                    RAW_READ_REQUEST, RAW_ANSWER, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {held};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    client c = client_new(raw_url(server));
    busy b = {.ctx = c.ctx, .progress = {server, 1}};
    background *other = background_begin(call_everything, &b);

    expect_fetch(&c, LOCK_SYNC_OK); /* the last error, too, is that of this fetch */
    background_end(other);
    MUST(b.count >= 21);
    for (size_t i = 0; i < b.count; i++)
        if (b.got[i] != LOCK_SYNC_E_BUSY)
            fail_msg("call %zu: %s", i, lock_sync_status_name(b.got[i]));
    MUST(b.outputs_are_null);
    MUST_INT(log_lines_count(c.log, LOCK_SYNC_LOG_INFO), 1);
    expect_fetch(&c, LOCK_SYNC_OK); /* with the settings as they were */
    MUST_INT(raw_connections(server), 1);
    client_free(&c);
    raw_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_fetch_is_cancelled_while_connecting),
        T(a_fetch_is_cancelled_while_the_server_is_silent),
        T(a_fetch_is_cancelled_while_a_body_trickles),
        T(a_fetch_is_cancelled_while_the_body_floods),
        T(a_cancel_of_nothing_has_no_effect),
        T(cancels_at_any_instant_do_no_harm),
        T(a_context_that_fetches_is_busy_for_everything_else),
    };

    return T_MAIN(tests);
}
