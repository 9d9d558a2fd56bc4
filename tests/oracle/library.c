/*
 * Runs the library for the oracle: reads cases from stdin, and writes the library's results of each as one line.
 *
 *   decode STATUS SCOPE SIZE <line feed> <SIZE bytes of a body>
 *   diff SCOPE SIZE SCOPE SIZE <line feed> <the body before> <the body after>
 *
 * SCOPE is `all`, `one:ID` or `ids:ID,ID,...`. It uses only the public headers, and has no other I/O.
 */
#include <locksync/locksync.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCHED_AT_MS 5000 /* a line must have it */

static _Noreturn void give_up(const char *why)
{
    (void)fflush(stdout); /* the lines before are valid */
    (void)fprintf(stderr, "oracle-library: %s\n", why);
    exit(2);
}

static void must(lock_sync_status status, const char *what)
{
    if (status != LOCK_SYNC_OK) {
        (void)fprintf(stderr, "oracle-library: %s: %s\n", what, lock_sync_status_name(status));
        give_up("a call failed that must succeed");
    }
}

/* Reads a number of a case's first line. */
static int64_t number(const char *word)
{
    char *end = NULL;
    int64_t value = word == NULL ? 0 : strtoll(word, &end, 10);

    if (word == NULL || end == word)
        give_up("a number is missing");
    return value;
}

/* Builds the request for a scope. */
static lock_sync_request *build(lock_sync_ctx *ctx, const char *scope)
{
    lock_sync_request *request = NULL;
    int64_t *ids = NULL;
    size_t n = 0;

    if (scope == NULL)
        give_up("a scope is missing");
    if (strcmp(scope, "all") == 0) {
        must(lock_sync_request_build(ctx, NULL, 0, &request), "request_build");
    } else if (strncmp(scope, "one:", 4) == 0) {
        must(lock_sync_request_build_one(ctx, number(scope + 4), &request), "request_build_one");
    } else {
        ids = malloc(strlen(scope) * sizeof *ids);
        if (ids == NULL || strncmp(scope, "ids:", 4) != 0)
            give_up("no such scope, or no memory");
        for (const char *word = scope + 4; word != NULL; word = strchr(word, ',')) {
            word += *word == ',';
            ids[n++] = number(word);
        }
        must(lock_sync_request_build(ctx, ids, n, &request), "request_build");
        free(ids);
    }
    return request;
}

/* Reads a body from stdin and decodes it. */
static lock_sync_status decode(lock_sync_ctx *ctx, const char *scope, int32_t http_status, size_t size,
                               lock_sync_results **results)
{
    lock_sync_request *request = build(ctx, scope);
    lock_sync_response *response = NULL;
    char *body = malloc(size + 1);
    lock_sync_status status = LOCK_SYNC_OK;

    if (body == NULL || fread(body, 1, size, stdin) != size)
        give_up("the body is too short, or no memory");
    must(lock_sync_response_new(ctx, &response), "response_new");
    must(lock_sync_response_set_status(response, http_status), "set_status");
    must(lock_sync_response_set_received_at_ms(response, FETCHED_AT_MS), "set_received_at_ms");
    must(lock_sync_response_append_body(response, body, size), "append_body");
    status = lock_sync_response_decode(ctx, request, response, results);
    free(body);
    lock_sync_response_free(response);
    lock_sync_request_free(request);
    return status;
}

