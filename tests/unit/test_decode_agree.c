/* Answers are read in one pass where they have the documented shape, else through a tree. Both ways must come to the
   same: an unknown member in the envelope, which only the second way takes, changes no status, place or record. */
#include "../support/decoding.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXTRA "\"_\":0,"
#define EXTRA_SIZE (sizeof EXTRA - 1)

typedef struct outcome {
    lock_sync_status status;
    int64_t offset;
    lock_sync_results *r;
} outcome;

static outcome decode(lock_sync_ctx *ctx, const t_answer *question, const char *body, size_t size)
{
    t_answer a = *question;
    outcome o;

    a.body = body;
    a.size = size;
    o.status = t_decode(ctx, &a, &o.r);
    o.offset = t_error_offset(ctx);
    return o;
}

static bool same_results(const lock_sync_results *a, const lock_sync_results *b)
{
    size_t n = lock_sync_results_count(a);
    size_t missing = lock_sync_results_missing_count(a);

    if (n != lock_sync_results_count(b) || missing != lock_sync_results_missing_count(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!t_same_lock(lock_sync_results_at(a, i), lock_sync_results_at(b, i)) ||
            lock_sync_results_find(a, lock_sync_results_at(a, i)->id) != lock_sync_results_at(a, i))
            return false;
    for (size_t i = 0; i < missing; i++)
        if (lock_sync_results_missing_at(a, i) != lock_sync_results_missing_at(b, i))
            return false;
    return true;
}

/* Decodes a body as it is, and with the unknown member at its beginning. The body begins with '{'. One whose object is
   empty is passed over: behind its comma the extra member would need another. */
static bool agrees(lock_sync_ctx *ctx, const t_answer *question, const char *body, size_t size, bool *good)
{
    char *with_extra;
    outcome one;
    outcome other;
    bool same;
    size_t first = 1;

    *good = false;
    while (first < size && strchr(" \t\r\n", body[first]) != NULL && body[first] != '\0')
        first++;
    if (first < size && body[first] == '}')
        return true;
    with_extra = malloc(size + EXTRA_SIZE);
    MUST(with_extra != NULL);
    with_extra[0] = '{';
    memcpy(with_extra + 1, EXTRA, EXTRA_SIZE);
    memcpy(with_extra + 1 + EXTRA_SIZE, body + 1, size - 1);
    one = decode(ctx, question, body, size);
    other = decode(ctx, question, with_extra, size + EXTRA_SIZE);
    same = one.status == other.status && same_results(one.r, other.r) &&
           (one.offset <= 0 ? one.offset == other.offset : one.offset + (int64_t)EXTRA_SIZE == other.offset);
    *good = one.status == LOCK_SYNC_OK;
    lock_sync_results_free(one.r);
    lock_sync_results_free(other.r);
    free(with_extra);
    return same;
}

static const int64_t some[] = {12, 7, 99};

static const struct {
    const char *name;
    t_answer question;
    const char *body;
} samples[] = {
    {"all locks", {0},
     "{\"result\":[{\"id\":12,\"isConnected\":true,\"deviceState\":{\"state\":6,\"doorState\":3,\"isCharging\":false,"
     "\"batteryLevel\":54,\"stateChangeResult\":0,\"lastStateChangedDate\":\"2021-04-26T06:02:04.197Z\"},"
     "\"revision\":1},{\"id\":7,\"isConnected\":false,\"deviceState\":null,\"revision\":22},"
     "{\"id\":8,\"isConnected\":0}],\"success\":true,\"errorMessages\":[],\"statusCode\":200}"},
    {"old shape, asked by id", {.ids = some, .n = 3},
     "{ \"statusCode\": 200, \"success\": true,\n \"result\": [ { \"revision\": 5, \"lockProperties\":\n"
     "{ \"state\": 2, \"x\": \"y\", \"isCharging\": 1, \"batteryLevel\": 255,\n"
     "\"lastStateChangedDate\": \"2022-06-23T15:56:31.44\" },\n"
     "\"isConnected\": true, \"id\": 12, \"name\": null }, { \"id\": 8 }, { \"id\": 7, \"n\": -15 } ] }"},
    {"one lock", {.single = 7},
     "{\"result\":{\"id\":7,\"isConnected\":true,\"deviceState\":{\"state\":255,\"batteryLevel\":0,\"doorState\":null},"
     "\"revision\":3},\"success\":true,\"errorMessages\":[],\"statusCode\":200}"},
};

TEST(the_samples_are_good_either_way)
{
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        bool good;

        t_row("%s", samples[i].name);
        CHECK(agrees(ctx, &samples[i].question, samples[i].body, strlen(samples[i].body), &good));
        CHECK(good);
    }
    lock_sync_ctx_free(ctx);
}

