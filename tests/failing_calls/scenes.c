/* Lives of the library's objects; see scenes.h. */
#include "scenes.h"
#include "../support/raw_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY "demo-key"
#define TIMEOUT_MS 1000

/* --- a guard over an application's store, which may block --- */

typedef struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    bool shut;
    bool somebody_waits;
} gate;

typedef struct own_store {
    gate *gate; /* for the second load and all after it; NULL: none */
    size_t loads;
    unsigned char record[LOCK_SYNC_GUARD_RECORD_MAX];
    size_t size;
} own_store;

static void open_gate(void *user)
{
    gate *g = user;

    (void)pthread_mutex_lock(&g->mutex);
    g->shut = false;
    (void)pthread_cond_broadcast(&g->opened);
    (void)pthread_mutex_unlock(&g->mutex);
}

static void pass_gate(gate *g)
{
    (void)pthread_mutex_lock(&g->mutex);
    g->somebody_waits = true;
    while (g->shut)
        (void)pthread_cond_wait(&g->opened, &g->mutex);
    (void)pthread_mutex_unlock(&g->mutex);
}

static bool gate_has_waiter(gate *g)
{
    bool waits;

    (void)pthread_mutex_lock(&g->mutex);
    waits = g->somebody_waits;
    (void)pthread_mutex_unlock(&g->mutex);
    return waits;
}

static lock_sync_status load(void *user, void *record, size_t *size, int64_t *now_ms)
{
    own_store *h = user;

    if (h->loads++ > 0 && h->gate != NULL)
        pass_gate(h->gate);
    memcpy(record, h->record, h->size);
    *size = h->size;
    *now_ms = kit_now_ms();
    return LOCK_SYNC_OK;
}

static lock_sync_status replace(void *user, const void *old_record, size_t old_size, const void *record, size_t size,
                                bool *replaced)
{
    own_store *h = user;

    (void)old_record;
    *replaced = old_size == h->size;
    memcpy(h->record, record, size);
    h->size = size;
    return LOCK_SYNC_OK;
}

/* --- fetches --- */

static void note_line(void *user, lock_sync_log_level level, const char *message)
{
    scene *s = user;

    (void)level;
    s->fetched += strncmp(message, "GET ", 4) == 0;
}

static lock_sync_status give_key(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)user, (void)rejected;
    return lock_sync_set_personal_key(ctx, KEY);
}

/* Sets a guard over an empty store, which grants its first slot at once. */
static lock_sync_status set_new_guard(own_store *h, lock_sync_ctx *ctx)
{
    lock_sync_guard_store store = {.struct_size = sizeof store, .user = h, .load = load, .replace = replace};
    lock_sync_guard *guard = NULL;
    lock_sync_status status = lock_sync_guard_new_with_store(&store, &guard);

    if (status != LOCK_SYNC_OK)
        return status;
    MUST_OK(lock_sync_guard_set_min_interval_ms(guard, 1));
    MUST_OK(lock_sync_guard_set_kind_interval_ms(guard, LOCK_SYNC_REQUEST_DIRECTORY, 1));
    MUST_OK(lock_sync_set_guard(ctx, guard)); /* the old one may write the outcome that it kept */
    lock_sync_guard_unref(guard);
    h->size = 0;
    return LOCK_SYNC_OK;
}

/* Makes a context with a guard over the store; NULL if it fails. */
static lock_sync_status make_ctx(scene *s, own_store *h, bool retried, lock_sync_ctx **out)
{
    lock_sync_allocator memory = t_heap_allocator(&s->heap);
    lock_sync_status status = lock_sync_ctx_new_with_allocator(&memory, out);

    *h = (own_store){.size = 0};
    if (status == LOCK_SYNC_OK)
        status = set_new_guard(h, *out);
    if (status != LOCK_SYNC_OK)
        return status;
    MUST_OK(lock_sync_set_base_url(*out, s->url));
    MUST_OK(lock_sync_set_personal_key(*out, retried ? "another-key" : KEY));
    MUST_OK(lock_sync_set_timeout_ms(*out, TIMEOUT_MS));
    MUST_OK(lock_sync_set_logger(*out, note_line, s));
    MUST_OK(lock_sync_set_guard_mode(*out, LOCK_SYNC_GUARD_WAIT));
    if (retried)
        MUST_OK(lock_sync_set_token_provider(*out, give_key, NULL));
    return LOCK_SYNC_OK;
}

static lock_sync_status fetch(lock_sync_ctx *ctx)
{
    lock_sync_results *r;
    lock_sync_status status = lock_sync_fetch(ctx, NULL, 0, &r);

    MUST_INT(r != NULL, status == LOCK_SYNC_OK);
    MUST_INT(lock_sync_error_status(lock_sync_last_error(ctx)), status);
    lock_sync_results_free(r);
    return status;
}

static lock_sync_status fetch_directory(lock_sync_ctx *ctx)
{
    lock_sync_directory *d;
    lock_sync_status status = lock_sync_fetch_directory(ctx, &d);

    MUST_INT(d != NULL, status == LOCK_SYNC_OK);
    MUST_INT(lock_sync_error_status(lock_sync_last_error(ctx)), status);
    lock_sync_directory_free(d);
    return status;
}