/* Writes a text in quotes, with all but plain ASCII in hexadecimal. */
static void write_text(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            printf("\\x%02x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

static void write_record(const lock_sync_lock *lock)
{
    if (lock == NULL) {
        printf("none");
        return;
    }
    printf("%" PRId64 " fields=%" PRIu32 " connected=%d revision=%" PRId64 " changed=%" PRId64 " state=%" PRId32
           " door=%" PRId32 " battery=%" PRId32 " charging=%d result=%" PRId32 " locked=%" PRId32 " jammed=%" PRId32
           " '%s' '%s'",
           lock->id, lock->fields, lock->is_connected, lock->revision, lock->last_state_changed_ms, lock->state,
           lock->door_state, lock->battery_level, lock->is_charging, lock->state_change_result,
           lock_sync_lock_is_locked(lock), lock_sync_lock_is_jammed(lock), lock_sync_lock_state_text(lock),
           lock_sync_lock_door_text(lock));
}

static void write_results(const lock_sync_ctx *ctx, const lock_sync_results *results)
{
    const lock_sync_error *error = lock_sync_last_error(ctx);
    size_t n = lock_sync_results_count(results);
    size_t missing = lock_sync_results_missing_count(results);

    printf("LOCK_SYNC_OK fetched=%" PRId64 " cached=%d missing=", lock_sync_results_fetched_at_ms(results),
           lock_sync_results_is_cached(results));
    for (size_t i = 0; i < missing; i++)
        printf("%s%" PRId64, i == 0 ? "" : ",", lock_sync_results_missing_at(results, i));
    for (size_t i = 0; i < n; i++) {
        const lock_sync_lock *lock = lock_sync_results_at(results, i);

        printf(" | ");
        write_record(lock);
        if (lock_sync_results_find(results, lock->id) != lock)
            printf(" NOT-FOUND");
    }
    if (lock_sync_results_at(results, n) != NULL || lock_sync_results_missing_at(results, missing) != 0)
        printf(" NO-END");
    if (lock_sync_error_status(error) != LOCK_SYNC_OK || lock_sync_error_message(error)[0] != '\0' ||
        lock_sync_error_http_status(error) != 0 || lock_sync_error_byte_offset(error) != -1)
        printf(" OLD-ERROR");
}

/* Returns the number of the record in a message; 0: no record. */
static int named_record(const char *message)
{
    const char *word = strstr(message, "record ");

    return word == NULL ? 0 : (int)strtol(word + strlen("record "), NULL, 10);
}

static void write_error(const lock_sync_ctx *ctx, lock_sync_status status, const lock_sync_results *results)
{
    const lock_sync_error *error = lock_sync_last_error(ctx);
    const char *message = lock_sync_error_message(error);
    int64_t offset = lock_sync_error_byte_offset(error);
    size_t n = lock_sync_error_api_message_count(error);
    bool is_plain = message[0] != '\0' && strlen(message) <= 511;

    for (const unsigned char *c = (const unsigned char *)message; *c != '\0'; c++)
        is_plain = is_plain && *c >= ' ' && *c != 0x7f;
    printf("%s http=%" PRId32 " retry=%" PRId64 " at=%" PRId64 " record=%d messages=%zu", lock_sync_status_name(status),
           lock_sync_error_http_status(error), lock_sync_error_retry_after_ms(error), offset,
           offset == -1 ? named_record(message) : 0, n);
    for (size_t i = 0; i < n; i++) {
        putchar(' ');
        write_text(lock_sync_error_api_message_at(error, i));
    }
    if (lock_sync_error_status(error) != status)
        printf(" OTHER-STATUS");
    if (!is_plain)
        printf(" NO-LINE");
    if (results != NULL)
        printf(" RESULTS");
}

static void run_decode(lock_sync_ctx *ctx, char **rest)
{
    int32_t http_status = (int32_t)number(strtok_r(NULL, " ", rest));
    const char *scope = strtok_r(NULL, " ", rest);
    size_t size = (size_t)number(strtok_r(NULL, " ", rest));
    lock_sync_results *results = NULL;
    lock_sync_status status = decode(ctx, scope, http_status, size, &results);

    if (status == LOCK_SYNC_OK)
        write_results(ctx, results);
    else
        write_error(ctx, status, results);
    lock_sync_results_free(results);
}

static void run_diff(lock_sync_ctx *ctx, char **rest)
{
    lock_sync_results *results[2] = {NULL, NULL};
    lock_sync_status status[2] = {LOCK_SYNC_OK, LOCK_SYNC_OK};
    const char *scopes[2] = {NULL, NULL};
    size_t sizes[2] = {0, 0};
    lock_sync_changes *changes = NULL;

    for (int i = 0; i < 2; i++) {
        scopes[i] = strtok_r(NULL, " ", rest);
        sizes[i] = (size_t)number(strtok_r(NULL, " ", rest));
    }
    for (int i = 0; i < 2; i++)
        status[i] = decode(ctx, scopes[i], 200, sizes[i], &results[i]);
    if (status[0] == LOCK_SYNC_OK && status[1] == LOCK_SYNC_OK) {
        must(lock_sync_diff(results[0], results[1], &changes), "diff");
        printf("changes=%zu", lock_sync_changes_count(changes));
    } else {
        printf("%s %s", lock_sync_status_name(status[0]), lock_sync_status_name(status[1]));
    }
    /* the changes outlive the results */
    lock_sync_results_free(results[0]);
    lock_sync_results_free(results[1]);
    for (size_t i = 0; i < lock_sync_changes_count(changes); i++) {
        const lock_sync_change *change = lock_sync_changes_at(changes, i);

        printf(" | kinds=%" PRIu32 " before ", change->kinds);
        write_record(change->before);
        printf(" after ");
        write_record(change->after);
    }
    if (lock_sync_changes_at(changes, lock_sync_changes_count(changes)) != NULL)
        printf(" NO-END");
    lock_sync_changes_free(changes);
}

int main(void)
{
    lock_sync_ctx *ctx = NULL;
    char *line = NULL;
    size_t room = 0;

    must(lock_sync_ctx_new(&ctx), "ctx_new");
    must(lock_sync_set_personal_key(ctx, "not-used"), "set_personal_key");
    while (getline(&line, &room, stdin) > 0) {
        char *rest = line;
        const char *kind = strtok_r(NULL, " ", &rest);

        if (kind != NULL && strcmp(kind, "decode") == 0)
            run_decode(ctx, &rest);
        else if (kind != NULL && strcmp(kind, "diff") == 0)
            run_diff(ctx, &rest);
        else
            give_up("a case of an unknown kind");
        putchar('\n');
        if (fflush(stdout) != 0) /* each line at once, because shrink.py waits for it */
            give_up("stdout is closed");
    }
    free(line);
    lock_sync_ctx_free(ctx);
    return EXIT_SUCCESS;
}
