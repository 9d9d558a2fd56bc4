/* The token provider: when it is called, and how the fetch continues. An expired or rejected token is not sent
   again. */
#include "../support/fake.h"

#define GOOD "{\"result\":[{\"id\":1}]}"
#define OTHER_STATUS 4711 /* an unknown status means: no credential */

/* The action of a provider in a call. */
typedef enum act { NOTHING, SET_KEY, SET_TOKEN, SET_EXPIRED, SET_BAD, WIPE, CANCEL } act;

typedef struct provider {
    act acts[2]; /* of the first and the second call */
    lock_sync_status returns;
    size_t calls;
    bool rejected[2];
} provider;

static lock_sync_status provide(void *user, lock_sync_ctx *ctx, bool rejected)
{
    provider *p = user;
    size_t i = p->calls++;

    if (!CHECK(i < 2))
        return LOCK_SYNC_E_NO_CREDENTIAL;
    p->rejected[i] = rejected;
    switch (p->acts[i]) {
    case SET_KEY: CHECK_OK(lock_sync_set_personal_key(ctx, "new-key")); break;
    case SET_TOKEN: CHECK_OK(lock_sync_set_access_token_until(ctx, "new-token", INT64_MAX)); break;
    case SET_EXPIRED: CHECK_OK(lock_sync_set_access_token_until(ctx, "old-token", 1)); break;
    case SET_BAD: CHECK_INT(lock_sync_set_access_token(ctx, "bad token"), LOCK_SYNC_E_INVALID_ARGUMENT); break;
    case WIPE: CHECK_OK(lock_sync_set_access_token(ctx, NULL)); break;
    case CANCEL:
        CHECK_OK(lock_sync_set_access_token(ctx, "new-token"));
        lock_sync_cancel(ctx);
        break;
    case NOTHING:
    default: break;
    }
    return p->returns;
}

#define OK LOCK_SYNC_OK
#define E(name) LOCK_SYNC_E_##name
#define RESPONSE_401                                                                                                   \
  {                                                                                                                    \
    .http = 401, .body = "{\"errorMessages\":[\"no\"]}", .headers = { "X-Correlation-ID", "c-401" }                    \
  }
#define RESPONSE_200                                                                                                   \
  {                                                                                                                    \
    .http = 200, .body = GOOD                                                                                          \
  }

/* The responses in their order; the last one is repeated. */
typedef struct script {
    t_step steps[2];
    size_t count;
} script;

static const script all_good = {{RESPONSE_200}, 1};
static const script rejected_once = {{RESPONSE_401, RESPONSE_200}, 2};
static const script rejected = {{RESPONSE_401}, 1};
static const script then_500 = {{RESPONSE_401, {.http = 500}}, 2};
static const script broken = {{{.returns = E(NETWORK)}}, 1};
static const script forbidden = {{{.http = 403}}, 1};
static const script in_envelope = {{{.http = 200, .body = "{\"success\":false,\"statusCode\":401}"}, RESPONSE_200}, 2};

typedef enum start { NONE, KEY, EXPIRED, TOKEN_UNTIL } start;
typedef enum called { NEVER, BEFORE, AFTER, BOTH } called; /* before the first request, after a 401 */

#define OLD_KEY "PersonalKey old-key"
#define OLD_TOKEN "Bearer old-token"
#define NEW_KEY "PersonalKey new-key"
#define NEW_TOKEN "Bearer new-token"

