/* Base: the capped buffer, the order of ids compared with qsort, sizes that overflow, wiping, log lines, time spans,
   random numbers. */
#include "base/buffer.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/order.h"
#include "base/random.h"
#include "../support/fake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* --- buffer --- */

TEST(a_buffer_grows_to_its_cap_and_no_further)
{
    static const size_t caps[] = {0, 1, 2, 4095, 4096, 4097, 8191, 8192, 8193, 100000};
    static const size_t chunks[] = {1, 7, 4096, 5000};

    for (size_t c = 0; c < COUNT_OF(caps); c++) {
        for (size_t k = 0; k < COUNT_OF(chunks); k++) {
            t_heap heap = {0};
            lock_sync_allocator memory = t_heap_allocator(&heap);
            char *text = t_repeat('t', chunks[k]);
            lsync_buffer b;
            size_t size = 0;

            t_row("cap %zu, by %zu", caps[c], chunks[k]);
            lsync_buffer_init(&b, &memory, caps[c]);
            CHECK(b.data == NULL && b.size == 0);
            for (; size + chunks[k] <= caps[c]; size += chunks[k])
                if (!CHECK_OK(lsync_buffer_append(&b, text, chunks[k])))
                    break;
            CHECK_INT(b.size, size);
            CHECK_INT(lsync_buffer_append(&b, text, caps[c] - size + 1), LOCK_SYNC_E_TOO_LARGE);
            CHECK_INT(lsync_buffer_append(&b, text, SIZE_MAX), LOCK_SYNC_E_TOO_LARGE);
            CHECK_INT(b.size, size); /* unchanged */
            CHECK_OK(lsync_buffer_append(&b, NULL, 0));
            if (caps[c] - size <= chunks[k])
                CHECK_OK(lsync_buffer_append(&b, text, caps[c] - size)); /* exactly full */
            CHECK(heap.bytes <= caps[c] * 2 + 8192);
            for (size_t i = 0; i < b.size; i++)
                if (b.data[i] != 't')
                    CHECK_INT(b.data[i], 't');
            lsync_buffer_free(&b);
            CHECK(b.data == NULL && b.size == 0);
            lsync_buffer_free(&b);
            t_heap_check_empty(&heap);
            free(text);
        }
    }
}

/* --- order --- */

/* A record with an id, as the locks of results are. */
typedef struct entry {
    int64_t id;
    size_t place;
    char more[11];
} entry;

