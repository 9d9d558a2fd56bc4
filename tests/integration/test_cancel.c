/* lock_sync_cancel() from another thread: at each stage of a fetch, wherever lock_sync_watch_next() waits, and how
   soon it works. */
#include "client.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES 20
#define AT_MOST_US (250000 * kit_slack())
#define MEDIAN_AT_MOST_US (50000 * kit_slack()) /* libcurl's timer alone would take some 200 ms */
#define NEVER_MS 20000

typedef struct latencies {
    int64_t us[TRIES];
    size_t count;
} latencies;

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void check_latencies(const char *stage, latencies *l)
{
    qsort(l->us, l->count, sizeof *l->us, compare);
    print_message("cancel %s: median %d us, longest %d us of %zu\n", stage, (int)l->us[l->count / 2],
                  (int)l->us[l->count - 1], l->count);
    CHECK(l->us[0] >= 0);
    CHECK(l->us[l->count / 2] < MEDIAN_AT_MOST_US);
    CHECK(l->us[l->count - 1] < AT_MOST_US);
}

/* Runs a fetch, or waits without limit for a watch's next change; it is cancelled when `met` returns true. */
static void cancel_when(const client *c, lock_sync_watch *w, bool (*met)(void *user), void *user, latencies *l)
{
    canceller *other = canceller_begin(c->ctx, met, user);
    lock_sync_changes *changes = NULL;
    lock_sync_status status = w == NULL ? client_fetch(c) : lock_sync_watch_next(w, -1, &changes);
    int64_t ended_us = kit_now_us();

    expect_status(c, status, LOCK_SYNC_E_CANCELLED);
    MUST(changes == NULL);
    l->us[l->count++] = ended_us - canceller_end(other);
    MUST_INT(error_http_status(c), 0);
}

/* --- a fetch --- */

typedef struct progress {
    raw_server *server;
    size_t requests;
} progress;

static bool has_asked(void *user)
{
    const progress *p = user;

    return raw_requests(p->server) >= p->requests;
}

TEST(a_fetch_is_cancelled_while_connecting)
{
    raw_full_port port = raw_full_port_open();
    raw_server *good = raw_start(AF_INET, NULL, 0);
    client c = client_new(port.url);
    latencies l = {.count = 0};

    for (int i = 0; i < TRIES; i++)
        cancel_when(&c, NULL, raw_full_port_is_tried, &port, &l);
    expect_good_at(&c, raw_url(good));
    client_free(&c);
    raw_stop(good);
    raw_full_port_close(&port);
    check_latencies("while connecting", &l);
}

TEST(a_fetch_or_poll_is_cancelled_after_its_request_arrived)
{
    static const struct {
        const char *stage;
        bool watched;
        raw_step script[4];
    } table[] = {
        {"while the server is silent", false, {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE}},
        {"while the body trickles",
         false,
         {RAW_READ_REQUEST, RAW_SEND(raw_good_response, 90), RAW_SEND_SLOWLY(raw_good_response + 90, 120, 10),
          RAW_WAIT_FOR_CLOSE}},
        {"while the body floods",
         false,
         {RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
          RAW_SEND_TIMES("1\r\n \r\n", ~0U), RAW_END}},
        {"while a watch polls", true, {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE}},
    };

    for (size_t k = 0; k < COUNT_OF(table); k++) {
        const raw_step *scripts[TRIES];
        latencies l = {.count = 0};
        lock_sync_watch *w = NULL;
        progress p = {NULL, 0};
        client c;

        t_row("%s", table[k].stage);
        for (size_t i = 0; i < TRIES; i++)
            scripts[i] = table[k].script;
        p.server = raw_start(AF_INET, scripts, TRIES);
        c = client_new(raw_url(p.server));
        if (table[k].watched) {
            MUST_OK(lock_sync_watch_new(c.ctx, NULL, 0, &w));
            MUST_OK(lock_sync_watch_set_interval_ms(w, 1));
        }
        for (p.requests = 1; p.requests <= TRIES; p.requests++)
            cancel_when(&c, w, has_asked, &p, &l);
        CHECK_INT(raw_requests(p.server), TRIES);
        CHECK_INT(lock_sync_watch_last_status(w), table[k].watched ? LOCK_SYNC_E_CANCELLED : LOCK_SYNC_OK);
        lock_sync_watch_free(w);
        expect_fetch(&c, LOCK_SYNC_OK);
        CHECK_INT(raw_connections(p.server), TRIES + 1); /* the connection of a cancelled fetch is not reused */
        client_free(&c);
        raw_stop(p.server);
        check_latencies(table[k].stage, &l);
    }
}