static const struct {
    const char *name;
    start start; /* the credential before the fetch */
    act acts[2];
    lock_sync_status returns; /* of the provider */
    const script *script;
    lock_sync_status want;
    called called;
    const char *sent[3]; /* the Authorization headers */
} table[] = {
    {"not called while the key is good", KEY, {NOTHING}, OK, &all_good, OK, NEVER, {OLD_KEY}},
    {"not called while the token has not expired", TOKEN_UNTIL, {NOTHING}, OK, &all_good, OK, NEVER, {OLD_TOKEN}},
    {"not called after 403", KEY, {SET_TOKEN}, OK, &forbidden, E(FORBIDDEN), NEVER, {OLD_KEY}},
    {"not called after a failed transfer", KEY, {SET_TOKEN}, OK, &broken, E(NETWORK), NEVER, {OLD_KEY}},

    /* no credential is usable: nothing is sent without a new one */
    {"none: sets a token", NONE, {SET_TOKEN}, OK, &all_good, OK, BEFORE, {NEW_TOKEN}},
    {"none: sets a key", NONE, {SET_KEY}, OK, &all_good, OK, BEFORE, {NEW_KEY}},
    {"expired: sets a token", EXPIRED, {SET_TOKEN}, OK, &all_good, OK, BEFORE, {NEW_TOKEN}},
    {"expired: sets nothing", EXPIRED, {NOTHING}, OK, &all_good, E(NO_CREDENTIAL), BEFORE, {NULL}},
    {"none: sets nothing", NONE, {NOTHING}, OK, &all_good, E(NO_CREDENTIAL), BEFORE, {NULL}},
    {"none: sets one that has expired", NONE, {SET_EXPIRED}, OK, &all_good, E(NO_CREDENTIAL), BEFORE, {NULL}},
    {"none: sets a bad one", NONE, {SET_BAD}, OK, &all_good, E(NO_CREDENTIAL), BEFORE, {NULL}},
    {"none: fails", NONE, {NOTHING}, E(TIMEOUT), &all_good, E(TIMEOUT), BEFORE, {NULL}},
    {"none: fails though it set one", NONE, {SET_TOKEN}, E(NETWORK), &all_good, E(NETWORK), BEFORE, {NULL}},
    {"none: an unknown status", NONE, {NOTHING}, OTHER_STATUS, &all_good, E(NO_CREDENTIAL), BEFORE, {NULL}},
    {"none: a negative status", NONE, {NOTHING}, -1, &all_good, E(NO_CREDENTIAL), BEFORE, {NULL}},
    {"none: cancels", NONE, {CANCEL}, OK, &all_good, E(CANCELLED), BEFORE, {NULL}},

    /* after a 401: no retry without a new credential */
    {"401: sets a token", KEY, {SET_TOKEN}, OK, &rejected_once, OK, AFTER, {OLD_KEY, NEW_TOKEN}},
    {"401 in the envelope: sets a token", KEY, {SET_TOKEN}, OK, &in_envelope, OK, AFTER, {OLD_KEY, NEW_TOKEN}},
    {"expired, and 401", EXPIRED, {SET_TOKEN, SET_KEY}, OK, &rejected_once, OK, BOTH, {NEW_TOKEN, NEW_KEY}},
    {"a second 401 ends it", KEY, {SET_TOKEN}, OK, &rejected, E(UNAUTHORIZED), AFTER, {OLD_KEY, NEW_TOKEN}},
    {"none, and two 401", NONE, {SET_TOKEN, SET_KEY}, OK, &rejected, E(UNAUTHORIZED), BOTH, {NEW_TOKEN, NEW_KEY}},
    {"401, then 500", KEY, {SET_TOKEN}, OK, &then_500, E(SERVER), AFTER, {OLD_KEY, NEW_TOKEN}},
    {"401: sets nothing", KEY, {NOTHING}, OK, &rejected, E(UNAUTHORIZED), AFTER, {OLD_KEY}},
    {"401: sets a bad one", KEY, {SET_BAD}, OK, &rejected, E(UNAUTHORIZED), AFTER, {OLD_KEY}},
    {"401: sets one that has expired", KEY, {SET_EXPIRED}, OK, &rejected_once, E(UNAUTHORIZED), AFTER, {OLD_KEY}},
    {"401: wipes", KEY, {WIPE}, OK, &rejected_once, E(UNAUTHORIZED), AFTER, {OLD_KEY}},
    {"401: fails", KEY, {NOTHING}, E(RESOLVE), &rejected_once, E(RESOLVE), AFTER, {OLD_KEY}},
    {"401: says that it was busy", KEY, {NOTHING}, E(BUSY), &rejected_once, E(NO_CREDENTIAL), AFTER, {OLD_KEY}},
    {"401: an unknown status", KEY, {NOTHING}, OTHER_STATUS, &rejected_once, E(NO_CREDENTIAL), AFTER, {OLD_KEY}},
    {"401: cancels", KEY, {CANCEL}, OK, &rejected_once, E(CANCELLED), AFTER, {OLD_KEY}},
};

static void start_with(lock_sync_ctx *ctx, start how)
{
    CHECK_OK(lock_sync_set_personal_key(ctx, how == KEY ? "old-key" : NULL));
    if (how == EXPIRED)
        CHECK_OK(lock_sync_set_access_token_until(ctx, "old-token", 1));
    if (how == TOKEN_UNTIL)
        CHECK_OK(lock_sync_set_access_token_until(ctx, "old-token", INT64_MAX));
}

