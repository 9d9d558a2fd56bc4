/* All acts but those of guards, pools, watches, directories and Redis; see acts.h. Uses no cmocka, because an act may
   run in a child process. */
#include "acts.h"

#include "../support/interpose.h"
#include "../support/nginx.h"
#include "../support/pems.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_1001 "{\"id\":1001,\"isConnected\":true,\"deviceState\":{\"state\":6,\"batteryLevel\":80}}"
#define BODY_OF_TWO "{\"result\":[" RECORD_1001 ",{\"id\":1003}]}"

static const int64_t ids[] = {1003, 1001, 9999, 1003};
static const int64_t one_id = 1001;
static sim *http;
static sim *https;
static nginx *http2; /* NULL: nginx is not installed */
static char *dir;
char *guard_path;
static char *name_url;
static char *dead_url;
static int dead_port;

void acts_begin(void)
{
    static const char *const options[] = {"--static", "--gzip", "--personal-key", KEY, NULL};
    uint16_t port;

    http = sim_start(options);
    (void)pems_make(NULL);
    https = sim_start_tls(pems->good, pems->key);
    http2 = nginx_exists() ? nginx_start(&(nginx_setup){.cert = pems->good, .key = pems->key, .body = BODY_OF_TWO})
                           : NULL;
    dir = kit_temp_dir();
    guard_path = kit_text("%s/guard", dir);
    name_url = kit_text("http://service.test:%u", sim_port(http));
    dead_port = raw_dead_port(&port);
    dead_url = kit_text("http://127.0.0.1:%u", port);
    resolver_set_address("127.0.0.1");
}

void acts_end(void)
{
    resolver_set_address(NULL);
    sim_stop(http, NULL);
    sim_stop(https, NULL);
    nginx_stop(http2);
    (void)pems_free(NULL);
    kit_remove_dir(dir);
    free(guard_path);
    free(name_url);
    free(dead_url);
    (void)close(dead_port);
}

void must(lock_sync_status status)
{
    if (status != LOCK_SYNC_OK)
        kit_die("a scene cannot be set: %s", lock_sync_status_name(status));
}

/* --- contexts --- */

void make_ctx(scene *x)
{
    must(lock_sync_ctx_new_with_allocator(x->memory, &x->ctx));
    must(lock_sync_set_base_url(x->ctx, sim_url(http)));
    must(lock_sync_set_personal_key(x->ctx, KEY));
    must(lock_sync_set_guard_mode(x->ctx, LOCK_SYNC_GUARD_OFF));
    must(lock_sync_set_timeout_ms(x->ctx, TIMEOUT_MS));
}

lock_sync_status give_better_key(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)user;
    return rejected ? lock_sync_set_personal_key(ctx, KEY) : LOCK_SYNC_E_NO_CREDENTIAL;
}

static lock_sync_status perform(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)q;
    DO(lock_sync_response_set_status(s, 200));
    DO(lock_sync_response_add_header(s, "X-Correlation-ID", "c-2"));
    return lock_sync_response_append_body(s, BODY_OF_TWO, sizeof BODY_OF_TWO - 1);
}

static const lock_sync_transport own_transport = {.struct_size = sizeof own_transport, .perform = perform};

static lock_sync_status new_ctx(scene *x)
{
    lock_sync_ctx *ctx = NULL;
    lock_sync_status status = x->memory == NULL ? lock_sync_ctx_new(&ctx)
                                                : lock_sync_ctx_new_with_allocator(x->memory, &ctx);

    x->wrong = x->wrong || (ctx != NULL) != (status == LOCK_SYNC_OK) || lock_sync_version()[0] == '\0';
    lock_sync_ctx_free(ctx);
    return status;
}