/* --- a watch that waits --- */

typedef struct repeater {
    lock_sync_ctx *ctx;
    int64_t pause_ms;
    size_t over;
} repeater;

static void cancel_often(void *user)
{
    repeater *r = user;
    const struct timespec pause = {0, (long)(r->pause_ms * 1000000)};

    while (__atomic_load_n(&r->over, __ATOMIC_ACQUIRE) == 0) {
        if (r->pause_ms > 0)
            (void)nanosleep(&pause, NULL);
        lock_sync_cancel(r->ctx);
    }
}

static void end_repeater(repeater *r, background *other)
{
    __atomic_store_n(&r->over, 1, __ATOMIC_RELEASE);
    background_end(other);
}

static void expect_locks(lock_sync_watch *w)
{
    lock_sync_changes *changes;

    MUST_OK(lock_sync_watch_next(w, KIT_PATIENCE_MS, &changes));
    MUST_INT(lock_sync_changes_count(changes), 2);
    lock_sync_changes_free(changes);
}

/* A test cannot see when a wait begins, so it cancels again and again: one of the cancels ends the wait. */
TEST(a_watch_that_waits_is_cancelled_and_goes_on)
{
    for (int guarded = 0; guarded < 2; guarded++) { /* it waits for its guard, or for the next poll */
        served *s = served_begin(NULL);
        repeater r = {s->c.ctx, 20, 0};
        lock_sync_changes *changes;
        background *other;
        lock_sync_watch *w;
        lock_sync_guard *g;
        int64_t slot;

        MUST_OK(lock_sync_guard_new(&g));
        MUST_OK(lock_sync_guard_reserve(g, 0, NULL, &slot));
        MUST_OK(lock_sync_set_guard(s->c.ctx, g));
        MUST_OK(lock_sync_watch_new(s->c.ctx, NULL, 0, &w));
        MUST_OK(lock_sync_watch_set_interval_ms(w, NEVER_MS));
        if (guarded)
            MUST_OK(lock_sync_set_guard_mode(s->c.ctx, LOCK_SYNC_GUARD_FAIL));
        else
            expect_locks(w);
        other = background_begin(cancel_often, &r);
        for (int i = 0; i < TRIES; i++) {
            int64_t began_us = kit_now_us();

            expect_status(&s->c, lock_sync_watch_next(w, -1, &changes), LOCK_SYNC_E_CANCELLED);
            MUST(changes == NULL);
            MUST(kit_now_us() - began_us < 1000000 * kit_slack());
        }
        end_repeater(&r, other);
        CHECK_INT(raw_requests(s->server), guarded ? 0 : 1); /* the time of the next poll does not change */
        CHECK_OK(lock_sync_watch_last_status(w));
        lock_sync_watch_free(w);
        lock_sync_guard_unref(g);
        served_end(s);
    }
}

/* --- at any instant --- */

/* Whenever a cancel comes, a fetch ends with OK or E_CANCELLED, and the last cancel has no later effect. */
TEST(cancels_at_any_instant_do_no_harm)
{
    served *s = served_begin(NULL);
    repeater r = {s->c.ctx, 0, 0};
    background *other = background_begin(cancel_often, &r);
    lock_sync_changes *changes;
    lock_sync_watch *w;
    size_t reported = 0;

    for (int i = 0; i < 100; i++) {
        lock_sync_status status = client_fetch(&s->c);

        if (status != LOCK_SYNC_OK)
            expect_status(&s->c, status, LOCK_SYNC_E_CANCELLED);
    }
    MUST_OK(lock_sync_watch_new(s->c.ctx, NULL, 0, &w));
    MUST_OK(lock_sync_watch_set_interval_ms(w, 1));
    for (int i = 0; i < 200; i++) {
        lock_sync_status status = lock_sync_watch_next(w, 2, &changes);

        reported += lock_sync_changes_count(changes);
        lock_sync_changes_free(changes);
        CHECK(status == LOCK_SYNC_OK || status == LOCK_SYNC_E_CANCELLED || status == LOCK_SYNC_E_TIMEOUT);
    }
    end_repeater(&r, other);
    if (reported == 0)
        expect_locks(w);
    else
        CHECK_INT(reported, 2);
    CHECK_INT(lock_sync_watch_next(w, 50, &changes), LOCK_SYNC_E_TIMEOUT);
    lock_sync_watch_free(w);
    expect_fetch(&s->c, LOCK_SYNC_OK);
    served_end(s);
}