/* Makes a context over `fake`, which follows a script. `p` is its provider unless it is NULL. */
static lock_sync_ctx *ctx_with(provider *p, t_fake *fake, const script *s)
{
    lock_sync_ctx *ctx = t_ctx();

    *fake = (t_fake){.steps = s->steps, .step_count = s->count};
    t_fake_use(ctx, fake);
    if (p != NULL)
        CHECK_OK(lock_sync_set_token_provider(ctx, provide, p));
    return ctx;
}

static void check_lacks_secrets(const char *text)
{
    static const char *const secrets[] = {"old-key", "old-token", "new-key", "new-token", "bad token"};

    for (size_t i = 0; i < COUNT_OF(secrets); i++)
        CHECK_LACKS(text, secrets[i]);
}

TEST(it_is_called_without_a_usable_credential_and_after_a_401)
{
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        provider p = {.acts = {table[i].acts[0], table[i].acts[1]}, .returns = table[i].returns};
        bool before = table[i].called == BEFORE || table[i].called == BOTH;
        bool after = table[i].called == AFTER || table[i].called == BOTH;
        t_log log = {0};
        t_fake fake;
        lock_sync_ctx *ctx = ctx_with(&p, &fake, table[i].script);
        size_t sent = 0;

        t_row("%s", table[i].name);
        start_with(ctx, table[i].start);
        CHECK_OK(lock_sync_set_logger(ctx, t_log_line, &log));
        CHECK_INT(t_fetch_status(ctx), table[i].want);
        CHECK_INT(t_error_status(ctx), table[i].want);
        CHECK_INT(p.calls, before + after);
        CHECK_INT(p.rejected[0], after && !before);
        CHECK_INT(p.rejected[1], after && before);
        for (; table[i].sent[sent] != NULL; sent++)
            CHECK_TEXT(fake.authorization[sent], table[i].sent[sent]);
        CHECK_INT(fake.performed, sent);
        check_lacks_secrets(log.text);
        check_lacks_secrets(t_error_message(ctx));
        lock_sync_ctx_free(ctx);
    }
}

TEST(the_new_credential_is_kept_for_the_next_fetch)
{
    provider p = {.acts = {SET_TOKEN}};
    t_fake fake;
    lock_sync_ctx *ctx = ctx_with(&p, &fake, &rejected_once);

    CHECK_OK(t_fetch_status(ctx));
    CHECK_OK(t_fetch_status(ctx));
    CHECK_INT(p.calls, 1);
    CHECK_INT(fake.performed, 3);
    CHECK_TEXT(fake.authorization[2], "Bearer new-token");
    lock_sync_ctx_free(ctx);
}

/* The fetch ends with the service's 401, so the error keeps the service's messages. */
TEST(a_401_without_a_new_credential_keeps_its_detail_and_is_not_retried)
{
    for (int with_provider = 0; with_provider <= 1; with_provider++) {
        provider p = {.acts = {NOTHING}};
        t_fake fake;
        lock_sync_ctx *ctx = ctx_with(with_provider ? &p : NULL, &fake, &rejected_once);
        const lock_sync_error *e = lock_sync_last_error(ctx);

        t_row("with%s a provider", with_provider ? "" : "out");
        CHECK_INT(t_fetch_status(ctx), LOCK_SYNC_E_UNAUTHORIZED);
        CHECK_INT(fake.performed, 1);
        CHECK_INT(lock_sync_error_http_status(e), 401);
        CHECK_TEXT(lock_sync_error_correlation_id(e), "c-401");
        CHECK_INT(lock_sync_error_api_message_count(e), 1);
        CHECK_TEXT(lock_sync_error_api_message_at(e, 0), "no");
        lock_sync_ctx_free(ctx);
    }
}

TEST(the_http_status_of_a_401_in_the_envelope_is_that_of_the_response)
{
    provider p = {.acts = {NOTHING}};
    t_fake fake;
    lock_sync_ctx *ctx = ctx_with(&p, &fake, &in_envelope);

    CHECK_INT(t_fetch_status(ctx), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(ctx)), 200);
    lock_sync_ctx_free(ctx);
}

TEST_WITH_CTX(the_provider_is_not_called_for_a_built_request)
{
    provider p = {.acts = {SET_TOKEN}};
    lock_sync_request *q;

    CHECK_OK(lock_sync_set_personal_key(ctx, NULL));
    CHECK_OK(lock_sync_set_token_provider(ctx, provide, &p));
    CHECK_INT(lock_sync_request_build(ctx, NULL, 0, &q), LOCK_SYNC_E_NO_CREDENTIAL);
    CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
    CHECK_INT(t_decode_status(ctx, &(t_response){.http = 401}), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_INT(p.calls, 0);
}
