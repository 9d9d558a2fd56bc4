/* The token provider: when it is asked, what its answers come to, and that an expired or refused token is not sent
   again. */
#include "../support/fake.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GOOD "{\"result\":[{\"id\":1}]}"
#define ODD_STATUS 4711 /* a number that is no status says: no credential */

/* What a provider does when asked for the first and for the second time. */
typedef enum act { NOTHING, SET_KEY, SET_TOKEN, SET_EXPIRED, SET_BAD, WIPE, CANCEL } act;

typedef struct provider {
    act acts[3];
    lock_sync_status returns[3];
    size_t asked;
    bool refused[3];
} provider;

static lock_sync_status provide(void *user, lock_sync_ctx *ctx, bool refused)
{
    provider *p = user;
    size_t i = p->asked++;

    if (!CHECK(i < 3))
        return LOCK_SYNC_E_NO_CREDENTIAL;
    p->refused[i] = refused;
    switch (p->acts[i]) {
    case SET_KEY:
        CHECK_OK(lock_sync_set_personal_key(ctx, "new-key"));
        break;
    case SET_TOKEN:
        CHECK_OK(lock_sync_set_access_token_until(ctx, "new-token", INT64_MAX));
        break;
    case SET_EXPIRED:
        CHECK_OK(lock_sync_set_access_token_until(ctx, "old-token", 1));
        break;
    case SET_BAD:
        CHECK_INT(lock_sync_set_access_token(ctx, "bad token"), LOCK_SYNC_E_INVALID_ARGUMENT);
        break;
    case WIPE:
        CHECK_OK(lock_sync_set_access_token(ctx, NULL));
        break;
    case CANCEL:
        CHECK_OK(lock_sync_set_access_token(ctx, "new-token"));
        lock_sync_cancel(ctx);
        break;
    case NOTHING:
    default:
        break;
    }
    return p->returns[i];
}

#define ANSWER_401 {.http = 401, .body = "{\"errorMessages\":[\"no\"]}", .headers = {"X-Correlation-ID", "c-401"}}
#define ANSWER_200 {.http = 200, .body = GOOD}

/* Answers in order; the last is repeated. */
static const t_step all_good[] = {ANSWER_200};
static const t_step refused_once[] = {ANSWER_401, ANSWER_200};
static const t_step refused[] = {ANSWER_401};
static const t_step then_500[] = {ANSWER_401, {.http = 500}};
static const t_step broken[] = {{.returns = LOCK_SYNC_E_NETWORK}};
static const t_step forbidden[] = {{.http = 403}};
static const t_step refused_by_envelope[] = {{.http = 200, .body = "{\"success\":false,\"statusCode\":401}"},
                                             ANSWER_200};

typedef enum start { NONE, KEY, EXPIRED, TOKEN_UNTIL } start;

