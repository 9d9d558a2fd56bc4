/* Decides what a request is answered: path, then credential, then the rules, then the locks.

   A fault is drawn for every authorized sync. The fault 401 comes before the rules, as a 401 counts as no sync; the
   others take the place of a good answer only, so that a 429 for a broken rule and a 404 for an unknown lock stay
   what they are. */

#include "routes.h"

#include "broken.h"
#include "reply.h"
#include "stats.h"

enum { NO_SYNC = -1, ALL_LOCKS = 0 }; /* or the id of the one lock asked for */

static const char *skip(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);

    return text != NULL && strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

/* A decimal number, and in *end where it ends; one that does not fit is 0 and ends before its last digits. */
static int64_t read_id(const char *text, const char **end)
{
    int64_t id = 0;

    for (; *text >= '0' && *text <= '9'; text++) {
        if (id > (INT64_MAX - 9) / 10) {
            id = 0;
            break;
        }
        id = 10 * id + (*text - '0');
    }
    *end = text;
    return id;
}

/* "/api/v37/my/lock/sync" or "/api/v37/my/lock/1001/sync" */
static int64_t parse_path(const struct server *server, const char *path)
{
    const char *rest = skip(skip(skip(path, "/api/"), server->options->api_version), "/my/lock/");
    int64_t id;

    if (rest == NULL)
        return NO_SYNC;
    if (strcmp(rest, "sync") == 0)
        return ALL_LOCKS;
    id = read_id(rest, &rest);
    return id > 0 && strcmp(rest, "/sync") == 0 ? id : NO_SYNC;
}

static enum MHD_Result add_asked(void *user, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct visit *visit = user;
    const char *end;
    int64_t id;

    (void)kind;
    if (strcmp(name, "id") != 0)
        return MHD_YES;
    if (visit->body.size == 0)
        answer_begin(&visit->body);
    id = value != NULL ? read_id(value, &end) : 0;
    if (id > 0 && *end == '\0')
        answer_add(visit->server->answers, id, visit->arrived_us, &visit->body);
    return MHD_YES;
}

/* The good answer; its text is empty if the one lock does not exist. */
static struct text good_answer(struct visit *visit, int64_t asked)
{
    const struct answers *answers = visit->server->answers;

    visit->body.size = 0;
    if (asked != ALL_LOCKS) {
        answer_one(answers, asked, visit->arrived_us, &visit->body);
        return visit->body;
    }
    MHD_get_connection_values(visit->connection, MHD_GET_ARGUMENT_KIND, add_asked, visit);
    if (visit->body.size == 0)
        return answer_all(answers, visit->arrived_us, &visit->body);
    answer_end(&visit->body);
    return visit->body;
}

static void reply_good_or_broken(struct visit *visit, int64_t asked, enum fault fault)
{
    struct text body = good_answer(visit, asked);

    if (body.size == 0)
        reply_error(visit, MHD_HTTP_NOT_FOUND, 0);
    else if (fault == FAULT_NONE || !broken_reply(visit, fault, body, asked != ALL_LOCKS))
        reply_json(visit, body);
}

static void reply_unauthorized(struct visit *visit)
{
    atomic_fetch_add(&visit->server->unauthorized, 1);
    reply_error(visit, MHD_HTTP_UNAUTHORIZED, 0);
}

static void reply_sync(struct visit *visit, int64_t asked)
{
    struct server *server = visit->server;
    const char *authorization = MHD_lookup_connection_value(visit->connection, MHD_HEADER_KIND,
                                                            MHD_HTTP_HEADER_AUTHORIZATION);
    struct account *account = accounts_authorize(server->accounts, authorization);
    enum fault fault = account != NULL ? faults_draw(&server->faults) : FAULT_401;
    int64_t wait_s;

    if (fault == FAULT_401) {
        reply_unauthorized(visit);
        return;
    }
    wait_s = accounts_sync(server->accounts, account, visit->arrived_us);
    if (wait_s > 0)
        reply_error(visit, MHD_HTTP_TOO_MANY_REQUESTS, wait_s);
    else
        reply_good_or_broken(visit, asked, fault);
}

static void count_request(struct visit *visit)
{
    struct server *server = visit->server;
    unsigned era = atomic_load_explicit(&server->era, memory_order_relaxed);

    atomic_fetch_add_explicit(&server->requests, 1, memory_order_relaxed);
    if (visit->era != era)
        atomic_fetch_add_explicit(&server->connections, 1, memory_order_relaxed);
    visit->era = era;
}

static const char *argument(struct visit *visit, const char *name)
{
    return MHD_lookup_connection_value(visit->connection, MHD_GET_ARGUMENT_KIND, name);
}

static void reply_stats(struct visit *visit)
{
    const char *key = argument(visit, "personal-key");
    const char *token = argument(visit, "access-token");
    bool known = true;

    visit->body.size = 0;
    if (key != NULL)
        known = stats_of_account(visit->server, PERSONAL_KEY, key, &visit->body);
    else if (token != NULL)
        known = stats_of_account(visit->server, BEARER, token, &visit->body);
    else
        stats_of_all(visit->server, &visit->body);
    if (known)
        reply_bytes(visit, MHD_HTTP_OK, JSON_TYPE, visit->body.data, visit->body.size);
    else
        reply_error(visit, MHD_HTTP_NOT_FOUND, 0);
}

static void reply_reset(struct visit *visit)
{
    struct server *server = visit->server;

    atomic_store(&server->requests, 0); /* before the syncs, so that there are never fewer requests than these */
    atomic_store(&server->connections, 0);
    atomic_store(&server->unauthorized, 0);
    atomic_fetch_add(&server->era, 1);
    accounts_reset(server->accounts);
    faults_restart(&server->faults);
    reply_bytes(visit, MHD_HTTP_OK, JSON_TYPE, "{}\n", 3);
}

static void reply_fault(struct visit *visit)
{
    static const char refusal[] = "{\"error\":\"expected name=NAME&every=N, see --help\"}\n";
    const char *name = argument(visit, "name");
    const char *every = argument(visit, "every");
    const char *end = "";
    enum fault fault = name != NULL ? fault_by_name(name, strlen(name)) : FAULT_NONE;
    int64_t n = every != NULL ? read_id(every, &end) : 1;

    if (fault == FAULT_NONE || n > INT32_MAX || end == every || *end != '\0') {
        reply_bytes(visit, MHD_HTTP_BAD_REQUEST, JSON_TYPE, refusal, sizeof refusal - 1);
        return;
    }
    faults_switch(&visit->server->faults, fault, (uint32_t)n);
    reply_bytes(visit, MHD_HTTP_OK, JSON_TYPE, "{}\n", 3);
}

bool route(struct visit *visit, const char *method, const char *path)
{
    bool get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
    bool post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    int64_t asked = get ? parse_path(visit->server, path) : NO_SYNC;

    if (skip(path, "/_sim/") != NULL) {
        if (get && strcmp(path, "/_sim/stats") == 0)
            reply_stats(visit);
        else if (post && strcmp(path, "/_sim/reset") == 0)
            reply_reset(visit);
        else if (post && strcmp(path, "/_sim/fault") == 0)
            reply_fault(visit);
        else
            reply_error(visit, MHD_HTTP_NOT_FOUND, 0);
        return false;
    }
    count_request(visit);
    if (asked == NO_SYNC)
        reply_error(visit, MHD_HTTP_NOT_FOUND, 0);
    else
        reply_sync(visit, asked);
    return true;
}