static int by_id_then_place(const void *a, const void *b)
{
    const entry *x = a;
    const entry *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* Compares the order with qsort's. Looks up each id, ids between two, and the least and greatest number. */
static void check_order(const entry *entries, size_t n)
{
    lsync_ids ids = {&entries->id, sizeof entries[0], n};
    uint32_t *order = calloc(n + 1, sizeof *order);
    entry *sorted = calloc(n + 1, sizeof *sorted);
    bool ascend = true;
    size_t first = 0; /* the first of equal ids */
    size_t wrong = 0;

    MUST(order != NULL && sorted != NULL);
    memcpy(sorted, entries, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_id_then_place);
    order[n] = 0xabababab;
    lsync_order_by_id(&ids, order);
    for (size_t i = 0; i < n; i++) {
        int64_t id = sorted[i].id;

        first = i > 0 && sorted[i - 1].id == id ? first : i;
        ascend = ascend && (i == 0 || entries[i - 1].id < entries[i].id);
        wrong += order[i] != sorted[i].place || lsync_id_at(&ids, sorted[i].place) != id;
        wrong += lsync_order_find(&ids, order, id) != sorted[first].place;
        if (i + 1 < n && sorted[i + 1].id - 1 > id)
            wrong += lsync_order_find(&ids, order, id + 1) != LSYNC_NOT_FOUND;
    }
    CHECK_INT(order[n], 0xabababab);
    CHECK_INT(lsync_ids_ascend(&ids), ascend);
    for (size_t i = 0; ascend && i < n; i++)
        wrong += lsync_order_find(&ids, NULL, entries[i].id) != i;
    if (n == 0 || sorted[0].id > INT64_MIN)
        wrong += lsync_order_find(&ids, order, INT64_MIN) != LSYNC_NOT_FOUND;
    if (n == 0 || sorted[n - 1].id < INT64_MAX)
        wrong += lsync_order_find(&ids, order, INT64_MAX) != LSYNC_NOT_FOUND;
    CHECK_INT(wrong, 0);
    free(sorted);
    free(order);
}

TEST(random_ids_are_ordered_as_by_qsort)
{
    static const struct {
        size_t n;
        uint64_t range; /* ids are 0 .. range - 1; 0: any 64 bits */
        int rounds;
    } table[] = {
        {0, 0, 1},   {1, 0, 20},   {2, 3, 50},   {3, 3, 100}, {4, 4, 100},  {5, 2, 100},    {9, 4, 50},
        {31, 0, 20}, {32, 10, 20}, {33, 33, 20}, {100, 1, 2}, {257, 0, 10}, {1000, 500, 5}, {5000, 100000, 2},
    };
    uint64_t seed = 99;

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        entry *entries = calloc(table[i].n + 1, sizeof *entries);

        MUST(entries != NULL);
        for (int round = 0; round < table[i].rounds; round++) {
            t_row("%zu ids of %" PRIu64 ", round %d", table[i].n, table[i].range, round);
            for (size_t k = 0; k < table[i].n; k++) {
                uint64_t random = t_random(&seed);

                entries[k].id = (int64_t)(table[i].range == 0 ? random : random % table[i].range);
                entries[k].place = k;
            }
            check_order(entries, table[i].n);
        }
        free(entries);
    }
}

TEST(shaped_ids_are_ordered_as_by_qsort)
{
    enum { N = 200 };
    static const char *const shapes[] = {"ascending",     "descending",   "one out of place at the end",
                                         "sawtooth",      "all equal",    "organ pipe",
                                         "ends of int64", "one duplicate"};
    entry entries[N];

    for (size_t s = 0; s < COUNT_OF(shapes); s++) {
        t_row("%s", shapes[s]);
        for (size_t i = 0; i < N; i++) {
            int64_t k = (int64_t)i;
            const int64_t ids[] = {k,
                                   N - k,
                                   i == N - 1 ? -1 : k,
                                   k % 7,
                                   5,
                                   k < N / 2 ? k : N - k,
                                   i % 2 == 0 ? INT64_MIN + k : INT64_MAX - k,
                                   i == 120 ? 119 : k};

            entries[i] = (entry){.id = ids[s], .place = i};
        }
        check_order(entries, N);
    }
}

/* --- memory --- */

TEST(sizes_that_overflow_are_detected)
{
    static const struct {
        size_t a, b;
        bool mul, add;
    } table[] = {
        {0, 0, true, true},
        {0, SIZE_MAX, true, true},
        {1, SIZE_MAX, true, false},
        {SIZE_MAX, 1, true, false},
        {2, SIZE_MAX / 2, true, true},
        {2, SIZE_MAX / 2 + 1, false, true},
        {SIZE_MAX / 2 + 1, 2, false, true},
        {SIZE_MAX, SIZE_MAX, false, false},
        {SIZE_MAX / 2, SIZE_MAX / 2 + 1, false, true},
        {SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 1, false, false},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        size_t out = 7;

        t_row("%zu and %zu", table[i].a, table[i].b);
        CHECK_INT(lsync_size_mul(table[i].a, table[i].b, &out), table[i].mul);
        CHECK(out == (table[i].mul ? table[i].a * table[i].b : 7));
        out = 7;
        CHECK_INT(lsync_size_add(table[i].a, table[i].b, &out), table[i].add);
        CHECK(out == (table[i].add ? table[i].a + table[i].b : 7));
    }
}