static const struct {
    const char *name;
    start start; /* the credential before the fetch */
    act acts[3];
    lock_sync_status returns[3];
    const t_step *steps;
    size_t step_count;
    lock_sync_status want;
    size_t asked;
    bool refused[2];      /* each time it is asked */
    const char *sent[3];  /* each Authorization */
} table[] = {
#define STEPS(steps) steps, COUNT_OF(steps)
    {"not asked while the key is good", KEY, {NOTHING}, {0}, STEPS(all_good), LOCK_SYNC_OK, 0, {0},
     {"PersonalKey old-key"}},
    {"not asked while the token has not expired", TOKEN_UNTIL, {NOTHING}, {0}, STEPS(all_good), LOCK_SYNC_OK, 0, {0},
     {"Bearer old-token"}},
    {"asked first when there is none", NONE, {SET_TOKEN}, {0}, STEPS(all_good), LOCK_SYNC_OK, 1, {false},
     {"Bearer new-token"}},
    {"may set a key", NONE, {SET_KEY}, {0}, STEPS(all_good), LOCK_SYNC_OK, 1, {false}, {"PersonalKey new-key"}},
    {"asked first when the token has expired", EXPIRED, {SET_TOKEN}, {0}, STEPS(all_good), LOCK_SYNC_OK, 1, {false},
     {"Bearer new-token"}},
    {"expired, and nothing new: nothing is sent", EXPIRED, {NOTHING}, {0}, STEPS(all_good), LOCK_SYNC_E_NO_CREDENTIAL,
     1, {false}, {NULL}},
    {"none, and nothing new: nothing is sent", NONE, {NOTHING}, {0}, STEPS(all_good), LOCK_SYNC_E_NO_CREDENTIAL, 1,
     {false}, {NULL}},
    {"sets one that has expired: nothing is sent", NONE, {SET_EXPIRED}, {0}, STEPS(all_good), LOCK_SYNC_E_NO_CREDENTIAL,
     1, {false}, {NULL}},
    {"sets a bad one", NONE, {SET_BAD}, {0}, STEPS(all_good), LOCK_SYNC_E_NO_CREDENTIAL, 1, {false}, {NULL}},
    {"fails", NONE, {NOTHING}, {LOCK_SYNC_E_TIMEOUT}, STEPS(all_good), LOCK_SYNC_E_TIMEOUT, 1, {false}, {NULL}},
    {"fails though it set one", NONE, {SET_TOKEN}, {LOCK_SYNC_E_NETWORK}, STEPS(all_good), LOCK_SYNC_E_NETWORK, 1,
     {false}, {NULL}},
    {"fails in an odd way", NONE, {NOTHING}, {ODD_STATUS}, STEPS(all_good), LOCK_SYNC_E_NO_CREDENTIAL, 1, {false},
     {NULL}},
    {"fails in an odder way", NONE, {NOTHING}, {-1}, STEPS(all_good), LOCK_SYNC_E_NO_CREDENTIAL, 1, {false}, {NULL}},

    {"asked once after a 401", KEY, {SET_TOKEN}, {0}, STEPS(refused_once), LOCK_SYNC_OK, 1, {true},
     {"PersonalKey old-key", "Bearer new-token"}},
    {"asked after a 401 in the envelope", KEY, {SET_TOKEN}, {0}, STEPS(refused_by_envelope), LOCK_SYNC_OK, 1, {true},
     {"PersonalKey old-key", "Bearer new-token"}},
    {"asked before and after", EXPIRED, {SET_TOKEN, SET_KEY}, {0}, STEPS(refused_once), LOCK_SYNC_OK, 2, {false, true},
     {"Bearer new-token", "PersonalKey new-key"}},
    {"a second 401 ends it", KEY, {SET_TOKEN, SET_KEY}, {0}, STEPS(refused), LOCK_SYNC_E_UNAUTHORIZED, 1, {true},
     {"PersonalKey old-key", "Bearer new-token"}},
    {"asked before, and two 401", NONE, {SET_TOKEN, SET_KEY, SET_KEY}, {0}, STEPS(refused), LOCK_SYNC_E_UNAUTHORIZED, 2,
     {false, true}, {"Bearer new-token", "PersonalKey new-key"}},
    {"another failure of the repeat is told", KEY, {SET_TOKEN}, {0}, STEPS(then_500), LOCK_SYNC_E_SERVER, 1, {true},
     {"PersonalKey old-key", "Bearer new-token"}},
    {"nothing new after a 401: no repeat", KEY, {NOTHING}, {0}, STEPS(refused), LOCK_SYNC_E_UNAUTHORIZED, 1, {true},
     {"PersonalKey old-key"}},
    {"a bad one after a 401: no repeat", KEY, {SET_BAD}, {0}, STEPS(refused), LOCK_SYNC_E_UNAUTHORIZED, 1, {true},
     {"PersonalKey old-key"}},
    {"an expired one after a 401 is not sent", KEY, {SET_EXPIRED}, {0}, STEPS(refused_once), LOCK_SYNC_E_UNAUTHORIZED,
     1, {true}, {"PersonalKey old-key"}},
    {"fails after a 401", KEY, {NOTHING}, {LOCK_SYNC_E_RESOLVE}, STEPS(refused_once), LOCK_SYNC_E_RESOLVE, 1, {true},
     {"PersonalKey old-key"}},
    {"says that it was busy", KEY, {NOTHING}, {LOCK_SYNC_E_BUSY}, STEPS(refused_once), LOCK_SYNC_E_NO_CREDENTIAL, 1, {true},
     {"PersonalKey old-key"}},
    {"wipes after a 401", KEY, {WIPE}, {0}, STEPS(refused_once), LOCK_SYNC_E_UNAUTHORIZED, 1, {true},
     {"PersonalKey old-key"}},
    {"fails after a 401 in an odd way", KEY, {NOTHING}, {ODD_STATUS}, STEPS(refused_once), LOCK_SYNC_E_NO_CREDENTIAL, 1,
     {true},
     {"PersonalKey old-key"}},
    {"not asked after 403", KEY, {SET_TOKEN}, {0}, STEPS(forbidden), LOCK_SYNC_E_FORBIDDEN, 0, {0},
     {"PersonalKey old-key"}},
    {"not asked after a failed transfer", KEY, {SET_TOKEN}, {0}, STEPS(broken), LOCK_SYNC_E_NETWORK, 0, {0},
     {"PersonalKey old-key"}},
    {"cancelled in the provider: nothing is sent", NONE, {CANCEL}, {0}, STEPS(all_good), LOCK_SYNC_E_CANCELLED, 1,
     {false}, {NULL}},
    {"cancelled in the provider after a 401: no repeat", KEY, {CANCEL}, {0}, STEPS(refused_once), LOCK_SYNC_E_CANCELLED,
     1, {true}, {"PersonalKey old-key"}},
};