static lock_sync_status set_all(scene *x)
{
    DO(lock_sync_set_access_token(x->ctx, "token"));
    DO(lock_sync_set_access_token_until(x->ctx, "token-until", INT64_MAX));
    DO(lock_sync_set_personal_key(x->ctx, KEY));
    DO(lock_sync_set_base_url(x->ctx, "https://elsewhere.test/with/path/"));
    DO(lock_sync_set_base_url(x->ctx, sim_url(http)));
    DO(lock_sync_set_api_version(x->ctx, "v37"));
    DO(lock_sync_set_ca_file(x->ctx, pems->ca));
    DO(lock_sync_set_proxy(x->ctx, "http://user:password@proxy.test:3128"));
    DO(lock_sync_set_user_agent(x->ctx, "torture/1.0"));
    DO(lock_sync_set_connect_timeout_ms(x->ctx, 1000));
    DO(lock_sync_set_max_idle_ms(x->ctx, 1000));
    DO(lock_sync_set_timeout_ms(x->ctx, TIMEOUT_MS));
    DO(lock_sync_set_max_response_bytes(x->ctx, 100000));
    DO(lock_sync_set_allow_http(x->ctx, true));
    DO(lock_sync_set_logger(x->ctx, NULL, NULL));
    DO(lock_sync_set_token_provider(x->ctx, give_better_key, NULL));
    DO(lock_sync_set_transport(x->ctx, &own_transport));
    DO(lock_sync_set_guard_mode(x->ctx, LOCK_SYNC_GUARD_WAIT));
    return lock_sync_set_guard(x->ctx, NULL);
}

static lock_sync_status reject_setting(scene *x)
{
    return lock_sync_set_base_url(x->ctx, "ftp://elsewhere.test");
}

/* --- without I/O --- */

static lock_sync_status build(scene *x)
{
    lock_sync_request *q = NULL;

    DO(lock_sync_request_build(x->ctx, ids, 4, &q));
    look_at_request(x, q, "/sync");
    lock_sync_request_free(q);
    DO(lock_sync_request_build_one(x->ctx, one_id, &q));
    look_at_request(x, q, "/sync");
    lock_sync_request_free(q);
    return LOCK_SYNC_OK;
}

static lock_sync_status fill(lock_sync_response *s, int32_t http_status, const char *body, size_t padding)
{
    char spaces[5000];

    memset(spaces, ' ', sizeof spaces);
    DO(lock_sync_response_set_status(s, http_status));
    DO(lock_sync_response_add_header(s, "X-Correlation-ID", "c-1"));
    DO(lock_sync_response_set_received_at_ms(s, 1700000000000));
    for (size_t i = 0; i < padding; i++)
        DO(lock_sync_response_append_body(s, spaces, sizeof spaces));
    return lock_sync_response_append_body(s, body, strlen(body));
}

static lock_sync_status decode(scene *x, int32_t http_status, const char *body, size_t padding)
{
    lock_sync_response *s = NULL;
    lock_sync_results *r = NULL;
    lock_sync_status status = lock_sync_response_new(x->ctx, &s);

    if (status == LOCK_SYNC_OK)
        status = fill(s, http_status, body, padding);
    if (status == LOCK_SYNC_OK) {
        status = lock_sync_response_decode(x->ctx, x->q, s, &r);
        (void)check_results(x, status, r, 1, 1);
    }
    lock_sync_response_free(s);
    return status;
}

static void make_request(scene *x)
{
    static const int64_t asked[] = {1001, 9999};

    make_ctx(x);
    must(lock_sync_request_build(x->ctx, asked, 2, &x->q));
}

static lock_sync_status decode_direct(scene *x)
{
    return decode(x, 200, "{\"result\":[{\"id\":1002}," RECORD_1001 "]}", 0);
}

static lock_sync_status decode_long(scene *x)
{
    return decode(x, 200, "\n{\"result\":[" RECORD_1001 "]}", 4);
}

/* Decodes a spelling that only the full decoder, with jansson's tree, accepts. */
static lock_sync_status decode_tree(scene *x)
{
    return decode(x, 200, "{\"r\\u0065sult\":[{\"\\u0069d\":1002,\"x\":[{\"y\":[1.5,\"z\"]}]}," RECORD_1001 "]}", 0);
}

