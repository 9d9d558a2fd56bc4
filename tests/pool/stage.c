/* Releases what a test made; see stage.h. */
#include "stage.h"

#include "../support/pems.h"

#include <stdio.h>
#include <stdlib.h>

#define THINGS_MAX 256
#define SILENT_MAX 64

typedef enum kind { ACCOUNTS, POOLS, GUARDS, OTHERS, KINDS } kind; /* in the order of their release */

typedef struct thing {
    kind kind;
    void (*release)(void *what);
    void *what;
} thing;

static thing things[THINGS_MAX];
static size_t thing_count;

static void add(kind k, void (*release)(void *what), void *what)
{
    if (thing_count == THINGS_MAX)
        kit_die("the stage is full");
    things[thing_count++] = (thing){k, release, what};
}

void stage_later(void (*release)(void *what), void *what)
{
    add(OTHERS, release, what);
}

static void release_store(void *s)
{
    store_free(s);
}

int stage_clear(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < thing_count; i++)
        if (things[i].release ==
            release_store) /* a failed test may have left it blocked, and freeing the pool waits for it */
            store_release(things[i].what);
    for (kind k = 0; k < KINDS; k++)
        for (size_t i = thing_count; i-- > 0;)
            if (things[i].kind == k)
                things[i].release(things[i].what);
    thing_count = 0;
    return stray_callbacks() == 0 ? 0 : -1;
}

/* --- pool and accounts --- */

static void release_pool(void *pool)
{
    pool_end(pool);
}

lock_sync_pool *stage_pool(void)
{
    lock_sync_pool *p = pool_make();

    add(POOLS, release_pool, p);
    return p;
}

typedef struct crowd {
    size_t count;
    account all[];
} crowd;

static void release_crowd(void *what)
{
    crowd *c = what;

    accounts_free(c->all, c->count);
    free(c);
}

account *stage_accounts(size_t n, const char *url)
{
    crowd *c = calloc(1, sizeof *c + n * sizeof c->all[0]);

    if (c == NULL)
        kit_die("out of memory");
    c->count = n;
    accounts_make(c->all, n, url);
    add(ACCOUNTS, release_crowd, c);
    return c->all;
}

account *stage_account(const char *url)
{
    return stage_accounts(1, url);
}

account *stage_secure_accounts(size_t n, const char *url)
{
    account *all = stage_accounts(n, url);

    for (size_t i = 0; i < n; i++)
        MUST_OK(lock_sync_set_ca_file(all[i].ctx, pems->ca));
    return all;
}

account *stage_secure_account(const char *url)
{
    return stage_secure_accounts(1, url);
}

/* --- servers --- */

static void release_server(void *server)
{
    raw_stop(server);
}

raw_server *stage_server(const raw_step *const *scripts, size_t count)
{
    raw_server *server = raw_start(AF_INET, scripts, count);

    stage_later(release_server, server);
    return server;
}

raw_server *stage_silent_server(size_t connections)
{
    static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
    static const raw_step *scripts[SILENT_MAX];

    for (size_t i = 0; i < SILENT_MAX; i++)
        scripts[i] = silent;
    return stage_server(scripts, connections);
}

bool server_is_asked(void *server)
{
    return raw_requests(server) > 0;
}

static void release_sim(void *server)
{
    sim_stop(server, NULL);
}

sim *stage_sim(const char *const *arguments)
{
    sim *server = sim_start(arguments);

    stage_later(release_sim, server);
    return server;
}

static void release_nginx(void *server)
{
    nginx_stop(server);
}

nginx *stage_nginx(const nginx_setup *setup)
{
    nginx *n;

    t_need(nginx_exists(), NO_NGINX);
    n = nginx_start(setup);
    stage_later(release_nginx, n);
    return n;
}

/* --- guards --- */

static void release_guard(void *guard)
{
    lock_sync_guard_unref(guard);
}

lock_sync_guard *stage_guard(int64_t interval_ms)
{
    lock_sync_guard *guard;

    MUST_OK(lock_sync_guard_new(&guard));
    add(GUARDS, release_guard, guard);
    MUST_OK(lock_sync_guard_set_min_interval_ms(guard, interval_ms));
    return guard;
}

lock_sync_guard *stage_used_guard(int64_t interval_ms)
{
    lock_sync_guard *guard = stage_guard(interval_ms);

    MUST_OK(lock_sync_guard_reserve(guard, 0, NULL, NULL));
    return guard;
}

store *stage_store(void)
{
    store *s = store_new();

    stage_later(release_store, s);
    return s;
}

lock_sync_guard *stage_store_guard(store *s, int64_t interval_ms)
{
    lock_sync_guard *guard = store_guard(s, interval_ms);

    add(GUARDS, release_guard, guard);
    return guard;
}

void stage_guard_each(account *all, size_t n, store *s, int64_t interval_ms, lock_sync_guard_mode mode)
{
    for (size_t i = 0; i < n; i++) {
        lock_sync_guard *guard = store_guard(s, interval_ms);

        account_guard(&all[i], guard, mode);
        lock_sync_guard_unref(guard);
    }
}

/* --- texts and directories --- */

char *stage_text(const char *format, ...)
{
    char *text;
    va_list values;

    va_start(values, format);
    text = kit_text_of(format, values);
    va_end(values);
    stage_later(free, text);
    return text;
}

static void remove_dir(void *dir)
{
    kit_remove_dir(dir);
}

char *stage_dir(void)
{
    char *dir = kit_temp_dir();

    stage_later(remove_dir, dir);
    return dir;
}
