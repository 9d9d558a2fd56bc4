/* Which texts the library accepts as JSON. Each text of json_cases.c is the whole body, a field of a record, or a
   value of an unknown key. Both decoders read it: the direct one and that of the tree. The rule is RFC 8259, and
   jansson's limits where the RFC allows limits. */
#include "direct.h"
#include "json_cases.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An unknown key at the top makes the direct decoder give up. */
#define TREE_ONLY "\"_\":0,"

/* Places of a text in a good response: only closing brackets follow it. `depth`: the number of brackets around it. */
typedef struct place {
    const char *name;
    const char *before;
    const char *after;
    size_t depth;
} place;

static const place places[] = {
    {"as a field", "{\"result\":[{\"id\":7,\"revision\":", "}]}", 3},
    {"as a field of the state", "{\"result\":[{\"id\":7,\"deviceState\":{\"state\":", "}}]}", 4},
    {"as the state", "{\"result\":[{\"id\":7,\"deviceState\":", "}]}", 3},
    {"under an unknown key of a record", "{\"result\":[{\"id\":7,\"x\":", "}]}", 3},
    {"under an unknown key of the body", "{\"result\":[{\"id\":7}],\"x\":", "}", 1},
};

typedef struct body {
    char *at;
    size_t size;
} body;

/* Puts the row's text in its place, in a block of exactly that size. */
static body put(const char *row, size_t size, const place *p, bool tree_only)
{
    size_t extra = tree_only ? strlen(TREE_ONLY) : 0;
    size_t begin = strlen(p->before) + extra;
    body t = {NULL, begin + size + strlen(p->after)};

    t.at = malloc(t.size);
    MUST(t.at != NULL);
    t.at[0] = p->before[0];
    memcpy(t.at + 1, TREE_ONLY, extra);
    memcpy(t.at + 1 + extra, p->before + 1, strlen(p->before) - 1);
    memcpy(t.at + begin, row, size);
    memcpy(t.at + begin + size, p->after, strlen(p->after));
    return t;
}

/* Expects one record with id 7 that is equal to *want (NULL: any). */
static void check_record(const lock_sync_results *r, const lock_sync_lock *want)
{
    CHECK_INT(lock_sync_results_count(r), 1);
    CHECK_INT(lock_sync_lock_id(lock_sync_results_at(r, 0)), 7);
    if (want != NULL && lock_sync_results_count(r) == 1)
        CHECK(t_same_lock(lock_sync_results_at(r, 0), want));
}

static void check_response(lock_sync_ctx *ctx, const body *t, bool is_sound, lock_sync_results **r)
{
    t_response a = {.body = t->size == 0 ? NULL : t->at, .size = t->size};

    CHECK_INT(t_decode(ctx, &a, r), is_sound ? LOCK_SYNC_OK : LOCK_SYNC_E_MALFORMED);
    if (is_sound)
        CHECK_INT(t_error_offset(ctx), -1);
    else
        CHECK(t_error_offset(ctx) >= 0 && t_error_offset(ctx) <= (int64_t)t->size);
}

/* Decodes a text in a place by both decoders, and compares their statuses and records. Returns whether the direct
   decoder decoded it. */
static bool check_in_place(lock_sync_ctx *ctx, const char *row, size_t size, bool is_sound, const place *p)
{
    body plain = put(row, size, p, false);
    body other = put(row, size, p, true);
    lock_sync_results *r;
    lock_sync_results *by_tree;
    lock_sync_results *direct = direct_decode(ctx, &(t_response){.body = plain.at, .size = plain.size});
    bool took = direct != NULL;

    check_response(ctx, &plain, is_sound, &r);
    check_response(ctx, &other, is_sound, &by_tree);
    if (is_sound) {
        check_record(by_tree, NULL);
        check_record(r, lock_sync_results_at(by_tree, 0));
    }
    if (took) {
        CHECK(is_sound);
        check_record(direct, lock_sync_results_at(by_tree, 0));
    }
    lock_sync_results_free(direct);
    lock_sync_results_free(by_tree);
    lock_sync_results_free(r);
    free(plain.at);
    free(other.at);
    return took;
}

/* Checks that a whole body of sound JSON is malformed too, because it has no result. */
static void check_alone(lock_sync_ctx *ctx, const json_case *row)
{
    body t = {(char *)(uintptr_t)row->text, row->size};
    t_response a = {.body = row->size == 0 ? NULL : row->text, .size = row->size};
    lock_sync_results *r;

    if (row->is_sound) {
        CHECK_INT(t_decode_status(ctx, &a), LOCK_SYNC_E_MALFORMED);
        CHECK_INT(t_error_offset(ctx), -1);
    } else {
        check_response(ctx, &t, false, &r);
    }
    a.http = 503;
    CHECK_INT(t_decode_status(ctx, &a), LOCK_SYNC_E_SERVER); /* the body of a failure may be anything */
    CHECK_INT(t_error_offset(ctx), -1);
}

