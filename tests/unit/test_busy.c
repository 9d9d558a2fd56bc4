/* A context has one use at a time: what callbacks and other threads may call while a fetch runs, and cancelling it. */
#include "../support/fake.h"

#include <pthread.h>
#include <string.h>

#define GOOD "{\"result\":[{\"id\":1}]}"

static lock_sync_status no_provider(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)user, (void)ctx, (void)rejected;
    return LOCK_SYNC_E_NO_CREDENTIAL;
}

/* The state that the callbacks of a fetch share. */
typedef struct inside {
    lock_sync_ctx *ctx;
    const lock_sync_request *q; /* built before, to decode */
    const lock_sync_response *s;
    size_t calls;
} inside;

/* Expects E_BUSY and a NULL result from every function of a context except the credential's setters. The error
   stays. */
static void check_all_busy(inside *in)
{
    lock_sync_ctx *ctx = in->ctx;
    lock_sync_transport transport = {sizeof transport, NULL, NULL, NULL, NULL};
    lock_sync_results *r = (lock_sync_results *)(void *)ctx;
    lock_sync_request *q = (lock_sync_request *)(void *)ctx;
    lock_sync_response *s = (lock_sync_response *)(void *)ctx;
    lock_sync_directory *d = (lock_sync_directory *)(void *)ctx;
    lock_sync_status before = t_error_status(ctx);

    in->calls++;
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_BUSY);
    CHECK(r == NULL);
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, NULL), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_fetch_one(ctx, -1, &r), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_fetch_directory(ctx, &d), LOCK_SYNC_E_BUSY);
    CHECK(d == NULL);
    CHECK_INT(lock_sync_request_build(ctx, NULL, 0, &q), LOCK_SYNC_E_BUSY);
    CHECK(q == NULL);
    q = (lock_sync_request *)(void *)ctx;
    CHECK_INT(lock_sync_request_build_directory(ctx, 1, &q), LOCK_SYNC_E_BUSY);
    CHECK(q == NULL);
    CHECK_INT(lock_sync_request_build_directory(ctx, 0, &q), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_request_build_one(ctx, 1, &q), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_response_new(ctx, &s), LOCK_SYNC_E_BUSY);
    CHECK(s == NULL);
    r = (lock_sync_results *)(void *)ctx;
    CHECK_INT(lock_sync_response_decode(ctx, in->q, in->s, &r), LOCK_SYNC_E_BUSY);
    CHECK(r == NULL);
    d = (lock_sync_directory *)(void *)ctx;
    CHECK_INT(lock_sync_response_decode_directory(ctx, in->q, in->s, &d), LOCK_SYNC_E_BUSY);
    CHECK(d == NULL);
    CHECK_INT(lock_sync_set_token_provider(ctx, no_provider, NULL), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_base_url(ctx, "https://evil.example"), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_base_url(ctx, ""), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_api_version(ctx, "v1"), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_connect_timeout_ms(ctx, 1), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_timeout_ms(ctx, 1), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_max_idle_ms(ctx, 1), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_max_response_bytes(ctx, 1), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_allow_http(ctx, true), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_ca_file(ctx, "/x"), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_proxy(ctx, "http://p"), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_user_agent(ctx, "x"), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_guard(ctx, NULL), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_OFF), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_logger(ctx, NULL, NULL), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_transport(ctx, NULL), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_transport(ctx, &transport), LOCK_SYNC_E_BUSY);
    CHECK_INT(t_error_status(ctx), before);
}

static void check_credential_busy(const inside *in)
{
    CHECK_INT(lock_sync_set_personal_key(in->ctx, "evil"), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_access_token(in->ctx, "evil"), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_access_token_until(in->ctx, NULL, 1), LOCK_SYNC_E_BUSY);
}

static void busy_perform(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)q, (void)s;
    check_all_busy(user);
    check_credential_busy(user);
}

