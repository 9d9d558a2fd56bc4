/* The acts of directories, of two pages; see acts.h. The scene has their server, a part of this process. */
#include "acts.h"

#include <string.h>

/* Of both pages: 1001 twice. */
#define LOCKS 3
#define INTERVAL_MS 4 /* of a watch: longer than the guard's interval for two pages */

static void use_pages(scene *x)
{
    x->server = raw_start(AF_INET, NULL, 0);
    raw_use_two_pages(x->server);
    must(lock_sync_set_base_url(x->ctx, raw_url(x->server)));
}

static void make_paged(scene *x)
{
    make_ctx(x);
    use_pages(x);
}

static void make_paged_pool(scene *x)
{
    make_paged(x);
    add_pool(x);
}

/* Makes a context with a guard in memory: without one, a minute would be between the directories of a watch. */
static void make_watched(scene *x)
{
    make_paged(x);
    use_guard(x, lock_sync_guard_new(&x->guard));
    must(lock_sync_guard_set_kind_interval_ms(x->guard, LOCK_SYNC_REQUEST_DIRECTORY, 1));
}

static void make_watched_pool(scene *x)
{
    make_watched(x);
    add_pool(x);
}

static void make_guarded_pages(scene *x)
{
    make_guarded(x);
    must(lock_sync_guard_set_kind_interval_ms(x->guard, LOCK_SYNC_REQUEST_DIRECTORY, 1));
    use_pages(x);
}

static void make_guarded_paged_pool(scene *x)
{
    make_guarded_pages(x);
    add_pool(x);
}

static lock_sync_status fetch(scene *x)
{
    lock_sync_directory *d = NULL;
    lock_sync_status status = lock_sync_fetch_directory(x->ctx, &d);

    return check_directory(x, status, d, LOCKS);
}

static void on_directory(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_directory *directory)
{
    scene *x = user;

    x->wrong = x->wrong || ctx != x->ctx;
    x->calls++;
    x->ended = check_directory(x, status, directory, LOCKS);
}

static lock_sync_status submit_directory(scene *x)
{
    x->calls = 0;
    DO(lock_sync_pool_submit_directory(x->pool, x->ctx, on_directory, x));
    await_call(x);
    x->wrong = x->wrong || x->calls != 1 || lock_sync_pool_pending(x->pool) != 0;
    return x->ended;
}

static lock_sync_status submit_and_cancel(scene *x)
{
    x->calls = 0;
    DO(lock_sync_pool_submit_directory(x->pool, x->ctx, on_directory, x));
    lock_sync_cancel(x->ctx);
    await_call(x);
    return x->ended;
}

/* --- a watch by serial number, whose first poll is a directory --- */

static const char *const serial_numbers[] = {"10-1003"};

static lock_sync_status new_watch(scene *x, lock_sync_watch **w)
{
    DO(lock_sync_watch_new_by_serial(x->ctx, serial_numbers, 1, w));
    must(lock_sync_watch_set_interval_ms(*w, INTERVAL_MS));
    must(lock_sync_watch_set_directory(*w, true));
    return LOCK_SYNC_OK;
}

static void look_at_added(scene *x, const lock_sync_watch *w, const lock_sync_changes *c)
{
    const lock_sync_lock_info *info = lock_sync_change_info(lock_sync_changes_at(c, 0));

    x->wrong = x->wrong || lock_sync_changes_count(c) != 1 || info == NULL || info->id != 1003 ||
               strcmp(info->name, "Front door") != 0 ||
               lock_sync_directory_count(lock_sync_watch_directory(w)) != LOCKS;
}

/* Polls again. The states have no lock 1003: the second poll fetches the directory after them. Without memory for it,
   the lock is reported as removed. */
static void poll_again(scene *x, lock_sync_watch *w)
{
    lock_sync_changes *c = NULL;
    lock_sync_status status = lock_sync_watch_next(w, INTERVAL_MS + 1, &c);

    x->wrong = x->wrong || (status != LOCK_SYNC_OK && status != LOCK_SYNC_E_TIMEOUT && status != LOCK_SYNC_E_NO_MEMORY);
    lock_sync_changes_free(c);
}

