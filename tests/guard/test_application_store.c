/* A guard over a store of the application's own: what the store may do, and what the guard makes of it. The store is a
   record in memory with a clock that the test sets. */
#include "contexts.h"
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
    const char *source;  /* for look, as the next */
    const char *warning;
    int64_t empty_since_us;
    int64_t expires_in_ms; /* of the last swap */
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

/* Another user makes the record, or writes it again. */
static void write_as_another(shelf *s)
{
    lsync_guard_stored stored = {0};

    if (!lsync_guard_unpack(s->record, s->size, &stored))
        lsync_guard_record_init(&stored.record);
    stored.record.version += 100;
    lsync_guard_pack(&stored, s->record);
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
    return (lock_sync_guard_store){.struct_size = sizeof(lock_sync_guard_store),
                                   .user = s,
                                   .load = shelf_load,
                                   .replace = shelf_replace,
                                   .destroy = shelf_destroy,
                                   .describe = s->why != NULL ? shelf_describe : NULL};
}

/* The same with the two functions of a store that knows more of itself. */
static lock_sync_status shelf_look(void *user, lock_sync_guard_look *look)
{
    const shelf *s = user;
    int64_t now_ms = 0;
    lock_sync_status status = shelf_load(user, look->record, &look->size, &now_ms);

    look->now_us = now_ms * 1000 + 7;
    if (s->source != NULL)
        memcpy(look->source, s->source, strlen(s->source));
    if (s->warning != NULL)
        (void)snprintf(look->warning, sizeof look->warning, "%s", s->warning);
    if (s->empty_since_us != 0)
        look->empty_since_us = s->empty_since_us;
    return status;
}

static lock_sync_status shelf_swap(void *user, const void *old_record, size_t old_size, const void *new_record,
                                   size_t new_size, int64_t expires_in_ms, bool *replaced)
{
    shelf *s = user;

    s->expires_in_ms = expires_in_ms;
    return shelf_replace(user, old_record, old_size, new_record, new_size, replaced);
}

static lock_sync_guard *looking_guard_of(shelf *s)
{
    lock_sync_guard_store store = {.struct_size = sizeof store, .user = s, .look = shelf_look, .swap = shelf_swap};
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new_with_store(&store, &g));
    return g;
}

static lock_sync_guard *guard_of(shelf *s)
{
    lock_sync_guard_store store = store_of(s);
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new_with_store(&store, &g));
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
    int64_t first;

    CHECK_OK(lock_sync_guard_reserve(g, 30000, &wait_ms, &first));
    CHECK(first > 0);
    CHECK_INT(s.room, LOCK_SYNC_GUARD_RECORD_MAX);
    CHECK_INT(s.size, LSYNC_GUARD_RECORD_SIZE);
    CHECK_INT(lock_sync_guard_reserve(other, 30000, &wait_ms, &slot), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(wait_ms, 50001); /* hold, interval, and the grain of a clock of ms */
    s.now_ms += 1000;
    CHECK_OK(lock_sync_guard_settle(other, first, LOCK_SYNC_SLOT_SENT, -1));
    CHECK_INT(lock_sync_guard_reserve(g, 30000, &wait_ms, &slot), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(wait_ms, 20001);
    s.now_ms += 20000;
    CHECK_INT(lock_sync_guard_reserve(g, 30000, &wait_ms, &slot), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(wait_ms, 1);
    s.now_ms += 1;
    CHECK_OK(lock_sync_guard_reserve(g, 30000, &wait_ms, &slot));
    CHECK(slot > 0 && slot != first);
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
    CHECK(slot > 0);
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
        CHECK_INT(lock_sync_guard_reserve(g, 0, NULL, NULL), LOCK_SYNC_E_TOO_SOON); /* the 429 was kept */
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

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
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

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
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

TEST(an_outcome_that_cannot_be_written_is_kept)
{
    shelf s = {.now_ms = 1000000};
    lock_sync_guard *g = guard_of(&s);
    lock_sync_guard *other = guard_of(&s);
    int64_t wait_ms;
    int64_t slot;

    CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, &slot));
    s.load_fails = LOCK_SYNC_E_NETWORK;
    CHECK_INT(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, 3600000), LOCK_SYNC_E_GUARD);
    s.load_fails = LOCK_SYNC_OK;
    s.now_ms += 100000;
    CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK(wait_ms > 3590000); /* it was dated when it came, a moment ago by the object's own clock */
    CHECK_INT(lock_sync_guard_reserve(other, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON); /* and all know it now */
    CHECK(wait_ms > 3590000);
    lock_sync_guard_unref(g);
    lock_sync_guard_unref(other);
}

TEST(the_last_reference_tries_once_more)
{
    shelf s = {.now_ms = 1000000};
    lock_sync_guard *g = guard_of(&s);
    lock_sync_guard *other = guard_of(&s);
    int64_t slot;

    CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, &slot));
    s.replace_fails = LOCK_SYNC_E_NETWORK;
    CHECK_INT(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, 3600000), LOCK_SYNC_E_GUARD);
    s.replace_fails = LOCK_SYNC_OK;
    lock_sync_guard_unref(g);
    s.now_ms += 100000;
    CHECK_INT(lock_sync_guard_reserve(other, 1000, NULL, NULL), LOCK_SYNC_E_TOO_SOON);
    lock_sync_guard_unref(other);
}

