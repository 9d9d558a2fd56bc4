/* A guard over a store of the host's own: what the store may do, and what the guard makes of it. The store is a record
   in memory with a clock that the test sets. */
#include "../unit/support.h"
#include "guard/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct shelf {
    unsigned char record[LOCK_SYNC_GUARD_RECORD_MAX];
    size_t size;
    int64_t now_ms;
    size_t loads;
    size_t replaces;
    size_t destroyed;
    size_t others_first;       /* so many times another changes the record between load and replace */
    bool never_replaces;
    lock_sync_status load_fails;
    lock_sync_status replace_fails;
    const char *why; /* for describe */
    size_t room;     /* what the last load offered */
} shelf;

static lock_sync_status shelf_load(void *user, void *record, size_t *size, int64_t *now_ms)
{
    shelf *s = user;

    s->loads++;
    s->room = *size;
    if (s->load_fails != LOCK_SYNC_OK)
        return s->load_fails;
    memcpy(record, s->record, s->size <= *size ? s->size : *size);
    *size = s->size;
    *now_ms = s->now_ms;
    return LOCK_SYNC_OK;
}

/* Another user takes a slot of its own, or just writes again. */
static void write_as_another(shelf *s)
{
    lsync_guard_image image;

    memset(&image, 0, sizeof image);
    (void)lsync_guard_unpack(s->record, s->size, &image);
    image.version += 100;
    lsync_guard_pack(&image, s->record);
    s->size = LSYNC_GUARD_RECORD_SIZE;
}

static lock_sync_status shelf_replace(void *user, const void *old_record, size_t old_size, const void *new_record,
                                      size_t new_size, bool *replaced)
{
    shelf *s = user;

    s->replaces++;
    if (s->replace_fails != LOCK_SYNC_OK)
        return s->replace_fails;
    if (s->others_first > 0) {
        s->others_first--;
        write_as_another(s);
    }
    *replaced = !s->never_replaces && old_size == s->size && memcmp(old_record, s->record, old_size) == 0;
    if (*replaced) {
        memcpy(s->record, new_record, new_size);
        s->size = new_size;
    }
    return LOCK_SYNC_OK;
}

static void shelf_destroy(void *user)
{
    shelf *s = user;

    s->destroyed++;
}

static void shelf_describe(void *user, char *text, size_t size)
{
    const shelf *s = user;

    (void)snprintf(text, size, "%s", s->why);
}

static lock_sync_guard_store store_of(shelf *s)
{
    return (lock_sync_guard_store){sizeof(lock_sync_guard_store), s, shelf_load, shelf_replace, shelf_destroy,
                                   s->why != NULL ? shelf_describe : NULL};
}

static lock_sync_guard *guard_of(shelf *s)
{
    lock_sync_guard_store store = store_of(s);
    lock_sync_guard *g;

    assert_int_equal(lock_sync_guard_new_with_store(&store, &g), LOCK_SYNC_OK);
    return g;
}

/* A refusal by the store: never a slot. */
static void check_refused(lock_sync_guard *g, const char *why)
{
    char text[256];
    int64_t wait_ms = 7;
    int64_t slot = 7;

    CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, &slot), LOCK_SYNC_E_GUARD);
    CHECK_INT(slot, 0);
    CHECK_INT(wait_ms, 0);
    (void)lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_HOLDS(text, why);
}

