/* Bodies that are not JSON, or not the JSON of an answer: the status, and the exact byte where each one breaks. */
#include "support.h"
#include "wire/json_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY(text) text, sizeof(text) - 1
#define PREFIX "{\"result\":["

typedef struct fault_row {
    const char *name;
    const char *body;
    size_t size;
    int64_t offset;
} fault_row;

static void check_body(lock_sync_ctx *ctx, const char *body, size_t size, int64_t offset)
{
    t_answer a = {.body = size == 0 ? NULL : body, .size = size};
    lock_sync_results *r;

    CHECK_INT(t_decode(ctx, &a, &r), LOCK_SYNC_E_MALFORMED);
    CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_MALFORMED);
    CHECK_INT(t_error_offset(ctx), offset);
    CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(ctx)), 200);
    lock_sync_results_free(r);
}

static void check_bodies(const fault_row *table, size_t n)
{
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < n; i++) {
        t_row("%s", table[i].name);
        check_body(ctx, table[i].body, table[i].size, table[i].offset);
    }
    lock_sync_ctx_free(ctx);
}

TEST(the_first_bad_byte_of_the_structure)
{
    static const fault_row table[] = {
        {"empty", BODY(""), 0},
        {"white space only", BODY(" \t\r\n "), 5},
        {"HTML", BODY("<html>"), 0},
        {"HTML behind white space", BODY("\n <html>"), 2},
        {"BOM", BODY("\xef\xbb\xbf{\"result\":[]}"), 0},
        {"missing comma between members", BODY("{\"result\":[] \"success\":true}"), 13},
        {"missing comma between elements", BODY("{\"result\":[{\"id\":1} {\"id\":2}]}"), 20},
        {"missing colon", BODY("{\"result\" []}"), 10},
        {"two colons", BODY("{\"result\"::[]}"), 10},
        {"two commas", BODY("{\"result\":[1,,2]}"), 13},
        {"comma before }", BODY("{\"result\":[],}"), 13},
        {"comma before ]", BODY("{\"result\":[{\"id\":1},]}"), 20},
        {"comma first", BODY("{,\"result\":[]}"), 1},
        {"key without quotes", BODY("{result:[]}"), 1},
        {"key in single quotes", BODY("{'result':[]}"), 1},
        {"number as key", BODY("{1:[]}"), 1},
        {"comment", BODY("{/* x */\"result\":[]}"), 1},
        {"wrong bracket ]", BODY("{\"result\":{\"a\":1]}"), 16},
        {"wrong bracket }", BODY("{\"result\":[1}}"), 12},
        {"bracket too many", BODY("{\"result\":[]}}"), 13},
        {"trailing garbage", BODY("{\"result\":[]} x"), 14},
        {"second value", BODY("{\"result\":[]}{}"), 13},
        {"trailing NUL", BODY("{\"result\":[]}\0"), 13},
        {"trailing NUL behind a line feed", BODY("{\"result\":[]}\n\0"), 14},
        {"NUL alone", BODY("\0"), 0},
        {"NUL between", BODY("{\"result\":\0[]}"), 10},
        {"form feed between", BODY("{\"result\":\f[]}"), 10},
        {"no-break space between", BODY("{\"result\":\xc2\xa0[]}"), 10},
        {"the same key twice, as published", BODY("{\"result\": \"result\": []}"), 19},
    };

    check_bodies(table, T_COUNT(table));
}