static void busy_log(void *user, lock_sync_log_level level, const char *message)
{
    (void)level, (void)message;
    check_all_busy(user);
    check_credential_busy(user);
}

static lock_sync_status busy_provider(void *user, lock_sync_ctx *ctx, bool rejected)
{
    const inside *in = user;

    CHECK(in->ctx == ctx);
    check_all_busy(user);
    CHECK_OK(lock_sync_set_personal_key(ctx, "a"));
    CHECK_OK(lock_sync_set_access_token_until(ctx, "b", INT64_MAX));
    check_all_busy(user);
    return lock_sync_set_access_token(ctx, rejected ? "second" : "first");
}

TEST(callbacks_may_not_use_the_context)
{
    static const t_step steps[] = {{.http = 401, .hook = busy_perform},
                                   {.http = 200, .body = GOOD, .hook = busy_perform}};
    lock_sync_ctx *ctx = t_ctx();
    inside in = {.ctx = ctx};
    t_fake fake = {.steps = steps, .step_count = 2, .user = &in};
    lock_sync_request *q;
    lock_sync_response *s;

    CHECK_OK(lock_sync_request_build(ctx, NULL, 0, &q));
    CHECK_OK(lock_sync_response_new(ctx, &s));
    CHECK_OK(lock_sync_response_set_status(s, 200));
    in.q = q;
    in.s = s;
    CHECK_OK(lock_sync_set_personal_key(ctx, NULL));
    t_fake_use(ctx, &fake);
    CHECK_OK(lock_sync_set_logger(ctx, busy_log, &in));
    CHECK_OK(lock_sync_set_token_provider(ctx, busy_provider, &in));
    CHECK_OK(t_fetch_status(ctx));
    CHECK(in.calls >= 2 + 4 + 2); /* two performs, two calls of the provider, and at least two log lines */
    CHECK_TEXT(fake.authorization[0], "Bearer first");
    CHECK_TEXT(fake.authorization[1], "Bearer second");
    CHECK_TEXT(fake.url[1], "https://api.tedee.com/api/v37/my/lock/sync");
    CHECK_INT(fake.destroyed, 0);

    CHECK_OK(lock_sync_set_logger(ctx, NULL, NULL)); /* not busy any more */
    CHECK_OK(lock_sync_set_timeout_ms(ctx, 1000));
    lock_sync_response_free(s);
    lock_sync_request_free(q);
    lock_sync_ctx_free(ctx);
}

/* --- cancel --- */

static void cancel_inside(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)s;
    CHECK(!lock_sync_request_is_cancelled(q));
    lock_sync_cancel(user);
    CHECK(lock_sync_request_is_cancelled(q));
}

static void not_cancelled(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)s;
    CHECK(!lock_sync_request_is_cancelled(q));
}

TEST(cancelling_inside_perform_ends_only_that_fetch)
{
    static const lock_sync_status returns[] = {LOCK_SYNC_E_CANCELLED, LOCK_SYNC_E_NETWORK, LOCK_SYNC_E_TIMEOUT,
                                               LOCK_SYNC_E_NO_MEMORY, 99};

    for (size_t i = 0; i < COUNT_OF(returns); i++) {
        t_step steps[] = {{.hook = cancel_inside, .returns = returns[i]},
                          {.http = 200, .body = GOOD, .hook = not_cancelled}};
        lock_sync_ctx *ctx = t_ctx();
        t_fake fake = {.steps = steps, .step_count = 2, .user = ctx};

        t_row("perform returns %d", (int)returns[i]);
        t_fake_use(ctx, &fake);
        CHECK_INT(t_fetch_status(ctx), LOCK_SYNC_E_CANCELLED);
        CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_CANCELLED);
        CHECK_OK(t_fetch_status(ctx)); /* the next fetch is not cancelled */
        lock_sync_ctx_free(ctx);
    }
}