/* Fetches from a port without a listener. Returns OK if that failed as it should. */
static lock_sync_status fetch_from_dead_port(scene *s, lock_sync_ctx *ctx)
{
    uint16_t port;
    int bound = raw_dead_port(&port);
    char *url = kit_text("http://127.0.0.1:%u", (unsigned)port);
    lock_sync_status status;

    MUST_OK(lock_sync_set_base_url(ctx, url));
    status = fetch(ctx);
    MUST_OK(lock_sync_set_base_url(ctx, s->url));
    free(url);
    (void)close(bound);
    return status == LOCK_SYNC_E_CONNECT ? LOCK_SYNC_OK : status;
}

static lock_sync_status fetch_once(scene *s, lock_sync_status (*get)(lock_sync_ctx *ctx), bool after_another,
                                   bool retried)
{
    own_store h;
    lock_sync_ctx *ctx = NULL;
    lock_sync_status status = make_ctx(s, &h, retried, &ctx);

    if (status == LOCK_SYNC_OK) {
        if (after_another)
            status = fetch_from_dead_port(s, ctx);
        if (status == LOCK_SYNC_OK)
            status = get(ctx);
        (void)wrapped_end();
        if (status != LOCK_SYNC_OK) {
            /* the lease of a fetch that was not settled is still running */
            s->usable = set_new_guard(&h, ctx) == LOCK_SYNC_OK && get(ctx) == LOCK_SYNC_OK;
        }
    }
    lock_sync_ctx_free(ctx);
    return status;
}

lock_sync_status life_of_a_fetch(scene *s)
{
    return fetch_once(s, fetch, false, false);
}

lock_sync_status life_of_a_fetch_after_a_failed_one(scene *s)
{
    return fetch_once(s, fetch, true, false);
}

lock_sync_status life_of_a_retried_fetch(scene *s)
{
    return fetch_once(s, fetch, false, true);
}

lock_sync_status life_of_a_directory(scene *s)
{
    return fetch_once(s, fetch_directory, false, false);
}

/* --- the pool --- */

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    lock_sync_status *ended = user;

    (void)ctx;
    *ended = status;
    lock_sync_results_free(results);
}

static lock_sync_status submit(lock_sync_pool *p, lock_sync_ctx *ctx, lock_sync_status *ended)
{
    return lock_sync_pool_submit(p, ctx, NULL, 0, on_done, ended);
}

static void on_directory(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_directory *directory)
{
    lock_sync_status *ended = user;

    (void)ctx;
    *ended = status;
    lock_sync_directory_free(directory);
}

static lock_sync_status submit_directory(lock_sync_pool *p, lock_sync_ctx *ctx, lock_sync_status *ended)
{
    return lock_sync_pool_submit_directory(p, ctx, on_directory, ended);
}

typedef lock_sync_status submitter(lock_sync_pool *p, lock_sync_ctx *ctx, lock_sync_status *ended);

/* Uses no clock, because it may jump. pool_wait may report a failure, and the pool continues. */
static void wait_for_all(lock_sync_pool *p)
{
    for (int i = 0; i < KIT_PATIENCE_MS / 10 && lock_sync_pool_pending(p) > 0; i++)
        (void)lock_sync_pool_wait(p, 10);
    MUST_INT(lock_sync_pool_pending(p), 0);
}

#define TWO 2 /* accounts: one may have ended when the other fails */

/* Returns the first status that is not OK. */
static lock_sync_status submit_and_wait(lock_sync_pool *p, lock_sync_ctx *const *all, submitter *start)
{
    lock_sync_status ended[TWO];
    lock_sync_status status = LOCK_SYNC_OK;

    for (size_t i = 0; i < TWO; i++) {
        ended[i] = LOCK_SYNC_E_BUSY;
        status = start(p, all[i], &ended[i]);
        if (status != LOCK_SYNC_OK)
            ended[i] = status;
    }
    wait_for_all(p);
    for (size_t i = TWO; i-- > 0;)
        status = ended[i] != LOCK_SYNC_OK ? ended[i] : status;
    return status;
}

static lock_sync_status make_two(scene *s, own_store *h, bool retried, lock_sync_ctx **all)
{
    lock_sync_status status = LOCK_SYNC_OK;

    for (size_t i = 0; i < TWO && status == LOCK_SYNC_OK; i++)
        status = make_ctx(s, &h[i], retried, &all[i]);
    return status;
}