TEST_WITH_CTX(each_text_is_accepted_or_rejected_at_every_place)
{
    size_t direct = 0;

    for (size_t i = 0; i < json_case_count; i++) {
        const json_case *row = &json_cases[i];

        t_row("%s, alone", row->name);
        check_alone(ctx, row);
        for (size_t k = 0; k < COUNT_OF(places); k++) {
            t_row("%s, %s", row->name, places[k].name);
            direct += check_in_place(ctx, row->text, row->size, row->is_sound, &places[k]);
        }
    }
    CHECK(direct >= 20); /* otherwise the direct decoder was hardly tested */
    print_message("%zu texts, each alone and in %zu places, directly and by the tree\n", json_case_count,
                  COUNT_OF(places));
}

/* Each byte in a string, plain and after a backslash. */
TEST_WITH_CTX(each_byte_in_a_string_is_accepted_or_rejected)
{
    for (int byte = 0; byte <= 0xff; byte++) {
        char plain[] = {'"', 'a', (char)byte, ' ', '"'};
        char escaped[] = {'"', 'a', '\\', (char)byte, ' ', '"'};
        bool plain_is_sound = byte != '"' && byte != '\\' && byte >= 0x20 && byte < 0x80;
        bool escaped_is_sound = byte != 0 && strchr("\"\\/bfnrt", byte) != NULL;

        for (size_t k = 0; k < COUNT_OF(places); k++) {
            t_row("byte %02x %s", (unsigned)byte, places[k].name);
            (void)check_in_place(ctx, plain, sizeof plain, plain_is_sound, &places[k]);
            (void)check_in_place(ctx, escaped, sizeof escaped, escaped_is_sound, &places[k]);
        }
    }
}

/* Makes a text of `n` times `open`, `inside`, `n` times `close`; free() it. */
static char *nest(size_t n, const char *open, const char *inside, const char *close)
{
    char *text = malloc(n * (strlen(open) + strlen(close)) + strlen(inside) + 1);
    char *at = text;

    MUST(text != NULL);
    for (size_t i = 0; i < n; i++, at += strlen(open))
        memcpy(at, open, strlen(open));
    memcpy(at, inside, strlen(inside));
    at += strlen(inside);
    for (size_t i = 0; i < n; i++, at += strlen(close))
        memcpy(at, close, strlen(close));
    *at = '\0';
    return text;
}

/* Each `open` begins with its bracket and is one level. */
static const struct {
    const char *open;
    const char *innermost;
    const char *close;
} shapes[] = {
    {"[", "[]", "]"},
    {"{\"a\":", "{}", "}"},
    {"[", "[ ]", ",\"\\u20ac\"\n]"},
    {"{ \"a\" : ", "{ }", " , \"\":null}"},
};

static void check_nested(lock_sync_ctx *ctx, size_t n, size_t shape, const char *inside, bool is_sound, const place *p)
{
    char *row = nest(n, shapes[shape].open, inside, shapes[shape].close);

    (void)check_in_place(ctx, row, strlen(row), is_sound, p);
    if (!is_sound)
        CHECK_HOLDS(t_error_message(ctx), "nested too deep");
    free(row);
}

TEST_WITH_CTX(depth_2048_is_read_and_2049_is_not)
{
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        for (size_t k = 0; k < COUNT_OF(places); k++) {
            size_t left = 2048 - places[k].depth;

            t_row("%s, %s", shapes[i].open, places[k].name);
            check_nested(ctx, left - 1, i, shapes[i].innermost, true, &places[k]);
            check_nested(ctx, left, i, shapes[i].innermost, false, &places[k]);
            check_nested(ctx, left, i, "7", false, &places[k]); /* jansson counts it as a level */
        }
    }
}

#define BOMB_LEVELS 1000000
#define BOMB_STACK_BYTES (256 * 1024)

static void *explode(void *user)
{
    lock_sync_ctx *ctx = user;

    for (size_t i = 0; i < 2; i++) {
        char *bomb = nest(BOMB_LEVELS, shapes[i].open, shapes[i].innermost, shapes[i].close);
        size_t step = strlen(shapes[i].open);
        body alone = {bomb, strlen(bomb)};
        lock_sync_results *r;

        for (int closed = 0; closed < 2; closed++) {
            t_row("%s, alone, %s", shapes[i].open, closed ? "closed" : "cut");
            alone.size = closed ? strlen(bomb) : BOMB_LEVELS * step;
            check_response(ctx, &alone, false, &r);
            for (size_t k = 0; k < COUNT_OF(places); k++) {
                t_row("%s, %s, %s", shapes[i].open, places[k].name, closed ? "closed" : "cut");
                (void)check_in_place(ctx, bomb, alone.size, false, &places[k]);
            }
        }
        free(bomb);
    }
    return NULL;
}

TEST_WITH_CTX(a_million_levels_are_rejected_on_a_small_stack)
{
    pthread_attr_t small;
    pthread_t thread;

    MUST_INT(pthread_attr_init(&small), 0);
    MUST_INT(pthread_attr_setstacksize(&small, BOMB_STACK_BYTES), 0);
    MUST_INT(pthread_create(&thread, &small, explode, ctx), 0);
    MUST_INT(pthread_join(thread, NULL), 0);
    MUST_INT(pthread_attr_destroy(&small), 0);
}
