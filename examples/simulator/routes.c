/* Chooses the reply to a request. It checks the path, then the credential, then the rate rules, then the locks.

   A fault is chosen for every authorized request. The fault 401 precedes the rules, because a 401 does not count in
   them. The other faults replace good responses only. So a 429 for a violated rule and a 404 for an unknown lock do
   not change. */

#include "routes.h"

#include "broken.h"
#include "directory.h"
#include "reply.h"
#include "stats.h"

/* The meaning of a path. */
struct target {
    enum { NOTHING, SYNC, DIRECTORY } kind;
    int64_t id; /* ALL_LOCKS, or the requested lock */
};

enum { ALL_LOCKS = 0 };

static const char *skip(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);

    return text != NULL && strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

/* Returns a decimal number and sets *end to its end. A number that is too large gives 0, and *end is before its end. */
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

/* Reads "/api/v37/my/lock" or "/api/v37/my/lock/1001", each also with "/sync" behind it */
static struct target parse_path(const struct server *server, const char *path)
{
    const char *rest = skip(skip(skip(path, "/api/"), server->options->api_version), "/my/lock");
    struct target target = {NOTHING, ALL_LOCKS};

    if (rest == NULL)
        return target;
    if (*rest == '/' && strcmp(rest, "/sync") != 0) {
        target.id = read_id(rest + 1, &rest);
        if (target.id == 0)
            return target;
    }
    if (*rest == '\0')
        target.kind = DIRECTORY;
    else if (strcmp(rest, "/sync") == 0)
        target.kind = SYNC;
    return target;
}

static enum MHD_Result add_asked(void *user, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct request *request = user;
    const char *end;
    int64_t id;

    (void)kind;
    if (strcmp(name, "id") != 0)
        return MHD_YES;
    if (request->body.size == 0)
        response_begin(&request->body);
    id = value != NULL ? read_id(value, &end) : 0;
    if (id > 0 && *end == '\0')
        response_add(request->server->responses, id, request->arrived_us, &request->body);
    return MHD_YES;
}

static const char *argument(struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* Reads a number > 0 of the query; returns `absent` if it is not there, and 0 if it is no such number. */
static int64_t number_argument(struct request *request, const char *name, int64_t absent)
{
    const char *value = argument(request, name);
    const char *end;
    int64_t number;

    if (value == NULL)
        return absent;
    number = read_id(value, &end);
    return *end == '\0' ? number : 0;
}

/* Makes the good response; empty if the requested lock does not exist. */
static struct text good_sync(struct request *request, int64_t asked)
{
    const struct responses *responses = request->server->responses;

    if (asked != ALL_LOCKS) {
        response_one(responses, asked, request->arrived_us, &request->body);
        return request->body;
    }
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, add_asked, request);
    if (request->body.size == 0)
        return response_all(responses, request->arrived_us, &request->body);
    response_end(&request->body);
    return request->body;
}

/* Does the same for the directory. */
static struct text good_directory(struct request *request, int64_t asked, const struct directory_query *query)
{
    const struct server *server = request->server;

    if (asked == ALL_LOCKS)
        directory_page(server->roster, server->shape, query, request->arrived_us, &request->body);
    else
        directory_one(server->roster, server->shape, asked, query->user_settings, request->arrived_us, &request->body);
    return request->body;
}

/* Replies with the body, which is empty if the requested lock does not exist. */
static void reply_good_or_broken(struct request *request, const struct target *target, struct text body,
                                 enum fault fault)
{
    if (body.size == 0)
        reply_error(request, MHD_HTTP_NOT_FOUND, 0);
    else if (fault == FAULT_NONE || !broken_reply(request, fault, body, target->id != ALL_LOCKS))
        reply_json(request, body);
}

/* Writes the parts of a line by one call, because several threads serve. */
static void write_journal(struct request *request, struct text body)
{
    const char *authorization = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                            MHD_HTTP_HEADER_AUTHORIZATION);

    fprintf(request->server->journal, "%lld %s %.*s\n", (long long)request->arrived_us, authorization, (int)body.size,
            body.data);
}

static void reply_sync(struct request *request, const struct target *target, enum fault fault)
{
    struct text body = good_sync(request, target->id);

    if (request->server->journal != NULL && body.size > 0 && fault == FAULT_NONE)
        write_journal(request, body);
    reply_good_or_broken(request, target, body, fault);
}

static void reply_directory(struct request *request, const struct target *target, enum fault fault)
{
    const char *settings = argument(request, "IncludeUserSettings");
    struct directory_query query = {
        .page = number_argument(request, "Page", 1),
        .page_locks = number_argument(request, "ItemsPerPage", INT64_MAX),
        .user_settings = settings != NULL && strcmp(settings, "true") == 0,
    };

    if (query.page == 0 || query.page_locks == 0)
        reply_error(request, MHD_HTTP_BAD_REQUEST, 0);
    else
        reply_good_or_broken(request, target, good_directory(request, target->id, &query), fault);
}

static void reply_locks(struct request *request, const struct target *target, enum fault fault)
{
    struct roster *roster = request->server->roster;

    roster_hold(roster, request->arrived_us);
    if (target->kind == SYNC)
        reply_sync(request, target, fault);
    else
        reply_directory(request, target, fault);
    roster_release(roster);
}

static void reply_unauthorized(struct request *request)
{
    atomic_fetch_add(&request->server->unauthorized, 1);
    reply_error(request, MHD_HTTP_UNAUTHORIZED, 0);
}

