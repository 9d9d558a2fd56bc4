/* Which origin is next, without a network: jobs that wait, and transfers that send nothing. */
#include "../support/decoding.h"
#include "base/clock.h"
#include "client/context.h"
#include "pool/origins.h"
#include "pool/transition.h"
#include "pool/schedule.h"

#include <stdio.h>
#include <stdlib.h>

#define TRANSFERS_MAX 144

typedef struct stage {
    lock_sync_pool pool;
    lsync_job *jobs;
    size_t job_count;
    lsync_pool_transfer transfers[TRANSFERS_MAX];
    size_t transfer_count;
} stage;

static stage *new_stage(size_t jobs_max)
{
    stage *s = calloc(1, sizeof *s);

    MUST(s != NULL);
    s->jobs = calloc(jobs_max, sizeof *s->jobs);
    MUST(s->jobs != NULL);
    MUST(lsync_allocator_init(&s->pool.memory, NULL));
    s->pool.transfers.max = TRANSFERS_MAX;
    s->pool.connections.max = 256;
    s->pool.loop.owner.per_origin = 64;
    lsync_table_init(&s->pool.origins, &s->pool.memory);
    lsync_schedule_init(&s->pool);
    return s;
}

static void free_stage(stage *s)
{
    lsync_pool_free_origins(&s->pool);
    free(s->jobs);
    free(s);
}

/* Lets jobs of an origin wait for a transfer. `number` is the origin's port. */
static lsync_origin *add_jobs(stage *s, const char *scheme, unsigned number, size_t n, bool on_trial)
{
    lock_sync_pool *p = &s->pool;
    lock_sync_ctx *ctx;
    char url[64];
    lsync_origin *origin = NULL;

    (void)snprintf(url, sizeof url, "%s://127.0.0.1:%u", scheme, number);
    MUST_OK(lock_sync_ctx_new(&ctx));
    MUST_OK(lock_sync_set_base_url(ctx, url));
    for (size_t i = 0; i < n; i++) {
        lsync_job *job = &s->jobs[s->job_count++];

        job->pool = p;
        job->x.ctx = ctx;
        MUST(lsync_origin_find(job));
        origin = job->origin;
        origin->on_trial = on_trial;
        lsync_queue_append(&origin->waiting, &job->link);
        lsync_schedule_update(p, origin);
    }
    lock_sync_ctx_free(ctx);
    return origin;
}

/* Gives an origin HTTP/2 connections with a response. */
static void connect_origin(lsync_origin *origin, uint32_t count)
{
    lsync_connections *s = &origin->connections;

    s->listed = lsync_alloc(s->memory, count * sizeof s->listed[0]);
    MUST(s->listed != NULL);
    for (uint32_t i = 0; i < count; i++) {
        s->listed[i] = (lsync_listed){i + 1, lsync_alloc(s->memory, sizeof(lsync_connection))};
        MUST(s->listed[i].connection != NULL);
        *s->listed[i].connection = (lsync_connection){.fd = -1, .streams = LSYNC_STREAMS_MAX};
    }
    s->count = s->capacity = s->open = count;
}

/* Gives a transfer to the next origin, and returns it. NULL: no origin may have one. */
static lsync_origin *start_next(stage *s)
{
    lsync_origin *origin = lsync_schedule_next(&s->pool);
    lsync_pool_transfer *transfer;

    if (origin == NULL)
        return NULL;
    transfer = &s->transfers[s->transfer_count++];
    transfer->job = lsync_schedule_take(origin);
    lsync_origin_add_transfer(transfer);
    lsync_schedule_update(&s->pool, origin);
    return origin;
}

static void end_transfer(stage *s, size_t i)
{
    lsync_origin *origin = s->transfers[i].job->origin;

    lsync_origin_remove_transfer(&s->transfers[i]);
    lsync_origin_release(s->transfers[i].job);
    lsync_schedule_update(&s->pool, origin);
}

static size_t start_all(stage *s)
{
    size_t started = 0;

    while (start_next(s) != NULL)
        started++;
    return started;
}

TEST(origins_take_turns)
{
    stage *s = new_stage(30);
    lsync_origin *origins[3];

    s->pool.transfers.max = 6;
    for (unsigned i = 0; i < 3; i++)
        origins[i] = add_jobs(s, "http", i + 1, 10, false);
    for (int i = 0; i < 6; i++)
        CHECK(start_next(s) == origins[i % 3]);
    CHECK(start_next(s) == NULL);
    end_transfer(s, 1);
    end_transfer(s, 4);
    CHECK(start_next(s) == origins[1]); /* it has no transfer */
    free_stage(s);
}