TEST(a_slot_its_answer_and_the_interval)
{
    shelf s = {.now_ms = 1000000};
    lock_sync_guard *g = guard_of(&s);
    lock_sync_guard *other = guard_of(&s);
    int64_t wait_ms;
    int64_t slot;

    CHECK_OK(lock_sync_guard_reserve(g, 30000, &wait_ms, &slot));
    CHECK_INT(slot, 1);
    CHECK_INT(s.room, LOCK_SYNC_GUARD_RECORD_MAX);
    CHECK_INT(s.size, LSYNC_GUARD_RECORD_SIZE);
    CHECK_INT(lock_sync_guard_reserve(other, 30000, &wait_ms, &slot), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(wait_ms, 50001); /* hold, interval, and the grain of a clock of ms */
    s.now_ms += 1000;
    CHECK_OK(lock_sync_guard_settle(other, 1, LOCK_SYNC_SLOT_SENT, -1));
    CHECK_INT(lock_sync_guard_reserve(g, 30000, &wait_ms, &slot), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(wait_ms, 20001);
    s.now_ms += 20000;
    CHECK_INT(lock_sync_guard_reserve(g, 30000, &wait_ms, &slot), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(wait_ms, 1);
    s.now_ms += 1;
    CHECK_OK(lock_sync_guard_reserve(g, 30000, &wait_ms, &slot));
    CHECK_INT(slot, 2);
    lock_sync_guard_unref(g);
    lock_sync_guard_unref(other);
    CHECK_INT(s.destroyed, 2);
}

TEST(another_was_faster)
{
    shelf s = {.now_ms = 1000000, .others_first = 5};
    lock_sync_guard *g = guard_of(&s);
    int64_t slot = 0;

    CHECK_OK(lock_sync_guard_reserve(g, 30000, NULL, &slot));
    CHECK_INT(slot, 1);
    CHECK_INT(s.loads, 6);
    CHECK_INT(s.replaces, 6);
    lock_sync_guard_unref(g);
}

TEST(another_is_always_faster)
{
    shelf s = {.now_ms = 1000000, .never_replaces = true};
    lock_sync_guard *g = guard_of(&s);

    check_refused(g, "others changed");
    CHECK(s.replaces >= 10 && s.replaces <= 1000);
    CHECK_INT(s.size, 0);
    CHECK_INT(lock_sync_guard_settle(g, 1, LOCK_SYNC_SLOT_SENT, -1), LOCK_SYNC_OK); /* none of ours: nothing to write */
    lock_sync_guard_unref(g);
}

TEST(a_failing_store_never_gives_a_slot)
{
    for (lock_sync_status failure = LOCK_SYNC_OK + 1; failure <= LOCK_SYNC_E_BUSY + 5; failure++) {
        shelf s = {.now_ms = 1000000, .load_fails = failure};
        lock_sync_guard *g = guard_of(&s);

        t_row("failure %d", (int)failure);
        check_refused(g, "load");
        s.load_fails = LOCK_SYNC_OK;
        s.replace_fails = failure;
        check_refused(g, "replace");
        CHECK_INT(lock_sync_guard_settle(g, 1, LOCK_SYNC_SLOT_LIMITED, -1), LOCK_SYNC_E_GUARD);
        s.replace_fails = LOCK_SYNC_OK;
        CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
        lock_sync_guard_unref(g);
    }
}

TEST(the_cause_is_told)
{
    shelf s = {.now_ms = 1000000, .load_fails = LOCK_SYNC_E_NETWORK, .why = "db 7 is\ndown\t!"};
    lock_sync_guard *g = guard_of(&s);
    char text[256];
    char small[10];
    size_t length;

    CHECK_INT(lock_sync_guard_error_message(g, text, sizeof text), 0);
    CHECK_TEXT(text, "");
    check_refused(g, "down");
    length = lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_INT(length, strlen(text));
    CHECK(strpbrk(text, "\r\n\t") == NULL);
    CHECK_INT(lock_sync_guard_error_message(g, small, sizeof small), length); /* cut */
    CHECK_INT(strlen(small), sizeof small - 1);
    CHECK(strncmp(text, small, sizeof small - 1) == 0);
    CHECK_INT(lock_sync_guard_error_message(g, small, 1), length);
    CHECK_TEXT(small, "");
    CHECK_INT(lock_sync_guard_error_message(g, NULL, 0), length);
    s.why = "";
    check_refused(g, "E_NETWORK"); /* nothing to say: the status speaks */
    lock_sync_guard_unref(g);
}

TEST(a_long_cause_is_cut)
{
    char *why = t_repeat('w', 5000);
    shelf s = {.now_ms = 1, .replace_fails = LOCK_SYNC_E_SERVER, .why = why};
    lock_sync_guard *g = guard_of(&s);

    check_refused(g, "wwww");
    CHECK(lock_sync_guard_error_message(g, NULL, 0) < 300);
    lock_sync_guard_unref(g);
    free(why);
}

TEST(a_damaged_record_is_not_free_to_go)
{
    static const struct {
        const char *name;
        size_t size;
        size_t flip; /* a byte, from 1 */
    } rows[] = {{"one byte", 1, 0}, {"cut", LSYNC_GUARD_RECORD_SIZE - 1, 0}, {"longer", LSYNC_GUARD_RECORD_SIZE + 1, 0},
                {"all the room", LOCK_SYNC_GUARD_RECORD_MAX, 0}, {"more than the room", LOCK_SYNC_GUARD_RECORD_MAX + 1, 0},
                {"beyond all sense", SIZE_MAX, 0}, {"first byte", LSYNC_GUARD_RECORD_SIZE, 1},
                {"last byte", LSYNC_GUARD_RECORD_SIZE, LSYNC_GUARD_RECORD_SIZE}};

    for (size_t i = 0; i < T_COUNT(rows); i++) {
        shelf s = {.now_ms = 1000000};
        lock_sync_guard *g = guard_of(&s);

        t_row("%s", rows[i].name);
        CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
        if (rows[i].flip > 0)
            s.record[rows[i].flip - 1] ^= 0x20;
        s.size = rows[i].size;
        s.now_ms += 100000;
        check_refused(g, "damaged");
        CHECK_INT(s.replaces, 1); /* and it is left as it is */
        lock_sync_guard_unref(g);
    }
}

TEST(a_time_out_of_sense_is_not_free_to_go)
{
    static const struct {
        int64_t now_ms;
        bool good;
    } rows[] = {{0, false}, {-1, false}, {INT64_MIN, false}, {INT64_MAX, false}, {INT64_MAX / 1000, false},
                {(INT64_C(1) << 50) + 1, false}, {1, true}, {INT64_C(1) << 50, true}, {1700000000000, true}};

    for (size_t i = 0; i < T_COUNT(rows); i++) {
        shelf s = {.now_ms = rows[i].now_ms};
        lock_sync_guard *g = guard_of(&s);

        t_row("now %lld", (long long)rows[i].now_ms);
        if (rows[i].good)
            CHECK_OK(lock_sync_guard_reserve(g, 86400000, NULL, NULL));
        else
            check_refused(g, "time");
        lock_sync_guard_unref(g);
    }
}

TEST(a_time_that_goes_back)
{
    shelf s = {.now_ms = INT64_C(1700000000000)};
    lock_sync_guard *g = guard_of(&s);
    int64_t wait_ms;
    int64_t slot;

    CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, &slot));
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
    s.now_ms = 5000;
    CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK(wait_ms >= 20000 && wait_ms <= 20001);
    s.now_ms += wait_ms;
    CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, NULL));
    lock_sync_guard_unref(g);
}