static lock_sync_status fetch_in_a_pool(scene *s, submitter *start, bool retried)
{
    own_store h[TWO];
    lock_sync_ctx *all[TWO] = {NULL, NULL};
    lock_sync_pool *p = NULL;
    lock_sync_allocator memory = t_heap_allocator(&s->heap);
    lock_sync_status status = lock_sync_pool_new_with_allocator(&memory, &p);

    MUST_INT(p != NULL, status == LOCK_SYNC_OK);
    if (status == LOCK_SYNC_OK)
        status = make_two(s, h, retried, all);
    if (status == LOCK_SYNC_OK) {
        status = submit_and_wait(p, all, start);
        (void)wrapped_end();
        if (status != LOCK_SYNC_OK) {
            for (size_t i = 0; i < TWO; i++)
                MUST_OK(set_new_guard(&h[i], all[i]));
            s->usable = submit_and_wait(p, all, start) == LOCK_SYNC_OK;
        }
    }
    lock_sync_pool_free(p);
    for (size_t i = 0; i < TWO; i++)
        lock_sync_ctx_free(all[i]);
    return status;
}

lock_sync_status life_of_a_pool(scene *s)
{
    return fetch_in_a_pool(s, submit, false);
}

lock_sync_status life_of_a_retried_fetch_in_a_pool(scene *s)
{
    return fetch_in_a_pool(s, submit, true);
}

lock_sync_status life_of_a_directory_in_a_pool(scene *s)
{
    return fetch_in_a_pool(s, submit_directory, false);
}

bool slots_are_settled_when_a_pool_is_freed(scene *s)
{
    own_store h[TWO];
    gate door = {.shut = true};
    lock_sync_ctx *all[TWO] = {NULL, NULL};
    lock_sync_pool *p;
    lock_sync_status ended[TWO];
    bool settled = true;

    MUST_INT(pthread_mutex_init(&door.mutex, NULL), 0);
    MUST_INT(pthread_cond_init(&door.opened, NULL), 0);
    MUST_OK(lock_sync_pool_new(&p));
    MUST_OK(make_two(s, h, false, all));
    for (size_t i = 0; i < TWO; i++) {
        MUST_OK(lock_sync_set_timeout_ms(all[i], KIT_PATIENCE_MS));
        MUST_OK(submit(p, all[i], &ended[i]));
        h[i].gate = &door;
    }
    /* Both are submitted together, ask for a slot and fetch. Now one slot is being settled, and the other waits for
       it. */
    while (s->fetched < TWO || !gate_has_waiter(&door))
        MUST_OK(lock_sync_pool_wait(p, 1));
    wrapped_before_join(open_gate, &door);
    lock_sync_pool_free(p);
    for (size_t i = 0; i < TWO; i++) { /* a slot that is not settled closes the guard for longer than this */
        MUST_OK(lock_sync_set_timeout_ms(all[i], TIMEOUT_MS));
        settled = settled && ended[i] == LOCK_SYNC_E_CANCELLED && fetch(all[i]) == LOCK_SYNC_OK;
        lock_sync_ctx_free(all[i]);
    }
    MUST_INT(pthread_cond_destroy(&door.opened), 0);
    MUST_INT(pthread_mutex_destroy(&door.mutex), 0);
    return settled;
}

/* --- a guard in a file --- */

lock_sync_status life_of_a_guard_in_a_file(scene *s)
{
    char *path = kit_text("%s/guard", s->dir);
    lock_sync_guard *g = NULL;
    lock_sync_status status = lock_sync_guard_open_file(path, &g);
    int64_t slot = 0;

    MUST_INT(g != NULL, status == LOCK_SYNC_OK);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_guard_reserve(g, 1000, NULL, &slot);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_NOT_SENT, -1);
    (void)wrapped_end();
    if (status != LOCK_SYNC_OK && g != NULL) { /* the guard grants a slot, or one was not settled */
        lock_sync_status again = lock_sync_guard_reserve(g, 0, NULL, NULL);

        s->usable = again == LOCK_SYNC_OK || again == LOCK_SYNC_E_TOO_SOON;
    }
    lock_sync_guard_unref(g);
    kit_write_file(path, "", 0);
    MUST_INT(remove(path), 0);
    free(path);
    return status;
}

/* --- all calls of a function --- */

static void check_life(scene *s, life live, uint32_t may, const char *what, size_t nth)
{
    size_t descriptors = kit_descriptors();
    lock_sync_status status;

    s->usable = true;
    status = live(s);
    s->unharmed += status == LOCK_SYNC_OK;
    if (status != LOCK_SYNC_OK && (may & UINT32_C(1) << status) == 0)
        fail_msg("%s, call %zu: %s", what, nth, lock_sync_status_name(status));
    if (!s->usable || s->heap.blocks != 0 || kit_descriptors() != descriptors)
        fail_msg("%s, call %zu (%s): usable %d, %zu blocks, %zu descriptors, not %zu", what, nth,
                 lock_sync_status_name(status), s->usable, (size_t)s->heap.blocks, kit_descriptors(), descriptors);
}

size_t check_failing_calls(scene *s, wrapped function, int error, life live, uint32_t may)
{
    s->unharmed = 0;
    for (size_t nth = 1;; nth++) {
        bool failed;

        wrapped_fail(function, nth, error);
        check_life(s, live, may, wrapped_names[function], nth);
        failed = wrapped_end();
        if (!failed)
            return nth - 1;
    }
}