TEST(the_first_bad_byte_of_a_literal_or_number)
{
    static const fault_row table[] = {
        {"True", BODY(PREFIX "True]}"), 11},
        {"tru", BODY(PREFIX "tru]}"), 14},
        {"truE", BODY(PREFIX "truE]}"), 14},
        {"truex", BODY(PREFIX "truex]}"), 15},
        {"fals", BODY(PREFIX "fals]}"), 15},
        {"nul", BODY(PREFIX "nul]}"), 14},
        {"nulL", BODY(PREFIX "nulL]}"), 14},
        {"NaN", BODY(PREFIX "NaN]}"), 11},
        {"Infinity", BODY(PREFIX "Infinity]}"), 11},
        {"-Infinity", BODY(PREFIX "-Infinity]}"), 12},
        {"undefined", BODY(PREFIX "undefined]}"), 11},
        {"leading zero", BODY(PREFIX "01]}"), 12},
        {"leading zero, negative", BODY(PREFIX "-01]}"), 13},
        {"plus", BODY(PREFIX "+1]}"), 11},
        {"minus alone", BODY(PREFIX "-]}"), 12},
        {"two minus", BODY(PREFIX "--1]}"), 12},
        {"point first", BODY(PREFIX ".5]}"), 11},
        {"point last", BODY(PREFIX "5.]}"), 13},
        {"two points", BODY(PREFIX "5.5.5]}"), 14},
        {"exponent without digits", BODY(PREFIX "5e]}"), 13},
        {"exponent with sign only", BODY(PREFIX "5e+]}"), 14},
        {"exponent with two signs", BODY(PREFIX "5e+-1]}"), 14},
        {"point in exponent", BODY(PREFIX "5e1.5]}"), 14},
        {"hexadecimal", BODY(PREFIX "0x10]}"), 12},
        {"thousands", BODY(PREFIX "1_000]}"), 12},
        {"beyond int64", BODY(PREFIX "9223372036854775808]}"), 11},
        {"beyond int64, negative", BODY(PREFIX "{\"id\":-9223372036854775809}]}"), 17},
        {"beyond int64 by length", BODY(PREFIX "1,100000000000000000000000]}"), 13},
        {"integer overflow in an unknown key", BODY("{\"x\":18446744073709551616,\"result\":[]}"), 5},
        {"real overflow", BODY(PREFIX "1e999]}"), 11},
        {"real overflow, negative", BODY(PREFIX "{\"id\":1,\"x\":-1.5E+400}]}"), 23},
        {"real overflow by length", BODY(PREFIX "{\"id\":1},1e400,2]}"), 20},
        {"real overflow behind another number", BODY(PREFIX "1.5e10,1e309]}"), 18},
    };

    check_bodies(table, T_COUNT(table));
}

/* Of two faults the first is told, also when only the decoder sees it. */
TEST(a_real_overflow_before_another_fault_is_told)
{
    static const fault_row table[] = {
        {"before a missing value", BODY(PREFIX "1e999,]}"), 11},
        {"before a bad literal", BODY(PREFIX "[1,-1e999],nil]}"), 14},
    };

    check_bodies(table, T_COUNT(table));
}

/* jansson 2.14 overlooks a NUL there: it gives the byte back to its buffer, where a NUL means "empty". */
TEST(a_nul_behind_a_number_or_literal_is_a_fault)
{
    static const fault_row table[] = {
        {"behind an id", BODY(PREFIX "{\"id\":1\0}]}"), 18},
        {"behind a real", BODY(PREFIX "{\"id\":1.0\0,\"revision\":1}]}"), 20},
        {"behind true", BODY(PREFIX "{\"id\":1,\"isConnected\":true\0}]}"), 37},
        {"behind null, between records", BODY("{\"x\":null\0,\"result\":[]}"), 9},
    };

    check_bodies(table, T_COUNT(table));
}

