/* The processes of a storm that have a pool: their guards decide on a channel to Redis. The service, which is a thread
   of the same process, logs the times of the requests. */
#include "storm.h"

#include "../../support/kit.h"
#include "../../support/decoding.h"

#include <locksync/locksync.h>
#include <stdio.h>

typedef struct member {
    storm_user user;
    lock_sync_ctx *ctx;
    use *use;         /* of the fetch */
    unsigned losses;  /* when it was submitted */
    int64_t retry_us; /* when to submit again */
    bool is_submitted;
} member;

static void must(lock_sync_status status)
{
    if (status != LOCK_SYNC_OK)
        kit_die("%s", lock_sync_status_name(status));
}

static bool was_sent(lock_sync_status status)
{
    return status != LOCK_SYNC_E_TOO_SOON && status != LOCK_SYNC_E_GUARD;
}

static void ended(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    member *m = user;
    board *b = m->user.board;

    lock_sync_results_free(results);
    m->is_submitted = false;
    m->retry_us = kit_now_us() + 2000 + (int64_t)(t_random(&m->user.seed) % 10000);
    if (status == LOCK_SYNC_E_GUARD)
        atomic_fetch_add(&b->failures, 1);
    if (status == LOCK_SYNC_E_TOO_SOON)
        storm_note_decision(&m->user, m->losses);
    if (!was_sent(status))
        return; /* the next fetch has the same entry in the log */
    m->use->outcome = LOCK_SYNC_SLOT_SENT;
    m->use->settled = true;
    if (status == LOCK_SYNC_E_RATE_LIMITED)
        storm_note_429(&m->user, m->use, lock_sync_error_retry_after_ms(lock_sync_last_error(ctx)) * 1000);
    m->use = NULL;
}

static void submit(member *m, lock_sync_pool *pool, int port)
{
    board *b = m->user.board;
    char url[64];

    if (m->use == NULL)
        m->use = storm_new_use(&m->user);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/%d", port, (int)(m->use - b->use));
    must(lock_sync_set_base_url(m->ctx, url));
    m->losses = atomic_load(&b->losses);
    m->is_submitted = true;
    m->use->asked_us = kit_now_us();
    must(lock_sync_pool_submit(pool, m->ctx, NULL, 0, ended, m));
    m->use->until_us = kit_now_us() + LEASE_MS * 1000;
}

static lock_sync_ctx *new_ctx(lock_sync_guard *guard)
{
    lock_sync_ctx *ctx;

    must(lock_sync_ctx_new(&ctx));
    must(lock_sync_set_personal_key(ctx, "demo-key"));
    must(lock_sync_set_timeout_ms(ctx, LEASE_MS));
    must(lock_sync_set_guard(ctx, guard));
    return ctx;
}

static void work(lock_sync_pool *pool, member *members, const board *b, int port)
{
    while (!atomic_load(&b->stop) || lock_sync_pool_pending(pool) > 0) {
        for (size_t i = 0; i < POOL_USERS; i++)
            if (!members[i].is_submitted && !atomic_load(&b->stop) && members[i].retry_us <= kit_now_us())
                submit(&members[i], pool, port);
        must(lock_sync_pool_wait(pool, 2));
    }
}

int storm_pool(void *user)
{
    board *b = user;
    lock_sync_guard *guards[POOL_USERS];
    member members[POOL_USERS] = {{.is_submitted = false}};
    lock_sync_pool *pool;
    service *s;

    if (lock_sync_pool_new(&pool) != LOCK_SYNC_OK) /* a build without libcurl */
        return storm_work(user);
    guards_at(&b->place, guards, POOL_USERS, &storm_limits);
    for (size_t i = 0; i < POOL_USERS; i++) {
        members[i].user = storm_new_user(b, IN_POOL, guards[i]);
        members[i].ctx = new_ctx(guards[i]);
    }
    s = service_start(b, members[0].user.seed * 1000);
    work(pool, members, b, service_port(s));
    service_stop(s);
    lock_sync_pool_free(pool);
    for (size_t i = 0; i < POOL_USERS; i++) {
        lock_sync_ctx_free(members[i].ctx);
        lock_sync_guard_unref(guards[i]);
    }
    return 0;
}