TEST(a_block_of_several_arrays_is_aligned_and_does_not_overflow)
{
    size_t end = 13;
    size_t start = 0;

    CHECK(lsync_add_part(&end, 3, 5, &start));
    CHECK_INT(start, 16);
    CHECK_INT(end, 31);
    CHECK(lsync_add_part(&end, 0, 8, &start));
    CHECK_INT(end, 32);
    CHECK(!lsync_add_part(&end, SIZE_MAX / 2, 3, &start));
    CHECK(!lsync_add_part(&end, SIZE_MAX - 16, 1, &start));
    end = SIZE_MAX - 3;
    CHECK(!lsync_add_part(&end, 1, 1, &start));
}

TEST(memory_functions_accept_null_and_never_request_0_bytes)
{
    t_heap heap = {.secret = "hush"};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    char *text;

    lsync_free(&memory, NULL);
    lsync_free_secret(&memory, NULL);
    CHECK(lsync_strndup(&memory, "x", SIZE_MAX) == NULL);
    text = lsync_strndup(&memory, "", 0);
    CHECK_TEXT(text, "");
    lsync_free(&memory, text);
    text = lsync_strndup(&memory, "abcdef", 3);
    CHECK_TEXT(text, "abc");
    text = lsync_realloc(&memory, text, 50);
    CHECK_TEXT(text, "abc");
    lsync_free(&memory, text);
    text = lsync_realloc(&memory, NULL, 5); /* an allocation, not a reallocation of NULL */
    CHECK(text != NULL);
    memcpy(text, "hush", 5);
    lsync_free_secret(&memory, text);
    t_heap_check_empty(&heap);
}

TEST(wiping_clears_the_given_bytes)
{
    char text[] = "secret";

    lsync_wipe(text, 3);
    lsync_wipe(text + 3, 0);
    CHECK(memcmp(text, "\0\0\0ret", 7) == 0);
}

/* --- log --- */