/* The lease of its slot would end while it waits behind jobs without a slot. */
TEST(a_job_with_a_slot_comes_before_waiting_jobs)
{
    stage *s = new_stage(2);
    lsync_origin *origin = add_jobs(s, "http", 1, 2, false);

    MUST(lsync_heap_reserve(&s->pool.timers, &s->pool.memory, 2));
    for (size_t i = 0; i < 2; i++) {
        lsync_job *job = &s->jobs[i];

        lsync_queue_remove(&job->link);
        job->x.fetch.state = i == 0 ? LSYNC_FETCH_CHECK : LSYNC_FETCH_SENDING;
        lsync_job_move(job, LSYNC_JOB_READY, INT64_MAX);
    }
    CHECK(lsync_schedule_take(origin) == &s->jobs[1]);
    lsync_schedule_update(&s->pool, origin);
    CHECK(lsync_schedule_take(origin) == &s->jobs[0]);
    lsync_free(&s->pool.memory, s->pool.timers.timers);
    free_stage(s);
}

/* Returns an origin that has all the transfers that one origin may have, and more jobs. */
static lsync_origin *full_origin(stage *s)
{
    lsync_origin *one = add_jobs(s, "https", 1, 200, false);

    connect_origin(one, 2);
    s->pool.loop.owner.per_origin = 2;
    CHECK(start_next(s) == one);
    lsync_origin_leader_sent(&s->transfers[0]);
    lsync_schedule_update(&s->pool, one);
    CHECK_INT(1 + start_all(s), 128);
    return one;
}

TEST(a_new_origin_comes_before_origins_with_transfers)
{
    stage *s = new_stage(300);
    const lsync_origin *one = full_origin(s);

    (void)add_jobs(s, "http", 2, 1, true);
    CHECK(lsync_schedule_next(&s->pool) != one);
    CHECK_INT(start_all(s), 1);
    free_stage(s);
}

/* One origin stalls with all that it may have, and then one on trial with all that is left for it. */
TEST(an_origin_on_trial_leaves_transfers_for_an_origin_without_any)
{
    stage *s = new_stage(300);
    const lsync_origin *good;

    (void)full_origin(s);
    s->pool.loop.owner.per_origin = 64;
    (void)add_jobs(s, "http", 2, 40, true);
    CHECK_INT(start_all(s), 8);
    good = add_jobs(s, "http", 3, 2, false);
    CHECK(start_next(s) == good);
    CHECK(start_next(s) == NULL);
    free_stage(s);
}

/* A good origin is on trial too, until its first response and after one failure. */
TEST(silent_origins_leave_transfers_for_the_next_one_on_trial)
{
    static const size_t shares[] = {36, 18, 9, 1, 1, 1, 1};
    stage *s = new_stage(COUNT_OF(shares) * 40 + 1);

    for (unsigned i = 0; i < COUNT_OF(shares); i++) {
        t_row("origin %u", i);
        (void)add_jobs(s, "http", i + 1, 40, true);
        CHECK_INT(start_all(s), shares[i]);
    }
    (void)add_jobs(s, "http", COUNT_OF(shares) + 1, 1, true);
    CHECK_INT(start_all(s), 1);
    free_stage(s);
}

TEST(of_ten_thousand_silent_origins_some_try_and_a_responding_one_is_next)
{
    enum { MANY = 10000 };
    stage *s = new_stage(MANY + 2);
    const lsync_origin *first = add_jobs(s, "http", 1, 1, true);
    lsync_origin *good;

    for (unsigned i = 1; i < MANY; i++)
        (void)add_jobs(s, "http", i + 1, 1, true);
    CHECK(add_jobs(s, "http", 1, 1, true) == first); /* the same origin */
    CHECK_INT(s->pool.origins.count, MANY);
    CHECK(s->pool.origins.bucket_count >= MANY);
    CHECK_INT(start_all(s), 72);
    good = add_jobs(s, "http", MANY + 1, 1, false);
    CHECK(start_next(s) == good);
    CHECK(start_next(s) == NULL);
    end_transfer(s, 5);
    CHECK_INT(start_all(s), 1);
    free_stage(s);
}

TEST(a_full_origin_is_skipped_until_it_has_room)
{
    stage *s = new_stage(30);
    lsync_origin *full = add_jobs(s, "http", 1, 10, false);
    lsync_origin *other = add_jobs(s, "http", 2, 10, false);

    s->pool.loop.owner.per_origin = 2;
    CHECK_INT(start_all(s), 4);
    CHECK_INT(full->active, 2);
    CHECK(full->queue == &s->pool.full && other->queue == &s->pool.full);
    s->pool.loop.owner.per_origin = 3;
    lsync_schedule_update_full(&s->pool);
    CHECK_INT(start_all(s), 2);
    end_transfer(s, 0);
    CHECK_INT(start_all(s), 1);
    free_stage(s);
}

