/* Random stress of a pool. One of the origins never responds, one refuses connections, one closes its connections early
   and one has many faults. Meanwhile fetches are cancelled, and contexts are freed and made, also in callbacks. Each
   submit must have one callback.

   stress SUBMITS [SEED]; the gate has only a short run. Prints how the submits ended. */
#include "stage.h"

#include "../support/nginx.h"
#include "../support/pems.h"
#include "../support/t_random.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCOUNTS 300
#define STATUSES 32

typedef enum origin { FAULTS, HTTP2, SILENT, CLOSED, ORIGINS } origin;

typedef struct stress {
    const char *urls[ORIGINS];
    lock_sync_pool *pool;
    account accounts[ACCOUNTS];
    uint64_t random;
    size_t wanted;
    size_t submits;
    size_t calls; /* of accounts that are freed */
    size_t statuses[STATUSES];
} stress;

static uint64_t draw(stress *s, uint64_t below)
{
    return t_random(&s->random) % below;
}

static void act(account *a);

static account make_account(stress *s)
{
    origin o = (origin)(draw(s, 16) < 12 ? draw(s, 2) : draw(s, ORIGINS));
    account a = account_new(s->urls[o]);

    account_set_number(&a, 1 + (size_t)draw(s, 1000));
    MUST_OK(lock_sync_set_ca_file(a.ctx, pems->ca));
    MUST_OK(lock_sync_set_timeout_ms(a.ctx, o == SILENT ? 1 + (int64_t)draw(s, 50) : 20000));
    a.then = act;
    a.user = s;
    return a;
}

static void remake(stress *s, account *a)
{
    account_free(a); /* a pending fetch has its callback in this call */
    s->calls += a->calls;
    *a = make_account(s);
}

static void start(stress *s, account *a)
{
    if (s->submits >= s->wanted)
        return;
    s->submits += account_try(a, s->pool) == LOCK_SYNC_OK; /* it may be pending already */
}

/* Runs when an account's fetch ended: may cancel or replace another account, and submits again. */
static void act(account *a)
{
    stress *s = a->user;
    account *other = &s->accounts[draw(s, ACCOUNTS)];

    s->statuses[a->status < STATUSES ? a->status : STATUSES - 1]++;
    switch (draw(s, 32)) {
    case 0: lock_sync_cancel(other->ctx); break;
    case 1:
        if (other != a && other->then != NULL) {
            other->then = NULL; /* an account that is freed in a callback does nothing itself */
            remake(s, other);
            start(s, other);
        }
        break;
    default: break;
    }
    if (a->then != NULL)
        start(s, a);
}

static void run(stress *s)
{
    for (size_t i = 0; i < ACCOUNTS; i++) {
        s->accounts[i] = make_account(s);
        start(s, &s->accounts[i]);
    }
    while (lock_sync_pool_pending(s->pool) > 0) {
        MUST_OK(pool_wait(s->pool, 1000));
        if (draw(s, 64) == 0)
            lock_sync_cancel(s->accounts[draw(s, ACCOUNTS)].ctx);
        for (size_t i = 0; i < ACCOUNTS && lock_sync_pool_pending(s->pool) < ACCOUNTS / 2; i++)
            start(s, &s->accounts[i]);
    }
    for (size_t i = 0; i < ACCOUNTS; i++) {
        account_free(&s->accounts[i]);
        s->calls += s->accounts[i].calls;
    }
}

static stress s; /* too large for a thread's stack */

/* Makes a listener that accepts nothing: connections succeed until its queue is full. */
static int listen_only(uint16_t *port)
{
    int fd = raw_dead_port(port);

    MUST_INT(listen(fd, 128), 0);
    return fd;
}

TEST_ON_STAGE(each_submit_has_one_callback)
{
    static const char *const arguments[] = {"--any-key", "--fault", "500:7",  "--fault",
                                            "reset:31",  "--fault", "401:23", NULL};
    nginx *http2 = nginx_start_for_keys(pems->good, pems->key, NGINX_ONE_LOCK, 37);
    uint16_t port;
    int silent = listen_only(&port);

    s.urls[FAULTS] = sim_url(stage_sim(arguments));
    s.urls[HTTP2] = nginx_url(http2);
    s.urls[SILENT] = stage_text("http://127.0.0.1:%u", port);
    s.urls[CLOSED] = DEAD_URL;
    s.pool = pool_make();
    run(&s);
    pool_end(s.pool);
    MUST_INT(s.calls, s.submits);
    (void)close(silent);
    nginx_stop(http2);
}

int main(int argc, char **argv)
{
    int failed;

    s.wanted = argc > 1 ? (size_t)strtoull(argv[1], NULL, 10) : 3000;
    s.random = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    failed = t_run_all_in(pems_make, pems_free);
    for (size_t i = 0; i < STATUSES; i++)
        if (s.statuses[i] > 0)
            print_message("%-28s %zu\n", lock_sync_status_name((lock_sync_status)i), s.statuses[i]);
    return failed;
}
