/* Look and swap of the Redis store, called as the guards of several threads call them: in turns. */
#include "../support/kit.h"
#include "../support/decoding.h"
#include "guard/redis/redis_store.h"
#include "impostor.h"

#include <stdlib.h>
#include <string.h>

static lsync_redis_store *new_store(lock_sync_redis *r)
{
    lsync_redis_store *s = calloc(1, sizeof *s + 2);

    if (s == NULL)
        kit_die("out of memory");
    s->server = r;
    s->key_size = 1;
    s->key[0] = 'k';
    return s;
}

static lock_sync_status look(lsync_redis_store *s, unsigned char record[LOCK_SYNC_GUARD_RECORD_MAX])
{
    lock_sync_guard_look l = {
        .struct_size = sizeof l, .record = record, .size = LOCK_SYNC_GUARD_RECORD_MAX, .empty_since_us = INT64_MIN};

    return lsync_redis_look(s, &l);
}

/* The connection is lost after a's look, and b's makes another, which may lead to another server: a's swap writes
   nothing. */
TEST(a_swap_over_another_connection_than_the_last_look)
{
    static const char *const scripts[] = {
        NO_KEY,                                      /* a looks */
        NO_KEY ABSENT STILL_NONE WRITTEN STILL_NONE, /* b looks, a looks again and swaps; no more was said */
        NULL,
    };
    unsigned char record[LOCK_SYNC_GUARD_RECORD_MAX];
    impostor i = {.scripts = scripts};
    lock_sync_redis *r;
    lsync_redis_store *a;
    lsync_redis_store *b;
    bool replaced = true;
    char *url;

    impostor_begin(&i);
    url = impostor_url(&i, "");
    CHECK_OK(lock_sync_redis_new(url, &r));
    a = new_store(r);
    b = new_store(r);
    CHECK_OK(look(a, record));
    CHECK_OK(look(b, record));
    CHECK_OK(lsync_redis_swap(a, NULL, 0, "new", 3, 1000, &replaced));
    CHECK(!replaced);
    CHECK_OK(look(a, record));
    CHECK_OK(lsync_redis_swap(a, NULL, 0, "new", 3, 1000, &replaced));
    CHECK(replaced);
    lsync_redis_disconnect(&r->connection);
    CHECK_OK(lsync_redis_swap(a, NULL, 0, "new", 3, 1000, &replaced)); /* nothing is connected for it */
    CHECK(!replaced);
    lock_sync_redis_free(r);
    free(a);
    free(b);
    free(url);
    impostor_end(&i);
    CHECK_INT(i.asked, 2);
}

TEST(a_record_of_any_size_up_to_the_room)
{
    static const struct {
        size_t size;
        bool good;
    } rows[] = {{1, true}, {LOCK_SYNC_GUARD_RECORD_MAX, true}, {LOCK_SYNC_GUARD_RECORD_MAX + 1, false}, {0, false}};

    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        char *record = t_repeat('r', rows[k].size);
        char *script = kit_text(MET "$%zu\r\n%s\r\n" NOW ROLE, rows[k].size, record);
        const char *const scripts[] = {script, NULL};
        unsigned char room[LOCK_SYNC_GUARD_RECORD_MAX];
        impostor i = {.scripts = scripts};
        lock_sync_redis *r;
        lsync_redis_store *s;
        char *url;

        t_row("%zu", rows[k].size);
        impostor_begin(&i);
        url = impostor_url(&i, "");
        CHECK_OK(lock_sync_redis_new(url, &r));
        s = new_store(r);
        CHECK_INT(look(s, room), rows[k].good ? LOCK_SYNC_OK : LOCK_SYNC_E_GUARD);
        CHECK(!rows[k].good || memcmp(room, record, rows[k].size) == 0);
        lock_sync_redis_free(r);
        free(s);
        free(url);
        impostor_end(&i);
        free(script);
        free(record);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_swap_over_another_connection_than_the_last_look),
        T(a_record_of_any_size_up_to_the_room),
    };

    return T_MAIN(tests);
}