static void start_with(lock_sync_ctx *ctx, start how)
{
    CHECK_OK(lock_sync_set_personal_key(ctx, how == KEY ? "old-key" : NULL));
    if (how == EXPIRED)
        CHECK_OK(lock_sync_set_access_token_until(ctx, "old-token", 1));
    if (how == TOKEN_UNTIL)
        CHECK_OK(lock_sync_set_access_token_until(ctx, "old-token", INT64_MAX));
}

static void check_log(const t_log *log)
{
    static const char *const secrets[] = {"old-key", "old-token", "new-key", "new-token", "bad token"};

    for (size_t i = 0; i < COUNT_OF(secrets); i++)
        CHECK_LACKS(log->text, secrets[i]);
}

TEST(when_it_is_asked_and_what_comes_of_it)
{
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_fake fake = {.steps = table[i].steps, .step_count = table[i].step_count};
        provider p = {.asked = 0};
        t_log log = {0};
        lock_sync_ctx *ctx = t_ctx();
        lock_sync_results *r;
        size_t sent = 0;

        t_row("%s", table[i].name);
        memcpy(p.acts, table[i].acts, sizeof p.acts);
        memcpy(p.returns, table[i].returns, sizeof p.returns);
        t_fake_use(ctx, &fake);
        start_with(ctx, table[i].start);
        CHECK_OK(lock_sync_set_token_provider(ctx, provide, &p));
        CHECK_OK(lock_sync_set_logger(ctx, t_log_line, &log));
        CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), table[i].want);
        CHECK((r != NULL) == (table[i].want == LOCK_SYNC_OK));
        CHECK_INT(t_error_status(ctx), table[i].want);
        CHECK_INT(p.asked, table[i].asked);
        for (size_t k = 0; k < table[i].asked && k < 2; k++)
            CHECK_INT(p.refused[k], table[i].refused[k]);
        for (; table[i].sent[sent] != NULL; sent++)
            CHECK_TEXT(fake.authorization[sent], table[i].sent[sent]);
        CHECK_INT(fake.performed, sent);
        check_log(&log);
        CHECK_LACKS(t_error_message(ctx), "new-token");
        lock_sync_results_free(r);
        lock_sync_ctx_free(ctx);
    }
}