TEST(cancelling_when_nothing_runs_does_nothing)
{
    static const t_step step = {.http = 200, .body = GOOD, .hook = not_cancelled};
    t_fake fake = {.steps = &step, .step_count = 1};
    lock_sync_ctx *ctx = t_ctx();

    t_fake_use(ctx, &fake);
    CHECK_INT(lock_sync_set_timeout_ms(ctx, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    lock_sync_cancel(NULL);
    lock_sync_cancel(ctx);
    CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_INVALID_ARGUMENT); /* cancel does not clear the error */
    CHECK_OK(t_fetch_status(ctx));
    lock_sync_ctx_free(ctx);
}

/* A transport that hangs until `may_continue`, and a second thread. */
typedef struct hanging {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    lock_sync_ctx *ctx;
    bool performing; /* perform has begun */
    bool may_continue;
    size_t cancels;
} hanging;

static void set_flag(hanging *h, bool *flag)
{
    (void)pthread_mutex_lock(&h->mutex);
    *flag = true;
    (void)pthread_cond_broadcast(&h->changed);
    (void)pthread_mutex_unlock(&h->mutex);
}

static void wait_for(hanging *h, const bool *flag)
{
    (void)pthread_mutex_lock(&h->mutex);
    while (!*flag)
        (void)pthread_cond_wait(&h->changed, &h->mutex);
    (void)pthread_mutex_unlock(&h->mutex);
}

static lock_sync_status hang(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    hanging *h = user;

    (void)s;
    set_flag(h, &h->performing);
    wait_for(h, &h->may_continue);
    return lock_sync_request_is_cancelled(q) ? LOCK_SYNC_E_CANCELLED : LOCK_SYNC_E_TIMEOUT;
}

static void wake(void *user)
{
    hanging *h = user;

    h->cancels++;
    set_flag(h, &h->may_continue);
}

static void *cancel_once_it_hangs(void *user)
{
    hanging *h = user;

    wait_for(h, &h->performing);
    lock_sync_cancel(h->ctx);
    return NULL;
}

static void *cancel_and_let_it_continue(void *user)
{
    hanging *h = user;

    (void)cancel_once_it_hangs(user);
    set_flag(h, &h->may_continue);
    return NULL;
}

/* Uses the context by mistake. */
static void *use_while_it_hangs(void *user)
{
    hanging *h = user;

    wait_for(h, &h->performing);
    CHECK_INT(t_fetch_status(h->ctx), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_timeout_ms(h->ctx, 5), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_personal_key(h->ctx, "k"), LOCK_SYNC_E_BUSY);
    set_flag(h, &h->may_continue);
    return NULL;
}

TEST(a_second_thread_may_only_cancel_while_a_fetch_runs)
{
    static const struct {
        const char *name;
        void *(*second)(void *user);
        void (*cancel)(void *user); /* of the transport */
        lock_sync_status want;
    } table[] = {
        {"cancel, reported to the transport", cancel_once_it_hangs, wake, LOCK_SYNC_E_CANCELLED},
        {"cancel, reported by the request", cancel_and_let_it_continue, NULL, LOCK_SYNC_E_CANCELLED},
        {"nothing else", use_while_it_hangs, NULL, LOCK_SYNC_E_TIMEOUT},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        hanging h = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .ctx = t_ctx()};
        lock_sync_transport transport = {sizeof transport, &h, hang, table[i].cancel, NULL};
        pthread_t thread;

        t_row("%s", table[i].name);
        t_guard_off(h.ctx);
        CHECK_OK(lock_sync_set_transport(h.ctx, &transport));
        MUST_INT(pthread_create(&thread, NULL, table[i].second, &h), 0);
        CHECK_INT(t_fetch_status(h.ctx), table[i].want);
        MUST_INT(pthread_join(thread, NULL), 0);
        CHECK_INT(h.cancels, table[i].cancel != NULL);
        lock_sync_ctx_free(h.ctx);
        (void)pthread_cond_destroy(&h.changed);
        (void)pthread_mutex_destroy(&h.mutex);
    }
}
