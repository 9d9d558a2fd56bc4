/* Origins without a network: which fetches share an origin, and when an origin is dropped. */
#include "../support/decoding.h"
#include "base/clock.h"
#include "client/context.h"
#include "pool/origins.h"
#include "pool/schedule.h"

#include <stdlib.h>
#include <string.h>

#define SECONDS INT64_C(1000000)

static lock_sync_pool *new_pool(void)
{
    lock_sync_pool *p = calloc(1, sizeof *p);

    MUST(p != NULL);
    MUST(lsync_allocator_init(&p->memory, NULL));
    p->transfers.max = 144;
    p->connections.max = 256;
    p->loop.owner.per_origin = 64;
    lsync_table_init(&p->origins, &p->memory);
    lsync_schedule_init(p);
    return p;
}

static void free_pool(lock_sync_pool *p)
{
    lsync_pool_free_origins(p);
    free(p);
}

typedef struct settings {
    const char *name;
    const char *base_url; /* NULL: the default */
    const char *proxy;
    const char *ca_file;
} settings;

/* Returns the origin of a fetch with these settings. The fetch ends at once. */
static lsync_origin *origin_of(lock_sync_pool *p, const settings *s)
{
    lsync_job job = {.pool = p};
    lsync_origin *origin;

    MUST_OK(lock_sync_ctx_new(&job.x.ctx));
    MUST_OK(lock_sync_set_base_url(job.x.ctx, s->base_url));
    MUST_OK(lock_sync_set_proxy(job.x.ctx, s->proxy));
    MUST_OK(lock_sync_set_ca_file(job.x.ctx, s->ca_file));
    MUST(lsync_origin_find(&job));
    origin = job.origin;
    lsync_schedule_update(p, origin);
    lsync_origin_release(&job);
    lsync_schedule_update(p, origin);
    MUST(job.origin == NULL);
    lock_sync_ctx_free(job.x.ctx);
    return origin;
}

/* The rows of a group have the same origin, and other groups have others. */
TEST(fetches_have_one_origin_if_their_routes_are_the_same)
{
    static const struct {
        int group;
        settings settings;
    } table[] = {
        {0, {"the default", NULL, NULL, NULL}},
        {0, {"the default as text", "https://api.tedee.com", NULL, NULL}},
        {0, {"with a path", "https://api.tedee.com/some/path", NULL, NULL}},
        {0, {"with its port", "https://api.tedee.com:443", NULL, NULL}},
        {1, {"with another port", "https://api.tedee.com:44", NULL, NULL}},
        {2, {"without TLS", "http://localhost", NULL, NULL}},
        {2, {"without TLS, with its port", "http://localhost:80", NULL, NULL}},
        {2, {"without TLS, with CAs and a proxy", "http://localhost", "http://proxy:1", "/ca.pem"}},
        {3, {"through a proxy", NULL, "http://proxy:1", NULL}},
        {3, {"through this proxy with a user", NULL, "http://user:secret@proxy:1", NULL}},
        {3, {"through this proxy with a slash", "https://api.tedee.com", "http://proxy:1/", NULL}},
        {4, {"through another proxy", NULL, "http://proxy:2", NULL}},
        {5, {"through a proxy of another scheme", NULL, "socks5h://proxy:1", NULL}},
        {6, {"with CAs", NULL, NULL, "/ca.pem"}},
        {7, {"with other CAs", NULL, NULL, "/other.pem"}},
        {8, {"to loopback", "https://127.0.0.1", NULL, NULL}},
        {8, {"to loopback, which ignores the proxy", "https://127.0.0.1", "http://proxy:1", NULL}},
        {9, {"the proxy's name as part of a name", "https://api.tedee.comhttp", NULL, NULL}},
    };
    lock_sync_pool *p = new_pool();
    const lsync_origin *seen[10] = {NULL};

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const lsync_origin *origin = origin_of(p, &table[i].settings);

        t_row("%s", table[i].settings.name);
        CHECK(seen[table[i].group] == NULL || seen[table[i].group] == origin);
        seen[table[i].group] = origin;
        for (int group = 0; group < 10; group++)
            CHECK((seen[group] == origin) == (group == table[i].group));
        for (size_t at = 0; at + 6 <= origin->key_size; at++)
            CHECK(memcmp(origin->key + at, "secret", 6) != 0);
    }
    CHECK_INT(p->origins.count, 10);
    free_pool(p);
}

TEST(a_name_is_looked_up_unless_all_are_addresses)
{
    static const struct {
        settings settings;
        bool is_named;
    } table[] = {
        {{"a name", NULL, NULL, NULL}, true},
        {{"an address", "https://192.0.2.1", NULL, NULL}, false},
        {{"an address through a named proxy", "https://192.0.2.1", "http://proxy:1", NULL}, true},
        {{"an address through an address", "https://192.0.2.1", "http://u:p@192.0.2.2:1", NULL}, false},
    };
    lock_sync_pool *p = new_pool();

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].settings.name);
        CHECK(origin_of(p, &table[i].settings)->is_named == table[i].is_named);
    }
    free_pool(p);
}

TEST(an_origin_is_dropped_after_a_minute_without_jobs_and_connections)
{
    lock_sync_pool *p = new_pool();
    lsync_origin *open = origin_of(p, &(settings){"", "https://open.test", NULL, NULL});
    lsync_origin *miscounted = origin_of(p, &(settings){"", "https://miscounted.test", NULL, NULL});
    int64_t now_us = lsync_clock_boot_us();

    (void)origin_of(p, &(settings){"", "https://closed.test", NULL, NULL});
    open->connections.open = 1;
    miscounted->connections.is_miscounted = true;
    lsync_pool_drop_origins(p, now_us + 59 * SECONDS);
    CHECK_INT(p->origins.count, 3);
    lsync_pool_drop_origins(p, now_us + 61 * SECONDS);
    CHECK_INT(p->origins.count, 2);
    open->connections.open = 0;
    lsync_pool_drop_origins(p, now_us + 119 * SECONDS); /* another minute since the connection was last seen open */
    CHECK_INT(p->origins.count, 2);
    lsync_pool_drop_origins(p, now_us + 122 * SECONDS);
    CHECK_INT(p->origins.count, 1); /* an uncounted connection may still use it */
    free_pool(p);
}

static void *no_memory(void *user, size_t size)
{
    (void)user, (void)size;
    return NULL;
}

TEST(without_memory_a_table_still_finds_its_entries)
{
    lock_sync_allocator memory;
    lsync_table table;
    lsync_entry entries[100];

    MUST(lsync_allocator_init(&memory, NULL));
    memory.allocate = no_memory;
    lsync_table_init(&table, &memory);
    for (uint64_t i = 0; i < COUNT_OF(entries); i++)
        lsync_table_add(&table, &entries[i], i / 2 * LSYNC_TABLE_LEAST); /* all in one bucket, two of each hash */
    CHECK_INT(table.bucket_count, LSYNC_TABLE_LEAST);
    for (uint64_t i = 0; i < COUNT_OF(entries); i += 2) {
        lsync_entry *first = lsync_table_first(&table, i / 2 * LSYNC_TABLE_LEAST);

        CHECK(first == &entries[i + 1]);
        CHECK(lsync_table_next(first) == &entries[i]);
        CHECK(lsync_table_next(&entries[i]) == NULL);
    }
    for (size_t i = 0; i < COUNT_OF(entries); i++)
        lsync_table_remove(&table, &entries[i]);
    CHECK_INT(table.count, 0);
    CHECK(lsync_table_first(&table, 0) == NULL);
    lsync_table_release(&table);
}