TEST(a_secret_is_redacted_at_every_place)
{
    static const struct {
        const char *text;
        const char *secret;
        const char *after;
    } table[] = {
        {"a key, a key", "key", "a ***, a ***"},
        {"keykey", "key", "******"},
        {"a long key", "long key", "a ***"},
        {"ab", "ab", "**"},
        {"no key", "lock", "no key"},
        {"", "key", ""},
        {"no secret", "", "no secret"},
        {"no secret", NULL, "no secret"},
        {"aaaaa", "aaa", "***aa"},
        {"aXYbXYXYc", "XY", "a**b****c"},
        {"abab", "aba", "***b"},
        {"abcd abc", "abcd", "*** abc"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char text[32];

        t_row("%s", table[i].text);
        (void)snprintf(text, sizeof text, "%s", table[i].text);
        lsync_redact(text, table[i].secret);
        CHECK_TEXT(text, table[i].after);
    }
}

TEST(a_character_cut_short_at_the_end_is_dropped)
{
    static const struct {
        const char *text;
        const char *after;
    } table[] = {
        {"", ""},
        {"abc", "abc"},
        {"\xc3\xa9", "\xc3\xa9"},
        {"a\xc3", "a"},
        {"a\xe2\x82\xac", "a\xe2\x82\xac"},
        {"a\xe2\x82", "a"},
        {"a\xe2", "a"},
        {"a\xf0\x9f\x94\x92", "a\xf0\x9f\x94\x92"},
        {"a\xf0\x9f\x94", "a"},
        {"a\xf0", "a"},
        {"a\xc2", "a"}, /* here and in the next two rows the least character of each length */
        {"a\xe0\xa0", "a"},
        {"a\xf0\x90\x80", "a"},
        {"\x80", "\x80"}, /* not a cut character */
        {"\x80\x80\x80\x80", "\x80\x80\x80\x80"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char text[32];

        t_row("%zu", i);
        (void)snprintf(text, sizeof text, "%s", table[i].text);
        lsync_trim_utf8(text);
        CHECK_TEXT(text, table[i].after);
    }
}

TEST(a_log_message_is_one_line_of_bounded_length)
{
    char *longest = t_repeat('x', 10000);
    t_log log = {0};
    lsync_logger logger = {t_log_line, &log};
    lsync_logger silent = {NULL, NULL};

    lsync_log(&logger, LOCK_SYNC_LOG_WARNING, "a%s", "\r\nb\x1b[2J\x7f\tc \xc3\xa9");
    CHECK_TEXT(log.text, "a  b [2J  c \xc3\xa9\n");
    CHECK_INT(log.last_level, LOCK_SYNC_LOG_WARNING);
    lsync_log(&logger, LOCK_SYNC_LOG_DEBUG, "%s", longest);
    CHECK(strlen(log.text) > 2000 && strlen(log.text) < 5000);
    CHECK_INT(log.lines, 2);
    lsync_log(&silent, LOCK_SYNC_LOG_ERROR, "%s", "x");
    free(longest);
}

/* Tests run in the C locale, which has no multibyte form of a wide character beyond ASCII. */
TEST(a_text_that_cannot_be_formatted_is_neither_an_error_message_nor_logged)
{
    lock_sync_allocator memory;
    lock_sync_error e;
    t_log log = {0};
    lsync_logger logger = {t_log_line, &log};

    MUST(lsync_allocator_init(&memory, NULL));
    lsync_error_init(&e, &memory);
    CHECK_INT(lsync_error_set(&e, LOCK_SYNC_E_NETWORK, "half %ls", L"\xd800"), LOCK_SYNC_E_NETWORK);
    CHECK_TEXT(lock_sync_error_message(&e), lock_sync_status_message(LOCK_SYNC_E_NETWORK));
    lsync_error_clear(&e);
    lsync_log(&logger, LOCK_SYNC_LOG_ERROR, "half %ls", L"\xd800");
    CHECK_INT(log.lines, 0);
}

/* --- duration --- */

TEST(a_time_span_is_in_words_and_rounded_up)
{
    static const struct {
        int64_t ms;
        const char *text;
    } table[] = {
        {INT64_MIN, "0 s"},
        {-1, "0 s"},
        {0, "0 s"},
        {1, "1 s"},
        {1000, "1 s"},
        {1001, "2 s"},
        {58999, "59 s"},
        {59000, "59 s"},
        {59001, "1 min 0 s"},
        {60000, "1 min 0 s"},
        {185000, "3 min 5 s"},
        {3599000, "59 min 59 s"},
        {3599001, "1 h 0 min"},
        {3600000, "1 h 0 min"},
        {3600001, "1 h 1 min"},
        {3660000, "1 h 1 min"},
        {7439676, "2 h 4 min"},
        {86400000, "24 h 0 min"},
        {INT64_MAX, "2562047788015 h 13 min"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char text[LSYNC_DURATION_SIZE];

        t_row("%" PRId64 " ms", table[i].ms);
        lsync_duration_text(table[i].ms, text);
        CHECK_TEXT(text, table[i].text);
    }
}

/* --- random --- */

static bool has_entropy = true;

/* Replaces the system's function for the library in this program. */
int getentropy(void *buffer, size_t size)
{
    return has_entropy && getrandom(buffer, size, 0) == (ssize_t)size ? 0 : -1;
}

/* splitmix64 of known states. The number of the last state would be 0. */
TEST(random_numbers_follow_from_their_state)
{
    static const struct {
        uint64_t state;
        int64_t number;
    } table[] = {
        {0, INT64_C(8147104208329303767)},
        {1234567, INT64_C(3228913858555182658)},
        {UINT64_C(0) - UINT64_C(0x9e3779b97f4a7c15), 1},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lsync_random random = {table[i].state};

        t_row("%" PRIu64, table[i].state);
        CHECK_INT(lsync_random_next(&random), table[i].number);
    }
}

TEST(two_generators_draw_differently)
{
    for (int i = 0; i < 2; i++) {
        lsync_random one;
        lsync_random other;

        has_entropy = i == 0;
        t_row("%s", has_entropy ? "with a source of randomness" : "without");
        lsync_random_seed(&one);
        lsync_random_seed(&other);
        CHECK(one.state != other.state);
        CHECK(lsync_random_next(&one) != lsync_random_next(&other));
    }
    has_entropy = true;
}
