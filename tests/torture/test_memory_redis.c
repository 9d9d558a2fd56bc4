/* Out of memory with a guard in Redis: in the library and in hiredis; see runner.h. */
#include "../guard/redis_server.h"
#include "../support/pems.h"
#include "../support/raw_server.h"
#include "runner.h"

#include <stdlib.h>
#include <unistd.h>

#define LEASE_MS (500 + 250 * kit_slack()) /* time for one fetch on a busy machine */

static redis_server *server;
static const char *url; /* of the server */

static lock_sync_status live(scene *x)
{
    lock_sync_redis *r = NULL;
    lock_sync_guard *g = NULL;
    lock_sync_status status = lock_sync_redis_new(redis_server_url(server), &r);

    x->wrong = x->wrong || (r != NULL) != (status == LOCK_SYNC_OK) ||
               lock_sync_redis_url_problem(redis_server_url(server)) != NULL;
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

static void forget_marker(scene *x)
{
    (void)x;
    redis_server_do(server, "DEL new:locksync");
}

static lock_sync_status prepare(scene *x)
{
    lock_sync_redis *r = NULL;
    lock_sync_status status = lock_sync_redis_new(url, &r);
    char text[200];

    if (status == LOCK_SYNC_OK) {
        status = lock_sync_redis_prepare(r, "new:1");
        x->wrong = x->wrong || (lock_sync_redis_error_message(r, text, sizeof text) > 0) != (status != LOCK_SYNC_OK);
    }
    lock_sync_redis_free(r);
    return status;
}

/* Makes a guard whose connection to the server is opened by the act. */
static void make_guarded_by_redis(scene *x)
{
    lock_sync_redis *r;

    make_ctx(x);
    must(lock_sync_set_timeout_ms(x->ctx, LEASE_MS));
    must(lock_sync_redis_new(url, &r));
    use_guard(x, lock_sync_guard_open_redis(r, "torture", &x->guard));
    must(lock_sync_set_guard_mode(x->ctx, LOCK_SYNC_GUARD_FAIL));
    lock_sync_redis_free(r);
}

/* Tries again until the slot's lease ends. If it is unknown whether a slot was taken, it stays taken until then. */
static lock_sync_status retry_too_soon(scene *x, lock_sync_status (*fetch)(scene *x))
{
    lock_sync_status status;

    while ((status = fetch(x)) == LOCK_SYNC_E_TOO_SOON)
        (void)usleep(500);
    return status;
}

static lock_sync_status fetch_patiently(scene *x)
{
    return retry_too_soon(x, fetch_some);
}

static lock_sync_status submit_patiently(scene *x)
{
    return retry_too_soon(x, submit);
}

static void make_pool_guarded_by_redis(scene *x)
{
    make_guarded_by_redis(x);
    add_pool(x);
}

TEST(each_allocation_may_fail)
{
    static const act acts[] = {
        {"a guard in Redis", NULL, live, LOCK_SYNC_OK, MAY_GUARD},
        {"to prepare Redis", forget_marker, prepare, LOCK_SYNC_OK, MAY_GUARD},
        {"a fetch with a guard in Redis", make_guarded_by_redis, fetch_patiently, LOCK_SYNC_OK,
         MAY_GUARD | MAY_RESOLVE},
        {"a submit with a guard in Redis", make_pool_guarded_by_redis, submit_patiently, LOCK_SYNC_OK,
         MAY_GUARD | MAY_RESOLVE},
        {NULL, NULL, NULL, LOCK_SYNC_OK, NONE},
    };
    scene x;

    t_need(redis_server_is_there(), NO_REDIS);
    server = redis_server_new(NULL);
    url = redis_server_url(server);
    redis_server_settle_in(server, "torture");
    acts_begin();
    alloc_know(LIBRARIES);
    scene_begin(&x, &acts[0], false);
    MUST_OK(live(&x));
    check_acts(acts, LIBRARIES, SIZE_MAX, false);
    acts_end();
    redis_server_free(server);
}

#if WITH_REDIS_TLS
/* Any status is allowed where OpenSSL runs out of memory: its error may be that a certificate is not trusted. */
TEST(each_allocation_of_tls_may_fail)
{
    static const act acts[] = {
        {"to prepare Redis over TLS", forget_marker, prepare, LOCK_SYNC_OK, MAY_GUARD},
        {NULL, NULL, NULL, LOCK_SYNC_OK, NONE},
    };
    static const act in_a_pool[] = {
        {"a submit with a guard in Redis over TLS", make_pool_guarded_by_redis, submit_patiently, LOCK_SYNC_OK,
         MAY_GUARD | MAY_RESOLVE},
        {NULL, NULL, NULL, LOCK_SYNC_OK, NONE},
    };
    const char *options[] = {
        "--tls-port", "",  "--tls-cert-file", "", "--tls-key-file", "", "--tls-ca-cert-file", "", "--tls-auth-clients",
        "no",         NULL};
    uint16_t port;
    scene x;

    t_need(redis_server_is_there(), NO_REDIS);
    acts_begin(); /* makes the certificates */
    port = raw_server_port();
    options[1] = t_later(free, kit_text("%u", port));
    options[3] = pems->good;
    options[5] = pems->key;
    options[7] = pems->ca;
    server = redis_server_new(options);
    url = t_later(free, kit_text("rediss://127.0.0.1:%u?ssl_ca_certs=%s", port, pems->ca));
    redis_server_settle_in(server, "torture");
    scene_begin(&x, &acts[0], false);
    MUST_OK(prepare(&x));
    check_acts(acts, LIBRARIES, SIZE_MAX, false);
    check_acts(in_a_pool, LIBRARIES, SIZE_MAX, false);
    check_acts(acts, ALLOC_OPENSSL, kit_slack() == 1 ? 1500 : 300, true);
    redis_server_free(server);
    acts_end();
}
#endif