TEST(the_struct_says_how_long_it_is)
{
    static const struct {
        size_t size;
        bool good;
        bool destroys;
        bool describes;
    } rows[] = {
        {0, false, false, false},
        {offsetof(lock_sync_guard_store, load), false, false, false},
        {offsetof(lock_sync_guard_store, replace), false, false, false},
        {offsetof(lock_sync_guard_store, destroy) - 1, false, false, false},
        {offsetof(lock_sync_guard_store, destroy), true, false, false},
        {offsetof(lock_sync_guard_store, describe), true, true, false},
        {sizeof(lock_sync_guard_store), true, true, true},
        {sizeof(lock_sync_guard_store) + 64, true, true, true}, /* of a newer header */
    };

    for (size_t i = 0; i < T_COUNT(rows); i++) {
        shelf s = {.now_ms = 1000000, .load_fails = LOCK_SYNC_E_SERVER, .why = "told"};
        lock_sync_guard *g = (lock_sync_guard *)&s;
        struct {
            lock_sync_guard_store store;
            char more[64];
        } longer = {store_of(&s), {0}};

        t_row("size %zu", rows[i].size);
        longer.store.struct_size = rows[i].size;
        CHECK_INT(lock_sync_guard_new_with_store(&longer.store, &g),
                  rows[i].good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK((g != NULL) == rows[i].good);
        if (g != NULL)
            check_refused(g, rows[i].describes ? "told" : "E_SERVER");
        lock_sync_guard_unref(g);
        CHECK_INT(s.destroyed, rows[i].destroys);
    }
}

TEST(what_is_needed_is_needed)
{
    shelf s = {.now_ms = 1};
    lock_sync_guard_store store = store_of(&s);
    lock_sync_guard *g = NULL;

    CHECK_INT(lock_sync_guard_new_with_store(NULL, &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_new_with_store(&store, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    store.load = NULL;
    CHECK_INT(lock_sync_guard_new_with_store(&store, &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    store = store_of(&s);
    store.replace = NULL;
    CHECK_INT(lock_sync_guard_new_with_store(&store, &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(g == NULL);
    CHECK_INT(s.destroyed, 0);
    store = store_of(&s);
    store.destroy = NULL;
    CHECK_OK(lock_sync_guard_new_with_store(&store, &g));
    lock_sync_guard_unref(g);
}

TEST(destroyed_once_by_the_last_reference)
{
    shelf s = {.now_ms = 1000000};
    lock_sync_guard *g = guard_of(&s);
    lock_sync_ctx *ctx = t_ctx();

    CHECK_OK(lock_sync_set_guard(ctx, g));
    CHECK_OK(lock_sync_set_guard(ctx, g)); /* the same again */
    lock_sync_guard_unref(g);
    CHECK_INT(s.destroyed, 0);
    CHECK_OK(lock_sync_set_guard(ctx, NULL));
    CHECK_INT(s.destroyed, 1);
    lock_sync_ctx_free(ctx);
    CHECK_INT(s.destroyed, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_slot_its_answer_and_the_interval),
        T(another_was_faster),
        T(another_is_always_faster),
        T(a_failing_store_never_gives_a_slot),
        T(the_cause_is_told),
        T(a_long_cause_is_cut),
        T(a_damaged_record_is_not_free_to_go),
        T(a_time_out_of_sense_is_not_free_to_go),
        T(a_time_that_goes_back),
        T(the_struct_says_how_long_it_is),
        T(what_is_needed_is_needed),
        T(destroyed_once_by_the_last_reference),
    };

    return T_MAIN(tests);
}