TEST(without_a_provider_a_401_is_not_repeated)
{
    t_fake fake = {.steps = refused_once, .step_count = 2};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r;

    t_fake_use(ctx, &fake);
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_INT(fake.performed, 1);
    CHECK_TEXT(lock_sync_error_correlation_id(lock_sync_last_error(ctx)), "c-401");
    CHECK_TEXT(lock_sync_error_api_message_at(lock_sync_last_error(ctx), 0), "no");
    lock_sync_ctx_free(ctx);
}

TEST(the_new_credential_is_kept_for_the_next_fetch)
{
    t_fake fake = {.steps = refused_once, .step_count = 2};
    provider p = {.acts = {SET_TOKEN}};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r;

    t_fake_use(ctx, &fake);
    CHECK_OK(lock_sync_set_token_provider(ctx, provide, &p));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(lock_sync_fetch(ctx, NULL, 0, &r));
        lock_sync_results_free(r);
    }
    CHECK_INT(p.asked, 1);
    CHECK_INT(fake.performed, 3);
    CHECK_TEXT(fake.authorization[2], "Bearer new-token");
    lock_sync_ctx_free(ctx);
}

/* The 401 that the fetch ends with is the service's: what it said is not lost when the provider has nothing new. */
TEST(a_401_keeps_its_detail_when_the_provider_sets_nothing)
{
    t_fake fake = {.steps = refused, .step_count = 1};
    provider p = {.acts = {NOTHING}};
    lock_sync_ctx *ctx = t_ctx();
    const lock_sync_error *e = lock_sync_last_error(ctx);
    lock_sync_results *r;

    t_fake_use(ctx, &fake);
    CHECK_OK(lock_sync_set_token_provider(ctx, provide, &p));
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_INT(lock_sync_error_http_status(e), 401);
    CHECK_TEXT(lock_sync_error_correlation_id(e), "c-401");
    CHECK_INT(lock_sync_error_api_message_count(e), 1);
    CHECK_TEXT(lock_sync_error_api_message_at(e, 0), "no");
    lock_sync_ctx_free(ctx);
}

TEST(the_http_status_of_a_401_in_the_envelope_is_that_of_the_answer)
{
    t_fake fake = {.steps = refused_by_envelope, .step_count = 1};
    provider p = {.acts = {NOTHING}};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r;

    t_fake_use(ctx, &fake);
    CHECK_OK(lock_sync_set_token_provider(ctx, provide, &p));
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(ctx)), 200);
    lock_sync_ctx_free(ctx);
}

TEST(the_provider_is_not_asked_for_a_built_request)
{
    provider p = {.acts = {SET_TOKEN}};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_request *q;
    lock_sync_results *r;

    CHECK_OK(lock_sync_set_personal_key(ctx, NULL));
    CHECK_OK(lock_sync_set_token_provider(ctx, provide, &p));
    CHECK_INT(lock_sync_request_build(ctx, NULL, 0, &q), LOCK_SYNC_E_NO_CREDENTIAL);
    CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
    CHECK_INT(t_decode(ctx, &(t_answer){.http = 401}, &r), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_INT(p.asked, 0);
    lock_sync_ctx_free(ctx);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(when_it_is_asked_and_what_comes_of_it),
        T(without_a_provider_a_401_is_not_repeated),
        T(the_new_credential_is_kept_for_the_next_fetch),
        T(a_401_keeps_its_detail_when_the_provider_sets_nothing),
        T(the_http_status_of_a_401_in_the_envelope_is_that_of_the_answer),
        T(the_provider_is_not_asked_for_a_built_request),
    };

    return T_MAIN(tests);
}