TEST(every_truncation_comes_to_the_same)
{
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        for (size_t size = 1; size <= strlen(samples[i].body); size++) {
            bool good;

            if (!agrees(ctx, &samples[i].question, samples[i].body, size, &good)) {
                t_row("%s, %zu bytes", samples[i].name, size);
                CHECK_TEXT("the two ways", "one");
            }
        }
    }
    lock_sync_ctx_free(ctx);
}

/* What may stand where one value or key stood: things on which two readers could differ. */
static const char *const pieces[] = {
    "null", "true", "false", "0", "1", "-1", "2", "-0", "00", "01", "6", "255", "100", "101", "1.0", "6.0", "6.5",
    "1e0", "1E2", "-", "+1", "1.", ".5", "999999999999999999", "1000000000000000000", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "2147483647", "2147483648", "-2147483649",
    "9007199254740993", "1e999", "\"\"", "\"6\"", "\"true\"", "\"2021-04-26T06:02:04Z\"",
    "\"2021-04-26T06:02:04\\u005a\"", "\"a\\\"b\"", "\"\\u0000\"", "\"\xc5\x9b\"", "\"\x7f\"", "\"\x80\"", "\"\t\"",
    "\"", "[]", "{}", "[1]", "[[]]", "{\"id\":5}", "[{\"id\":5}]", "{\"state\":2}", "\"id\":7", "\"id\"",
    "\"i\\u0064\"", "\"state\"", "\"deviceState\"", "\"lockProperties\"", "\"result\"", "\"success\"", "\"Success\"",
    "\"SUCCESS\":false", "\"statusCode\":401", "\"errorMessages\":[\"x\"]", "\"isConnected\"", "\"revision\":null",
    "\"revision\":1", "truex", "nul", "NaN", " ", "", ",", ":", "{", "}", "[", "]", ",,", "\n", "\f", "x",
};

/* The size of the token that begins at `at`: a string, a word or number, or one byte. */
static size_t token_size(const char *at, size_t left)
{
    size_t size = 1;

    if (at[0] == '"') {
        while (size < left && at[size] != '"')
            size++;
        return size < left ? size + 1 : size;
    }
    if (strchr("{}[]:, \n", at[0]) != NULL)
        return 1;
    while (size < left && strchr("{}[]:, \n\"", at[size]) == NULL)
        size++;
    return size;
}

/* A sample with some of its tokens replaced by pieces, or pieces put before them. Its first byte stays. */
static size_t change(const char *sample, char *text, size_t room, uint64_t *seed)
{
    uint64_t often = t_random(seed) % 3 == 0 ? 12 : 40;
    size_t size = 1;

    text[0] = sample[0];
    for (size_t at = 1; sample[at] != '\0';) {
        size_t token = token_size(sample + at, strlen(sample + at));
        bool hit = t_random(seed) % often == 0;
        bool keep = !hit || t_random(seed) % 3 == 0;
        const char *piece = hit ? pieces[t_random(seed) % COUNT_OF(pieces)] : "";

        size += (size_t)snprintf(text + size, room - size, "%s%.*s", piece, keep ? (int)token : 0, sample + at);
        at += token;
    }
    return size;
}

#define SIXTEEN                                                                                                        \
    "\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1," \
    "\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1"