TEST(the_first_bad_byte_of_a_string)
{
    static const fault_row table[] = {
        {"LF", BODY(PREFIX "\"a\nb\"]}"), 13},
        {"tab", BODY(PREFIX "\"\t\"]}"), 12},
        {"0x1f", BODY(PREFIX "\"abc\x1f\"]}"), 15},
        {"NUL", BODY(PREFIX "\"a\0b\"]}"), 13},
        {"bad escape", BODY(PREFIX "\"\\x41\"]}"), 13},
        {"escaped single quote", BODY(PREFIX "\"\\'\"]}"), 13},
        {"escaped NUL byte", BODY(PREFIX "\"\\\0\"]}"), 13},
        {"escape in capitals", BODY(PREFIX "\"\\U0041\"]}"), 13},
        {"\\u with three digits", BODY(PREFIX "\"\\u004\"]}"), 17},
        {"\\u with a g", BODY(PREFIX "\"\\u00g1\"]}"), 16},
        {"lone high surrogate", BODY(PREFIX "\"ab\\ud83d\"]}"), 14},
        {"lone high surrogate before text", BODY(PREFIX "\"\\ud83dxxxxxx\"]}"), 12},
        {"high surrogate and no low one", BODY(PREFIX "\"\\ud83d\\u0041\"]}"), 12},
        {"two high surrogates", BODY(PREFIX "\"\\ud83d\\ud83d\"]}"), 12},
        {"lone low surrogate", BODY(PREFIX "\"\\ude00\"]}"), 12},
        {"surrogates reversed", BODY(PREFIX "\"\\ude00\\ud83d\"]}"), 12},
        {"NUL in a key", BODY("{\"result\":[],\"a\\u0000b\":1}"), 15},
        {"NUL in a key of a record", BODY(PREFIX "{\"id\":1,\"\\u0000\":1}]}"), 20},
        {"UTF-8: continuation first", BODY(PREFIX "\"a\x80\"]}"), 13},
        {"UTF-8: overlong slash", BODY(PREFIX "\"\xc0\xaf\"]}"), 12},
        {"UTF-8: 0xc1", BODY(PREFIX "\"\xc1\xbf\"]}"), 12},
        {"UTF-8: overlong of three", BODY(PREFIX "\"\xe0\x80\xaf\"]}"), 12},
        {"UTF-8: overlong of four", BODY(PREFIX "\"\xf0\x80\x80\xaf\"]}"), 12},
        {"UTF-8: surrogate", BODY(PREFIX "\"\xed\xa0\x80\"]}"), 12},
        {"UTF-8: beyond U+10FFFF", BODY(PREFIX "\"\xf4\x90\x80\x80\"]}"), 12},
        {"UTF-8: 0xf5", BODY(PREFIX "\"\xf5\x80\x80\x80\"]}"), 12},
        {"UTF-8: 0xff", BODY(PREFIX "\"\xff\"]}"), 12},
        {"UTF-8: cut short by a quote", BODY(PREFIX "\"\xe2\x82\"]}"), 12},
        {"Latin-1", BODY(PREFIX "\"caf\xe9\"]}"), 15},
        {"UTF-8 outside a string", BODY(PREFIX "\xc3\xa9]}"), 11},
        {"UTF-16", BODY("{\0\"\0r\0"), 1},
    };

    check_bodies(table, T_COUNT(table));
}

TEST(sound_json_that_is_no_answer)
{
    static const fault_row table[] = {
        {"null", BODY("null"), 0},
        {"number", BODY("7"), 0},
        {"string", BODY("\"result\""), 0},
        {"array of records", BODY("[{\"id\":1}]"), 0},
        {"empty array", BODY("[]"), 0},
        {"no result", BODY("{}"), -1},
        {"no result, success", BODY("{\"success\":true,\"statusCode\":200,\"errorMessages\":[]}"), -1},
        {"result in another case", BODY("{\"Result\":[]}"), -1},
        {"result deeper", BODY("{\"data\":{\"result\":[]}}"), -1},
        {"result null", BODY("{\"result\":null}"), 10},
        {"result null, with space", BODY("{ \"a\":[1,{}], \"result\" : null }"), 25},
        {"result object", BODY("{\"result\":{\"id\":1}}"), 10},
        {"result string", BODY("{\"result\":\"[]\"}"), 10},
        {"result number", BODY("{\"success\":true,\"result\":0}"), 25},
        {"result true", BODY("{\"result\":true}"), 10},
        {"the last result counts", BODY("{\"result\":[],\"result\":null}"), 22},
        {"success as a string", BODY("{\"success\":\"false\"}"), -1},
    };

    check_bodies(table, T_COUNT(table));
}