static lock_sync_status watch(scene *x)
{
    lock_sync_watch *w = NULL;
    lock_sync_changes *c = NULL;
    lock_sync_status status = new_watch(x, &w);

    if (status == LOCK_SYNC_OK)
        status = lock_sync_watch_next(w, TIMEOUT_MS, &c);
    if (status == LOCK_SYNC_OK) {
        look_at_added(x, w, c);
        poll_again(x, w);
    }
    x->wrong = x->wrong || lock_sync_watch_use_directory(w, NULL) != LOCK_SYNC_E_INVALID_ARGUMENT;
    lock_sync_changes_free(c);
    lock_sync_watch_free(w);
    return status;
}

static void on_change(void *user, lock_sync_watch *w, lock_sync_status status, const lock_sync_changes *changes)
{
    scene *x = user;

    if (x->calls++ > 0)
        return;
    x->ended = status;
    if (status == LOCK_SYNC_OK)
        look_at_added(x, w, changes);
}

static lock_sync_status watch_in_pool(scene *x)
{
    lock_sync_watch *w = NULL;
    lock_sync_status status = new_watch(x, &w);

    return status == LOCK_SYNC_OK ? watch_until_called(x, w, on_change) : status;
}

/* --- the pure middle --- */

static lock_sync_status decode(scene *x, int32_t http_status, const char *body)
{
    lock_sync_request *q = NULL;
    lock_sync_response *s = NULL;
    lock_sync_directory *d = NULL;
    lock_sync_status status = lock_sync_request_build_directory(x->ctx, 2, &q);

    if (status == LOCK_SYNC_OK) {
        look_at_request(x, q, "/my/lock?ItemsPerPage=100&Page=2");
        status = lock_sync_response_new(x->ctx, &s);
    }
    if (status == LOCK_SYNC_OK)
        status = lock_sync_response_set_status(s, http_status);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_response_append_body(s, body, strlen(body));
    if (status == LOCK_SYNC_OK) {
        status = lock_sync_response_decode_directory(x->ctx, q, s, &d);
        (void)check_directory(x, status, d, 2);
    }
    lock_sync_response_free(s);
    lock_sync_request_free(q);
    return status;
}

#define NAMED "{\"id\":1003,\"name\":\"Front door\",\"serialNumber\":\"10-1003\",\"timeZone\":\"Europe/Warsaw\"}"

static lock_sync_status decode_page(scene *x)
{
    return decode(x, 200, "{\"result\":[{\"id\":1001,\"name\":\"Hall\"}," NAMED "," NAMED "]}");
}

static lock_sync_status decode_contradiction(scene *x)
{
    return decode(x, 200, "{\"result\":[{\"id\":1003,\"name\":\"Hall\"}," NAMED "]}");
}

static lock_sync_status decode_limited(scene *x)
{
    return decode(x, 429, "{\"errorMessages\":[\"not so fast\"],\"statusCode\":429}");
}

/* --- the list --- */

const act directory_acts[] = {
    {"decoding a page", make_ctx, decode_page, LOCK_SYNC_OK, NONE},
    {"decoding a page that contradicts itself", make_ctx, decode_contradiction, LOCK_SYNC_E_MALFORMED, NONE},
    {"decoding a 429 of a page", make_ctx, decode_limited, LOCK_SYNC_E_RATE_LIMITED, NONE},
    {"a directory", make_paged, fetch, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a directory with a guard in a file", make_guarded_pages, fetch, LOCK_SYNC_OK, MAY_RESOLVE | USES_MALLOC},
    {"a directory in a pool", make_paged_pool, submit_directory, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a watch by serial number", make_watched, watch, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a watch by serial number whose second directory is denied", make_paged, watch, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a watch by serial number in a pool", make_watched_pool, watch_in_pool, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a directory in a pool that is cancelled", make_paged_pool, submit_and_cancel, LOCK_SYNC_E_CANCELLED, NONE},
    {"a directory in a pool with a guard in a file", make_guarded_paged_pool, submit_directory, LOCK_SYNC_OK,
     MAY_RESOLVE | USES_MALLOC},
    {NULL, NULL, NULL, LOCK_SYNC_OK, NONE},
};