/* Members of a record, each with two keys that are the same or only look so. */
TEST(a_key_twice_is_malformed_either_way)
{
    static const struct {
        const char *members;
        bool good;
    } table[] = {
        {"\"revision\":3,\"revision\":null", false},
        {"\"revision\":3,\"revision\":3", false},
        {"\"isConnected\":true,\"isConnected\":null", false},
        {"\"id\":null", false},
        {"\"id\":7", false},
        {"\"i\\u0064\":7", false},
        {"\"deviceState\":{\"state\":6},\"deviceState\":null", false},
        {"\"deviceState\":{\"state\":6,\"state\":null}", false},
        {"\"deviceState\":{\"x\":6,\"x\":6}", false},
        {"\"lockProperties\":{},\"lockProperties\":{}", false},
        {"\"deviceState\":{\"batteryLevel\":54,\"batteryLevel\":255}", false},
        {"\"x\":null,\"revision\":1,\"x\":\"\"", false},
        {"\"x\":null,\"\\u0078\":1", false},
        {"\"\":1,\"\":2", false},
        {"\"x\":{\"y\":1,\"y\":2}", false},
        {"\"x\":[[{\"y\":[],\"z\":0,\"y\":{}}]]", false},
        {SIXTEEN ",\"a\":2", false},
        {SIXTEEN ",\"p\":2", false},
        {SIXTEEN ",\"q\":2,\"q\":2", false},
        {SIXTEEN ",\"q\":2,\"r\":2", true},
        {SIXTEEN ",\"deviceState\":{" SIXTEEN "}", true},
        {"\"deviceState\":null,\"lockProperties\":{\"state\":6}", true},
        {"\"deviceState\":{\"id\":7,\"revision\":1},\"revision\":1", true},
        {"\"ID\":7,\"Id\":7,\"x\":1,\"xx\":1,\"X\":1", true},
        {"\"\\u0069\":7,\"x\":1", true},
    };
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char body[700];
        bool good;

        t_row("%s", table[i].members);
        (void)snprintf(body, sizeof body, "{\"result\":[{\"id\":7,%s}]}", table[i].members);
        CHECK(agrees(ctx, &(t_answer){.n = 0}, body, strlen(body), &good));
        CHECK_INT(good, table[i].good);
    }
    lock_sync_ctx_free(ctx);
}

TEST(random_changes_come_to_the_same)
{
    uint64_t seed = 20260101;
    size_t good_ones = 0;
    lock_sync_ctx *ctx = t_ctx();
    char text[4000];

    for (int i = 0; i < 6000; i++) {
        size_t k = (size_t)i % COUNT_OF(samples);
        size_t size = change(samples[k].body, text, sizeof text, &seed);
        bool good;

        if (!agrees(ctx, &samples[k].question, text, size, &good)) {
            t_row("change %d: %s", i, text);
            CHECK_TEXT("the two ways", "one");
        }
        good_ones += good;
    }
    CHECK(good_ones > 200 && good_ones < 5000); /* the changes are neither all harmless nor all fatal */
    lock_sync_ctx_free(ctx);
}

/* More records than could be guessed from the size, so that room must grow. */
TEST(many_short_records_come_to_the_same)
{
    static const size_t counts[] = {1, 2, 7, 8, 9, 63, 64, 65, 1000};
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        size_t room = 64 + counts[i] * 16;
        char *body = malloc(room);
        size_t size;

        MUST(body != NULL);
        for (int order = 0; order < 3; order++) {
            bool good;

            t_row("%zu records, order %d", counts[i], order);
            size = (size_t)snprintf(body, room, "{\"result\":[");
            for (size_t k = 0; k < counts[i]; k++)
                size += (size_t)snprintf(body + size, room - size, "%s{\"id\":%zu}", k == 0 ? "" : ",",
                                         order == 0 ? k + 1 : order == 1 ? counts[i] - k : k / 2 + 1);
            size += (size_t)snprintf(body + size, room - size, "]}");
            CHECK(agrees(ctx, &(t_answer){.n = 0}, body, size, &good));
            CHECK(good);
            CHECK(agrees(ctx, &(t_answer){.ids = some, .n = 3}, body, size, &good));
            CHECK(good);
        }
        free(body);
    }
    lock_sync_ctx_free(ctx);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(the_samples_are_good_either_way),
        T(every_truncation_comes_to_the_same),
        T(a_key_twice_is_malformed_either_way),
        T(random_changes_come_to_the_same),
        T(many_short_records_come_to_the_same),
    };

    return T_MAIN(tests);
}