/* Checks the credential and the rules, then replies. */
static void reply_target(struct request *request, const struct target *target)
{
    struct server *server = request->server;
    const char *authorization = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                            MHD_HTTP_HEADER_AUTHORIZATION);
    struct account *account = accounts_authorize(server->accounts, authorization);
    enum fault fault = account != NULL ? faults_draw(&server->faults) : FAULT_401;
    int64_t wait_s;

    if (fault == FAULT_401) {
        reply_unauthorized(request);
        return;
    }
    request->body.size = 0;
    wait_s = target->kind == SYNC ? accounts_sync(server->accounts, account, request->arrived_us)
                                  : accounts_directory(server->accounts, account, request->arrived_us);
    if (wait_s > 0)
        reply_error(request, MHD_HTTP_TOO_MANY_REQUESTS, wait_s);
    else
        reply_locks(request, target, fault);
}

static void count_request(struct request *request)
{
    struct server *server = request->server;
    unsigned era = atomic_load_explicit(&server->era, memory_order_relaxed);

    atomic_fetch_add_explicit(&server->requests, 1, memory_order_relaxed);
    if (request->era != era)
        atomic_fetch_add_explicit(&server->connections, 1, memory_order_relaxed);
    request->era = era;
}

static void reply_stats(struct request *request)
{
    const char *key = argument(request, "personal-key");
    const char *token = argument(request, "access-token");
    bool known = true;

    request->body.size = 0;
    if (key != NULL)
        known = stats_of_account(request->server, PERSONAL_KEY, key, &request->body);
    else if (token != NULL)
        known = stats_of_account(request->server, BEARER, token, &request->body);
    else
        stats_of_all(request->server, &request->body);
    if (known)
        reply_bytes(request, MHD_HTTP_OK, JSON_TYPE, request->body.data, request->body.size);
    else
        reply_error(request, MHD_HTTP_NOT_FOUND, 0);
}

static void reply_reset(struct request *request)
{
    struct server *server = request->server;

    atomic_store(&server->requests, 0); /* before the syncs, so that there are never fewer requests than syncs */
    atomic_store(&server->connections, 0);
    atomic_store(&server->unauthorized, 0);
    atomic_fetch_add(&server->era, 1);
    accounts_reset(server->accounts);
    faults_restart(&server->faults);
    reply_bytes(request, MHD_HTTP_OK, JSON_TYPE, "{}\n", 3);
}

static void reply_fault(struct request *request)
{
    static const char usage[] = "{\"error\":\"expected name=NAME&every=N, see --help\"}\n";
    const char *name = argument(request, "name");
    const char *every = argument(request, "every");
    const char *end = "";
    enum fault fault = name != NULL ? fault_by_name(name, strlen(name)) : FAULT_NONE;
    int64_t n = every != NULL ? read_id(every, &end) : 1;

    if (fault == FAULT_NONE || n > INT32_MAX || end == every || *end != '\0') {
        reply_bytes(request, MHD_HTTP_BAD_REQUEST, JSON_TYPE, usage, sizeof usage - 1);
        return;
    }
    faults_switch(&request->server->faults, fault, (uint32_t)n);
    reply_bytes(request, MHD_HTTP_OK, JSON_TYPE, "{}\n", 3);
}

static bool is_name(const char *name)
{
    size_t size = strlen(name);

    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < ' ')
            return false;
    return size <= MOST_NAME_SIZE;
}

/* Replies with the id that the lock has after the change. */
static void reply_change(struct request *request)
{
    static const char usage[] = "{\"error\":\"expected change=CHANGE&id=ID&name=NAME, see README.md\"}\n";
    const char *word = argument(request, "change");
    const char *name = argument(request, "name");
    enum change change = word != NULL ? change_by_name(word) : CHANGE_NONE;
    char *end;
    int64_t id;

    if (change == CHANGE_NONE || (name != NULL && !is_name(name))) {
        reply_bytes(request, MHD_HTTP_BAD_REQUEST, JSON_TYPE, usage, sizeof usage - 1);
        return;
    }
    id = roster_change(request->server->roster, change, number_argument(request, "id", 0), name);
    if (id == 0) {
        reply_error(request, MHD_HTTP_NOT_FOUND, 0);
        return;
    }
    request->body.size = 0;
    end = put_literal(text_room(&request->body, 32), "{\"id\":");
    end = put_number(end, id);
    end = put_literal(end, "}\n");
    reply_bytes(request, MHD_HTTP_OK, JSON_TYPE, request->body.data, (size_t)(end - request->body.data));
}

bool route(struct request *request, const char *method, const char *path)
{
    bool get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
    bool post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    struct target target = {NOTHING, ALL_LOCKS};

    if (skip(path, "/_sim/") != NULL) {
        if (get && strcmp(path, "/_sim/stats") == 0)
            reply_stats(request);
        else if (post && strcmp(path, "/_sim/reset") == 0)
            reply_reset(request);
        else if (post && strcmp(path, "/_sim/fault") == 0)
            reply_fault(request);
        else if (post && strcmp(path, "/_sim/lock") == 0)
            reply_change(request);
        else
            reply_error(request, MHD_HTTP_NOT_FOUND, 0);
        return false;
    }
    count_request(request);
    if (get)
        target = parse_path(request->server, path);
    if (target.kind == NOTHING)
        reply_error(request, MHD_HTTP_NOT_FOUND, 0);
    else
        reply_target(request, &target);
    return true;
}