/* Moves the only connection to `origin`, from `before` unless it is NULL. */
static void hand_over(stage *s, lsync_origin *before, lsync_origin *origin)
{
    if (before != NULL)
        before->connections.open = 0;
    origin->connections.open = 1;
    s->pool.loop.owner.sockets = 1;
}

/* An origin keeps the only connection for some transfers in a row, if it responds. */
TEST(origins_take_turns_with_one_connection)
{
    for (int on_trial = 0; on_trial < 2; on_trial++) {
        stage *s = new_stage(200);
        lsync_origin *before = NULL;
        size_t row = 0;
        size_t longest = 0;

        s->pool.connections.max = 1;
        s->pool.loop.owner.per_origin = 1;
        for (unsigned i = 0; i < 4; i++)
            (void)add_jobs(s, "http", i + 1, 40, on_trial);
        for (size_t i = 0; i < 120; i++) {
            lsync_origin *origin = start_next(s);

            MUST(origin != NULL);
            hand_over(s, before, origin);
            CHECK(lsync_schedule_next(&s->pool) == NULL);
            row = origin == before ? row + 1 : 1;
            longest = row > longest ? row : longest;
            before = origin;
            end_transfer(s, i);
        }
        CHECK_INT(longest, on_trial ? 1 : 16);
        free_stage(s);
    }
}

/* Over HTTP/2 an origin could keep it for ever. */
TEST(origins_take_turns_with_one_http2_connection)
{
    stage *s = new_stage(400);
    lsync_origin *one = add_jobs(s, "https", 1, 120, false);
    lsync_origin *other = add_jobs(s, "https", 2, 120, false);
    size_t begun = 1;

    s->pool.connections.max = 1;
    CHECK(start_next(s) == one);
    connect_origin(one, 1);
    lsync_origin_leader_sent(&s->transfers[0]);
    lsync_schedule_update(&s->pool, one);
    for (; start_next(s) != NULL; begun++)
        end_transfer(s, s->transfer_count - 1);
    CHECK_INT(begun, 100);
    end_transfer(s, 0);
    CHECK(start_next(s) == other);
    free_stage(s);
}

/* All fetches of an origin ended together, and are submitted again. The origin continues, unless its connection was
   closed meanwhile, or more connections are allowed. */
TEST(a_turn_continues_while_its_connection_is_open)
{
    static const struct {
        const char *name;
        uint32_t max;
        uint32_t open;
        bool continues;
    } table[] = {{"kept", 1, 1, true}, {"closed", 1, 0, false}, {"to spare", 2, 1, false}};

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        stage *s = new_stage(3);
        lsync_origin *one = add_jobs(s, "https", 1, 1, false);
        const lsync_origin *other = add_jobs(s, "https", 2, 1, false);

        t_row("%s", table[i].name);
        s->pool.connections.max = table[i].max;
        CHECK(start_next(s) == one);
        hand_over(s, NULL, one);
        end_transfer(s, 0);
        one->connections.open = table[i].open;
        CHECK(add_jobs(s, "https", 1, 1, false) == one);
        CHECK(start_next(s) == (table[i].continues ? one : other));
        free_stage(s);
    }
}

/* Ends the only transfer of an origin, which began `took_us` ago, and lets the origin learn from it. */
static lsync_origin *learn(stage *s, bool on_trial, lock_sync_status status, int32_t http_status, int64_t took_us)
{
    lsync_origin *origin = add_jobs(s, "https", 1, 1, on_trial);

    CHECK(start_next(s) == origin);
    s->transfers[0].response.seen_status = http_status;
    s->transfers[0].job->x.started_us = lsync_clock_boot_us() - took_us;
    lsync_origin_record_end(&s->transfers[0], status);
    return origin;
}

TEST(a_response_in_time_ends_the_trial_and_no_response_begins_it)
{
    static const struct {
        const char *name;
        lock_sync_status status;
        int32_t http_status; /* 0: no response */
        int64_t took_us;
        bool before;
        bool after;
    } table[] = {
        {"in time", LOCK_SYNC_OK, 200, 4000000, true, false},
        {"an error in time", LOCK_SYNC_E_SERVER, 500, 0, true, false},
        {"broken, but in time", LOCK_SYNC_E_NETWORK, 200, 0, true, false},
        {"late", LOCK_SYNC_OK, 200, 5001000, false, true},
        {"no response", LOCK_SYNC_E_NETWORK, 0, 0, false, true},
        {"no response in time", LOCK_SYNC_E_TIMEOUT, 0, 0, false, true},
        {"cancelled", LOCK_SYNC_E_CANCELLED, 0, 0, false, false},
        {"cancelled on trial", LOCK_SYNC_E_CANCELLED, 200, 0, true, true},
        {"out of memory", LOCK_SYNC_E_NO_MEMORY, 0, 0, false, false},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        stage *s = new_stage(1);

        t_row("%s", table[i].name);
        CHECK_INT(learn(s, table[i].before, table[i].status, table[i].http_status, table[i].took_us)->on_trial,
                  table[i].after);
        free_stage(s);
    }
}