/* {"result":[...],"x":<n brackets><inside>...}: n + 1 levels. */
static char *nested(size_t n, bool objects, const char *inside)
{
    static const char open[] = "{\"result\":[{\"id\":1}],\"x\":";
    size_t room = sizeof open + n * 6 + strlen(inside) + 2;
    char *body = malloc(room);
    char *at = body;

    assert_non_null(body);
    at += snprintf(at, room, "%s", open);
    for (size_t i = 0; i < n; i++)
        at += snprintf(at, room - (size_t)(at - body), "%s", objects && i + 1 < n ? "{\"a\":" : "[");
    at += snprintf(at, room - (size_t)(at - body), "%s", inside);
    for (size_t i = n; i-- > 0;)
        *at++ = objects && i + 1 < n ? '}' : ']';
    *at++ = '}';
    *at = '\0';
    return body;
}

TEST(nesting_of_2048_is_read_and_of_2049_is_not)
{
    lock_sync_ctx *ctx = t_ctx();

    for (int objects = 0; objects <= 1; objects++) {
        char *good = nested(2047, objects, "");
        char *bad = nested(2048, objects, "");
        lock_sync_results *r;

        t_row("2048, %s", objects ? "objects" : "arrays");
        CHECK_OK(t_decode(ctx, &(t_answer){.body = good}, &r));
        CHECK_INT(lock_sync_results_count(r), 1);
        lock_sync_results_free(r);
        t_row("2049, %s", objects ? "objects" : "arrays");
        check_body(ctx, bad, strlen(bad), 25 + 2047 * (objects ? 5 : 1));
        free(good);
        free(bad);
    }
    lock_sync_ctx_free(ctx);
}

/* jansson counts a scalar as one more level: it is told as the fault that it is, not as lack of memory. */
TEST(a_value_inside_2048_levels_is_too_deep)
{
    static const char *const inside[] = {"1", "null", "\"\"", "1.5"};
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < T_COUNT(inside); i++) {
        char *body = nested(2047, false, inside[i]);
        lock_sync_results *r;

        t_row("%s", inside[i]);
        CHECK_INT(t_decode(ctx, &(t_answer){.body = body}, &r), LOCK_SYNC_E_MALFORMED);
        CHECK_INT(t_error_offset(ctx), strrchr(body, '[') + 1 - body);
        lock_sync_results_free(r);
        free(body);
    }
    lock_sync_ctx_free(ctx);
}

/* A good body without its end. Cut inside the white space behind it, it is still good. */
static void check_cuts(const char *body, size_t good_from)
{
    lock_sync_ctx *ctx = t_ctx();

    for (size_t size = 0; size < good_from; size++) {
        lock_sync_results *r;
        t_answer a = {.body = size == 0 ? NULL : body, .size = size};

        if (t_decode(ctx, &a, &r) != LOCK_SYNC_E_MALFORMED || t_error_offset(ctx) != (int64_t)size) {
            t_row("cut at %zu of %zu", size, strlen(body));
            CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_MALFORMED);
            CHECK_INT(t_error_offset(ctx), size);
        }
        lock_sync_results_free(r);
    }
    for (size_t size = good_from; size <= strlen(body); size++) {
        lock_sync_results *r;

        t_row("whole, %zu of %zu", size, strlen(body));
        CHECK_OK(t_decode(ctx, &(t_answer){.body = body, .size = size}, &r));
        lock_sync_results_free(r);
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

/* Nothing that stands before the cut is wrong: the text ends too early. */
TEST(a_body_cut_inside_a_character_breaks_at_its_end)
{
    static const char body[] = "{\"result\":[{\"id\":1,\"name\":\"Drzwi wej\xc5\x9b"
                               "ciowe \xe2\x82\xac \xf0\x9f\x94\x92 \\u20ac \\ud83d\\udd12\"}]} \r\n";

    check_cuts(body, strlen(body) - 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(the_first_bad_byte_of_the_structure),
        T(the_first_bad_byte_of_a_literal_or_number),
        T(a_real_overflow_before_another_fault_is_told),
        T(a_nul_behind_a_number_or_literal_is_a_fault),
        T(the_first_bad_byte_of_a_string),
        T(sound_json_that_is_no_answer),
        T(nesting_of_2048_is_read_and_of_2049_is_not),
        T(a_value_inside_2048_levels_is_too_deep),
        T(a_good_body_cut_anywhere_breaks_at_its_end),
        T(a_body_cut_inside_a_character_breaks_at_its_end),
    };

    return T_MAIN(tests);
}