static lock_sync_status decode_malformed(scene *x)
{
    return decode(x, 200, "{\"result\":[{\"id\":1001},{\"\\u0069d\":", 0);
}

static lock_sync_status decode_limited(scene *x)
{
    return decode(x, 429, "{\"errorMessages\":[\"not so fast\",\"please\"],\"statusCode\":429}", 0);
}

static lock_sync_status decode_failure(scene *x)
{
    return decode(x, 200, "{\"success\":false,\"errorMessages\":[\"no\"]}", 0);
}

/* --- fetches --- */

lock_sync_status fetch_some(scene *x)
{
    lock_sync_results *r = NULL;
    lock_sync_status status = lock_sync_fetch(x->ctx, ids, 4, &r);

    return check_results(x, status, r, 2, 1);
}

lock_sync_status fetch_all(scene *x)
{
    lock_sync_results *r = NULL;
    lock_sync_status status = lock_sync_fetch(x->ctx, NULL, 0, &r);

    return check_results(x, status, r, 4, 0);
}

static lock_sync_status fetch_one(scene *x)
{
    lock_sync_results *r = NULL;
    lock_sync_status status = lock_sync_fetch_one(x->ctx, one_id, &r);

    return check_results(x, status, r, 1, 0);
}

static void make_warm(scene *x)
{
    make_ctx(x);
    must(fetch_all(x));
}

void make_named(scene *x)
{
    make_ctx(x);
    must(lock_sync_set_allow_http(x->ctx, true));
    must(lock_sync_set_base_url(x->ctx, name_url));
}

static void make_refused(scene *x)
{
    make_ctx(x);
    must(lock_sync_set_base_url(x->ctx, dead_url));
}

static void make_unknown(scene *x)
{
    make_ctx(x);
    must(lock_sync_set_api_version(x->ctx, "v1"));
}

/* Fetches with a token that is rejected, and a provider that has a better one. */
static lock_sync_status fetch_twice(scene *x)
{
    DO(lock_sync_set_access_token(x->ctx, "stale"));
    DO(lock_sync_set_token_provider(x->ctx, give_better_key, NULL));
    return fetch_some(x);
}

static void make_own(scene *x)
{
    make_ctx(x);
    must(lock_sync_set_transport(x->ctx, &own_transport));
}

static lock_sync_status give_key_and_cancel(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)user, (void)rejected;
    lock_sync_cancel(ctx);
    return lock_sync_set_personal_key(ctx, KEY);
}

static lock_sync_status fetch_cancelled(scene *x)
{
    DO(lock_sync_set_personal_key(x->ctx, NULL));
    DO(lock_sync_set_token_provider(x->ctx, give_key_and_cancel, NULL));
    return fetch_some(x);
}

static lock_sync_status fetch_stopped(scene *x)
{
    lock_sync_status status;

    DO(lock_sync_set_stopped(x->ctx, true));
    status = fetch_some(x);
    DO(lock_sync_set_stopped(x->ctx, false));
    return status;
}

/* Fetches with a context's own guard, which the first fetch makes. */
static lock_sync_status make_and_fetch(scene *x)
{
    DO(lock_sync_ctx_new_with_allocator(x->memory, &x->ctx));
    DO(lock_sync_set_base_url(x->ctx, sim_url(http)));
    DO(lock_sync_set_personal_key(x->ctx, KEY));
    return fetch_some(x);
}

static lock_sync_status live(scene *x)
{
    lock_sync_status status = make_and_fetch(x);

    lock_sync_ctx_free(x->ctx);
    x->ctx = NULL;
    return status;
}

/* --- the list --- */

const act first_fetch = {"a first fetch", make_ctx, fetch_some, LOCK_SYNC_OK, MAY_RESOLVE};