TEST(a_store_that_knows_its_source_tells_of_a_loss)
{
    shelf s = {.now_ms = 1000000, .source = "first life", .warning = "it forgets", .why = "down"};
    lock_sync_guard *g = looking_guard_of(&s);
    lock_sync_guard *newcomer;
    char text[256];
    int64_t wait_ms;
    int64_t slot;

    CHECK_INT(lock_sync_guard_warning(g, text, sizeof text), 0);
    CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, &slot));
    CHECK(s.expires_in_ms > 3600000 && s.expires_in_ms < 7300000);
    CHECK_INT(lock_sync_guard_warning(g, text, sizeof text), strlen("it forgets"));
    CHECK_TEXT(text, "it forgets");
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
    s.source = "second life";
    s.now_ms += 60000;
    newcomer = looking_guard_of(&s); /* has seen nothing, and finds a record of another life */
    CHECK_INT(lock_sync_guard_reserve(newcomer, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(wait_ms, 50000); /* 30 s, as long as others may hold by default, and the interval */
    s.now_ms += 49999;
    CHECK_INT(lock_sync_guard_reserve(newcomer, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(wait_ms, 1);
    s.now_ms += 1;
    CHECK_OK(lock_sync_guard_reserve(newcomer, 1000, NULL, NULL));
    lock_sync_guard_unref(newcomer);
    lock_sync_guard_unref(g);
}

TEST(an_absent_record_may_be_a_lost_one)
{
    shelf s = {.now_ms = 1000000, .source = "a life", .empty_since_us = 999000 * INT64_C(1000)};
    lock_sync_guard *g = looking_guard_of(&s);
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_FAIL);
    int64_t wait_ms;

    CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(wait_ms, 49000);
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_HOLDS(t_error_message(ctx), "first use of this Redis database");
    CHECK_HOLDS(t_error_message(ctx), "49 s");
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

static void note_warning(void *user, lock_sync_log_level level, const char *message)
{
    if (level == LOCK_SYNC_LOG_WARNING && strcmp(message, "it forgets") == 0)
        ++*(size_t *)user;
}

TEST(a_context_logs_the_warning_once)
{
    shelf s = {.now_ms = 1000000, .warning = "it forgets"};
    lock_sync_guard *g = looking_guard_of(&s);
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_FAIL);
    size_t warnings = 0;

    CHECK_OK(lock_sync_set_logger(ctx, note_warning, &warnings));
    CHECK_OK(fetch_all(ctx));
    s.warning = NULL;
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(warnings, 1);
    lock_sync_ctx_free(ctx);
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
        {offsetof(lock_sync_guard_store, look), true, true, true},
        {sizeof(lock_sync_guard_store), true, true, true},
        {sizeof(lock_sync_guard_store) + 64, true, true, true}, /* of a newer header */
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
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
    store.load = NULL;
    store.look = shelf_look;
    CHECK_INT(lock_sync_guard_new_with_store(&store, &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    store.swap = shelf_swap;
    store.struct_size = offsetof(lock_sync_guard_store, swap);
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
        T(an_outcome_that_cannot_be_written_is_kept),
        T(the_last_reference_tries_once_more),
        T(a_store_that_knows_its_source_tells_of_a_loss),
        T(an_absent_record_may_be_a_lost_one),
        T(a_context_logs_the_warning_once),
        T(the_struct_says_how_long_it_is),
        T(what_is_needed_is_needed),
        T(destroyed_once_by_the_last_reference),
    };

    return T_MAIN(tests);
}
