/* Bodies that are not JSON, or not the JSON of a response: the place where the parser stopped, and the message.
   test_json_conformance.c tests which texts are JSON. */
#include "../support/decoding.h"

#include <string.h>

#define BODY(text) text, sizeof(text) - 1
#define PREFIX "{\"result\":["

static void check_body(lock_sync_ctx *ctx, const char *body, size_t size, int64_t offset, const char *says)
{
    CHECK_INT(t_decode_status(ctx, &(t_response){.body = size == 0 ? NULL : body, .size = size}),
              LOCK_SYNC_E_MALFORMED);
    CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_MALFORMED);
    CHECK_HOLDS(t_error_message(ctx), says);
    CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(ctx)), 200);
    CHECK_INT(t_error_offset(ctx), offset);
}

/* The place is where the parser stopped, usually the end of the wrong token. */
TEST_WITH_CTX(a_fault_is_reported_with_its_place_and_kind)
{
    static const struct {
        const char *name;
        const char *body;
        int64_t offset;
        const char *says;
    } table[] = {
        {"nothing", "", 0, "the body is empty"},
        {"HTML", "<html>", 1, "not valid JSON, at byte 1 of 6"},
        {"missing comma", "{\"result\":[] \"success\":true}", 22, "not valid JSON"},
        {"comma last", "{\"result\":[],}", 14, "not valid JSON"},
        {"line feed in a string", PREFIX "\"a\nb\"]}", 13, "not valid JSON"},
        {"bad escape", PREFIX "\"\\x41\"]}", 14, "not valid JSON"},
        {"something after it", "{\"result\":[]} x", 15, "not valid JSON"},
        {"cut", "{\"result\":[", 11, "the JSON text ends too early, at byte 11 of 11"},
        {"cut in a string", PREFIX "\"abc", 15, "the JSON text ends too early"},
        {"real overflow", PREFIX "1e999]}", 16, "a number is too large"},
        {"beyond int64", PREFIX "{\"id\":9223372036854775808}]}", 36, "a number is too large"},
        {"a key twice", "{\"a\":1,\"bb\":2,\"a\":3}", 17, "a key occurs twice in one object"},
        {"a second result", "{\"result\":[{\"id\":1}],\"result\":[]}", 29, "a key occurs twice in one object"},
        {"of two faults the first", PREFIX "1e999,]}", 16, "a number is too large"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        check_body(ctx, table[i].body, strlen(table[i].body), table[i].offset, table[i].says);
    }
}

/* jansson 2.14 overlooks a NUL after a number or word: it returns the byte to its buffer, where a NUL means "empty".
   So the library finds a NUL before it parses the text, and before any other fault. */
TEST_WITH_CTX(a_nul_anywhere_is_a_fault_at_its_place)
{
    static const struct {
        const char *name;
        const char *body;
        size_t size;
        int64_t offset;
    } table[] = {
        {"alone", BODY("\0"), 0},
        {"behind an id", BODY(PREFIX "{\"id\":1\0}]}"), 18},
        {"behind null, between records", BODY("{\"x\":null\0,\"result\":[]}"), 9},
        {"behind the end", BODY("{\"result\":[]}\0"), 13},
        {"in a string", BODY(PREFIX "\"a\0b\"]}"), 13},
        {"behind a backslash", BODY(PREFIX "\"\\\0\"]}"), 13},
        {"behind another fault", BODY("[2\0,1e999]"), 2},
        {"before another fault", BODY("[1e999,\0]"), 7},
        {"in a number too large",
         BODY("[999\0"
              "999]"),
         4},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        check_body(ctx, table[i].body, table[i].size, table[i].offset, "a NUL byte");
    }
}

/* A fault in sound JSON has no byte offset. The message has the number of the record. */
TEST_WITH_CTX(sound_json_that_is_not_a_response)
{
    static const struct {
        const char *name;
        const char *body;
        const char *says;
    } table[] = {
        {"null", "null", "the body is not an object"},
        {"number", "7", "the body is not an object"},
        {"string", "\"result\"", "the body is not an object"},
        {"array of records", " \n[{\"id\":1}]", "the body is not an object"},
        {"no result", "{}", "the body has no result"},
        {"result in another case", "{\"Result\":[]}", "the body has no result"},
        {"success as a string", "{\"success\":\"false\"}", "the body has no result"},
        {"result null", "{\"result\":null}", "the result is not an array"},
        {"result object", "{\"result\":{\"id\":1}}", "the result is not an array"},
        {"result number", "{\"success\":true,\"result\":0}", "the result is not an array"},
        {"a record without an id", PREFIX "{\"id\":1},{},{\"id\":3}]}", "record 2 of 3 has no usable id"},
        {"an id of 0", PREFIX "{\"id\":1},{\"id\":0}]}", "record 2 of 2 has no usable id"},
        {"an id that is a real", PREFIX "{\"id\":1.5}]}", "record 1 of 1 has no usable id"},
        {"a contradiction", PREFIX "{\"id\":1},{\"id\":2},{\"id\":1,\"revision\":0}]}",
         "record 3 of 3 contradicts an earlier record"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        check_body(ctx, table[i].body, strlen(table[i].body), -1, table[i].says);
    }
}

/* Cuts a good body at each byte. The fault is at the cut, or at the character that was cut. A body that lost only
   the white space after it is good. */
static void check_cuts(const char *body, size_t good_from)
{
    lock_sync_ctx *ctx = t_ctx();

    for (size_t size = 0; size <= strlen(body); size++) {
        t_response a = {.body = size == 0 ? NULL : body, .size = size};

        t_row("cut at %zu of %zu", size, strlen(body));
        CHECK_INT(t_decode_status(ctx, &a), size < good_from ? LOCK_SYNC_E_MALFORMED : LOCK_SYNC_OK);
        if (size < good_from)
            CHECK_BETWEEN(t_error_offset(ctx), (int64_t)size - 3, size);
    }
    lock_sync_ctx_free(ctx);
}

TEST(a_good_body_cut_anywhere_breaks_at_its_end)
{
    static const char body[] =
        "{\n  \"result\": [ { \"id\": 1, \"isConnected\": true, \"deviceState\": { \"state\": 6, \"doorState\": 3,\n"
        "    \"isCharging\": false, \"batteryLevel\": 54, \"stateChangeResult\": 0, \"x\": [-1.5e+10, 0.25, -0],\n"
        "    \"y\": 1E-2,     \"lastStateChangedDate\": \"2021-04-26T06:02:04.197Z\" }, \"revision\": 1 },\n"
        "    { \"id\": 2, \"isConnected\": false, \"deviceState\": null,\n"
        "      \"n\\u0061me\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\" },\n"
        "    { \"lockProperties\": {}, \"id\": 3, \"a\": [], \"b\": [ ], \"c\": { } } ],\n"
        "  \"success\": true, \"errorMessages\": [], \"statusCode\": 200 }";

    check_cuts(body, strlen(body));
}

TEST(a_body_cut_inside_a_character_breaks_there)
{
    static const char body[] =
        "{\"result\":[{\"id\":1,\"name\":\"Drzwi wej\xc5\x9b"
        "ciowe \xe2\x82\xac \xf0\x9f\x94\x92 \\u20ac \\ud83d\\udd12\"}]} \r\n";

    check_cuts(body, strlen(body) - 3);
}