const act plain_acts[] = {
    {"a new context", NULL, new_ctx, LOCK_SYNC_OK, NONE},
    {"all settings", make_ctx, set_all, LOCK_SYNC_OK, NONE},
    {"a setting that is rejected", make_ctx, reject_setting, LOCK_SYNC_E_INVALID_ARGUMENT, NONE},
    {"requests", make_ctx, build, LOCK_SYNC_OK, NONE},
    {"decoding the usual way", make_request, decode_direct, LOCK_SYNC_OK, NONE},
    {"decoding a long body", make_request, decode_long, LOCK_SYNC_OK, NONE},
    {"decoding by the tree", make_request, decode_tree, LOCK_SYNC_OK, NONE},
    {"decoding a malformed body", make_request, decode_malformed, LOCK_SYNC_E_MALFORMED, NONE},
    {"decoding a 429", make_request, decode_limited, LOCK_SYNC_E_RATE_LIMITED, NONE},
    {"decoding success: false", make_request, decode_failure, LOCK_SYNC_E_API, NONE},
    {"a first fetch", make_ctx, fetch_some, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a fetch on a kept connection", make_warm, fetch_all, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a fetch of one lock", make_warm, fetch_one, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a fetch by name", make_named, fetch_some, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a fetch whose connection is refused", make_refused, fetch_some, LOCK_SYNC_E_CONNECT, MAY_RESOLVE},
    {"a fetch from a name that is not found", make_unknown, fetch_some, LOCK_SYNC_E_NOT_FOUND, MAY_RESOLVE},
    {"a fetch with a provider", make_warm, fetch_twice, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a fetch with the application's transport", make_own, fetch_some, LOCK_SYNC_OK, NONE},
    {"a fetch that is cancelled", make_ctx, fetch_cancelled, LOCK_SYNC_E_CANCELLED, NONE},
    {"a fetch of a stopped context", make_ctx, fetch_stopped, LOCK_SYNC_E_CANCELLED, NONE},
    {"a whole life", NULL, live, LOCK_SYNC_OK, MAY_RESOLVE},
    {NULL, NULL, NULL, LOCK_SYNC_OK, NONE},
};

/* --- over TLS --- */

static void make_secure(scene *x)
{
    make_ctx(x);
    must(lock_sync_set_base_url(x->ctx, sim_url(https)));
    must(lock_sync_set_ca_file(x->ctx, pems->ca));
}

static void make_warm_secure(scene *x)
{
    make_secure(x);
    must(fetch_all(x));
}

static void make_secure_pool(scene *x)
{
    make_secure(x);
    add_pool(x);
}

static void make_http2(scene *x)
{
    make_secure(x);
    must(lock_sync_set_base_url(x->ctx, nginx_url(http2)));
}

static void make_http2_pool(scene *x)
{
    make_http2(x);
    add_pool(x);
}

const act first_fetch_by_tls = {"a first fetch over TLS", make_secure, fetch_some, LOCK_SYNC_OK, MAY_RESOLVE};

const act tls_acts[] = {
    {"a first fetch over TLS", make_secure, fetch_some, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a fetch on a kept TLS connection", make_warm_secure, fetch_some, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a submit over TLS", make_secure_pool, submit, LOCK_SYNC_OK, MAY_RESOLVE},
    {NULL, NULL, NULL, LOCK_SYNC_OK, NONE},
};

const act http2_acts[] = {
    {"a fetch over HTTP/2", make_http2, fetch_some, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a submit over HTTP/2", make_http2_pool, submit, LOCK_SYNC_OK, MAY_RESOLVE},
    {NULL, NULL, NULL, LOCK_SYNC_OK, NONE},
};

/* --- scenes --- */

void scene_begin(scene *x, const act *a, bool own_memory)
{
    *x = (scene){.memory = NULL};
    x->own = t_heap_allocator(&x->heap);
    x->memory = own_memory ? &x->own : NULL;
    if (a->prepare != NULL)
        a->prepare(x);
}

void scene_end(scene *x)
{
    lock_sync_request_free(x->q);
    lock_sync_results_free(x->before);
    lock_sync_results_free(x->after);
    lock_sync_pool_free(x->pool);
    lock_sync_ctx_free(x->ctx);
    lock_sync_guard_unref(x->guard);
    raw_stop(x->server);
}