/* After such a failure each of the others connects for itself. */
TEST(a_leaders_failure_is_recorded_unless_another_leader_may_succeed)
{
    static const struct {
        lock_sync_status status;
        bool failed;
    } table[] = {
        {LOCK_SYNC_E_CONNECT, true},    {LOCK_SYNC_E_TLS, true},      {LOCK_SYNC_E_NETWORK, true},
        {LOCK_SYNC_E_RESOLVE, false},   {LOCK_SYNC_E_TIMEOUT, false}, {LOCK_SYNC_E_CANCELLED, false},
        {LOCK_SYNC_E_NO_MEMORY, false},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        stage *s = new_stage(1);
        const lsync_origin *origin = learn(s, true, table[i].status, 0, 0);

        t_row("%s", lock_sync_status_name(table[i].status));
        CHECK_INT(origin->failed, table[i].failed);
        CHECK(origin->leader == NULL);
        free_stage(s);
    }
}

TEST(the_others_wait_a_second_for_a_leader)
{
    stage *s = new_stage(10);
    lsync_origin *origin = add_jobs(s, "https", 1, 10, true);
    int64_t now_us = lsync_clock_boot_us();

    CHECK(lsync_schedule_due_us(&s->pool) == LSYNC_NEVER_US);
    CHECK_INT(start_all(s), 1);
    CHECK(origin->leader == &s->transfers[0]);
    CHECK_INT(s->transfers[0].curl.connecting, LSYNC_CONNECTS_IF_NEEDED);
    CHECK(lsync_schedule_due_us(&s->pool) >= now_us + 1000000);
    lsync_schedule_check_leaders(&s->pool);
    CHECK_INT(start_all(s), 0);
    s->transfers[0].leading_since_us -= 1000000;
    lsync_schedule_check_leaders(&s->pool);
    CHECK(lsync_schedule_due_us(&s->pool) == LSYNC_NEVER_US);
    CHECK_INT(start_all(s), 1); /* a second leader */
    CHECK(origin->leader == &s->transfers[1]);
    CHECK_INT(s->transfers[1].curl.connecting, LSYNC_CONNECTS_ALWAYS);
    CHECK_INT(origin->leaders, 2);
    s->transfers[1].curl.events.sent_us = 1;
    s->transfers[1].curl.events.is_new = true;
    lsync_schedule_check_leaders(&s->pool);
    CHECK_INT(origin->leaders, 2); /* it leads until its connection has a response */
    CHECK_INT(start_all(s), 0);
    connect_origin(origin, 1);
    s->transfers[1].curl.events.has_response = true;
    lsync_schedule_check_leaders(&s->pool);
    CHECK_INT(origin->leaders, 1);
    CHECK_INT(start_all(s), 8); /* over the connection of the second leader */
    CHECK_INT(s->transfers[2].curl.connecting, LSYNC_CONNECTS_NEVER);
    end_transfer(s, 0); /* the first leader, with any result */
    CHECK_INT(origin->leaders, 0);
    free_stage(s);
}

TEST(a_leader_connects_only_if_libcurl_finds_no_room)
{
    for (int responded = 0; responded < 2; responded++) {
        stage *s = new_stage(10);
        lsync_origin *origin = add_jobs(s, "https", 1, 3, true);

        connect_origin(origin, 2);
        for (size_t i = 0; i < 2; i++) {
            origin->connections.listed[i].connection->streams = 1;
            origin->connections.listed[i].connection->responses = i == 0 || responded == 1 ? 1 : 0;
        }
        CHECK(start_next(s) == origin);
        lsync_origin_leader_sent(&s->transfers[0]);
        lsync_schedule_update(&s->pool, origin);
        CHECK_INT(start_all(s), 2);
        CHECK(origin->leader == &s->transfers[2]);
        CHECK_INT(s->transfers[2].curl.connecting, responded == 1 ? LSYNC_CONNECTS_IF_NEEDED : LSYNC_CONNECTS_ALWAYS);
        free_stage(s);
    }
}

TEST(leaders_open_no_more_than_the_connections_of_an_origin)
{
    stage *s = new_stage(10);
    lsync_origin *origin = add_jobs(s, "https", 1, 10, false);

    s->pool.loop.owner.per_origin = 2;
    for (size_t i = 0; i < 3; i++) {
        CHECK_INT(start_all(s), i < 2 ? 1 : 0);
        s->transfers[i].leading_since_us -= 1000000;
        lsync_schedule_check_leaders(&s->pool);
    }
    CHECK_INT(origin->leaders, 2);
    free_stage(s);
}
