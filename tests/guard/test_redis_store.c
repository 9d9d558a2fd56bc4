/* Look and swap of the Redis store, called alternately, as by guards of several threads. */
#include "../support/kit.h"
#include "../support/decoding.h"
#include "guard/redis/redis_store.h"
#include "impostor.h"

#include <stdlib.h>

static lsync_redis_store *new_store(lock_sync_redis *r)
{
    lsync_redis_store *s = calloc(1, sizeof *s + 2);

    if (s == NULL)
        kit_die("out of memory");
    s->server = r;
    s->key_size = 1;
    s->key[0] = 'k';
    return t_later(free, s);
}

/* Looks, and expects an absent key. */
static void check_look(lsync_redis_store *s)
{
    unsigned char record[LOCK_SYNC_GUARD_RECORD_MAX];
    lock_sync_guard_look l = {
        .struct_size = sizeof l, .record = record, .size = sizeof record, .empty_since_us = INT64_MIN};

    CHECK_OK(lsync_redis_look(s, &l));
    CHECK_INT(l.size, 0);
}

static bool swaps(lsync_redis_store *s)
{
    bool replaced = true;

    CHECK_OK(lsync_redis_swap(s, NULL, 0, "new", 3, 1000, &replaced));
    return replaced;
}

/* The connection is lost after a's look, and b's look makes a new one, perhaps to another server. So a's swap must not
   write. */
TEST(a_swap_over_another_connection_than_the_last_look_writes_nothing)
{
    static const char *const scripts[] = {
        NO_KEY,                                      /* a looks */
        NO_KEY ABSENT STILL_NONE WRITTEN STILL_NONE, /* b looks, a looks again and swaps; no more replies */
        NULL,
    };
    const impostor *i = impostor_here((impostor){.scripts = scripts});
    lsync_redis_store *a;
    lsync_redis_store *b;
    lock_sync_redis *r;

    MUST_OK(lock_sync_redis_new(impostor_url(i, ""), &r));
    a = new_store(r);
    b = new_store(r);
    check_look(a);
    check_look(b);
    CHECK(!swaps(a));
    check_look(a);
    CHECK(swaps(a));
    lsync_redis_disconnect(&r->session.connection);
    CHECK(!swaps(a)); /* not connected */
    CHECK_INT(i->connections, 2);
    lock_sync_redis_free(r);
}
