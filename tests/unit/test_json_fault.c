/* Bodies that are not JSON, or not the JSON of an answer: the status, the place where the parser stopped, and what the
   message names. */
#include "../support/decoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY(text) text, sizeof(text) - 1
#define PREFIX "{\"result\":["

typedef struct fault_row {
    const char *name;
    const char *body;
    size_t size;
} fault_row;

/* `offset` of -2: any place in the body. */
static void check_body(lock_sync_ctx *ctx, const char *body, size_t size, int64_t offset, const char *says)
{
    t_answer a = {.body = size == 0 ? NULL : body, .size = size};
    int64_t got;
    lock_sync_results *r;

    CHECK_INT(t_decode(ctx, &a, &r), LOCK_SYNC_E_MALFORMED);
    CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_MALFORMED);
    CHECK_HOLDS(t_error_message(ctx), says);
    CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(ctx)), 200);
    got = t_error_offset(ctx);
    if (offset == -2)
        CHECK(got >= 0 && got <= (int64_t)size);
    else
        CHECK_INT(got, offset);
    lock_sync_results_free(r);
}

static void check_bodies(const fault_row *table, size_t n)
{
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < n; i++) {
        t_row("%s", table[i].name);
        check_body(ctx, table[i].body, table[i].size, -2, "malformed response: ");
    }
    lock_sync_ctx_free(ctx);
}

TEST(faults_of_the_structure)
{
    static const fault_row table[] = {
        {"empty", BODY("")},
        {"white space only", BODY(" \t\r\n ")},
        {"HTML", BODY("<html>")},
        {"HTML behind white space", BODY("\n <html>")},
        {"BOM", BODY("\xef\xbb\xbf{\"result\":[]}")},
        {"missing comma between members", BODY("{\"result\":[] \"success\":true}")},
        {"missing comma between elements", BODY("{\"result\":[{\"id\":1} {\"id\":2}]}")},
        {"missing colon", BODY("{\"result\" []}")},
        {"missing colon behind another key", BODY("{\"success\" true,\"result\":[]}")},
        {"two colons", BODY("{\"result\"::[]}")},
        {"two commas", BODY("{\"result\":[1,,2]}")},
        {"comma before }", BODY("{\"result\":[],}")},
        {"comma before ]", BODY("{\"result\":[{\"id\":1},]}")},
        {"comma first", BODY("{,\"result\":[]}")},
        {"key without quotes", BODY("{result:[]}")},
        {"key in single quotes", BODY("{'result':[]}")},
        {"number as key", BODY("{1:[]}")},
        {"comment", BODY("{/* x */\"result\":[]}")},
        {"wrong bracket ]", BODY("{\"result\":{\"a\":1]}")},
        {"wrong bracket }", BODY("{\"result\":[1}}")},
        {"bracket too many", BODY("{\"result\":[]}}")},
        {"trailing garbage", BODY("{\"result\":[]} x")},
        {"second value", BODY("{\"result\":[]}{}")},
        {"trailing NUL", BODY("{\"result\":[]}\0")},
        {"trailing NUL behind a line feed", BODY("{\"result\":[]}\n\0")},
        {"NUL alone", BODY("\0")},
        {"NUL between", BODY("{\"result\":\0[]}")},
        {"form feed between", BODY("{\"result\":\f[]}")},
        {"no-break space between", BODY("{\"result\":\xc2\xa0[]}")},
        {"the same key twice, as published", BODY("{\"result\": \"result\": []}")},
    };

    check_bodies(table, COUNT_OF(table));
}

TEST(faults_of_a_literal_or_number)
{
    static const fault_row table[] = {
        {"True", BODY(PREFIX "True]}")},
        {"tru", BODY(PREFIX "tru]}")},
        {"truE", BODY(PREFIX "truE]}")},
        {"truex", BODY(PREFIX "truex]}")},
        {"fals", BODY(PREFIX "fals]}")},
        {"nul", BODY(PREFIX "nul]}")},
        {"nulL", BODY(PREFIX "nulL]}")},
        {"NaN", BODY(PREFIX "NaN]}")},
        {"Infinity", BODY(PREFIX "Infinity]}")},
        {"-Infinity", BODY(PREFIX "-Infinity]}")},
        {"undefined", BODY(PREFIX "undefined]}")},
        {"leading zero", BODY(PREFIX "01]}")},
        {"leading zero, negative", BODY(PREFIX "-01]}")},
        {"plus", BODY(PREFIX "+1]}")},
        {"minus alone", BODY(PREFIX "-]}")},
        {"two minus", BODY(PREFIX "--1]}")},
        {"point first", BODY(PREFIX ".5]}")},
        {"point last", BODY(PREFIX "5.]}")},
        {"two points", BODY(PREFIX "5.5.5]}")},
        {"exponent without digits", BODY(PREFIX "5e]}")},
        {"exponent with sign only", BODY(PREFIX "5e+]}")},
        {"exponent with two signs", BODY(PREFIX "5e+-1]}")},
        {"point in exponent", BODY(PREFIX "5e1.5]}")},
        {"hexadecimal", BODY(PREFIX "0x10]}")},
        {"thousands", BODY(PREFIX "1_000]}")},
        {"beyond int64", BODY(PREFIX "9223372036854775808]}")},
        {"beyond int64, negative", BODY(PREFIX "{\"id\":-9223372036854775809}]}")},
        {"beyond int64 by length", BODY(PREFIX "1,100000000000000000000000]}")},
        {"integer overflow in an unknown key", BODY("{\"x\":18446744073709551616,\"result\":[]}")},
        {"real overflow", BODY(PREFIX "1e999]}")},
        {"real overflow, negative", BODY(PREFIX "{\"id\":1,\"x\":-1.5E+400}]}")},
        {"real overflow by length", BODY(PREFIX "{\"id\":1},1e400,2]}")},
        {"real overflow behind another number", BODY(PREFIX "1.5e10,1e309]}")},
    };

    check_bodies(table, COUNT_OF(table));
}

/* The place is where the parser stopped: usually the end of the offending token. */
TEST(the_place_of_a_fault_and_what_it_is)
{
    static const struct {
        const char *name;
        const char *body;
        int64_t offset;
        const char *says;
    } table[] = {
        {"nothing", "", 0, "the body is empty"},
        {"HTML", "<html>", 1, "not valid JSON, at byte 1 of 6"},
        {"HTML behind white space", "\n <html>", 3, "not valid JSON"},
        {"missing comma", "{\"result\":[] \"success\":true}", 22, "not valid JSON"},
        {"comma last", "{\"result\":[],}", 14, "not valid JSON"},
        {"another word", PREFIX "True]}", 15, "not valid JSON"},
        {"line feed in a string", PREFIX "\"a\nb\"]}", 13, "not valid JSON"},
        {"bad escape", PREFIX "\"\\x41\"]}", 14, "not valid JSON"},
        {"Latin-1", PREFIX "\"caf\xe9\"]}", 15, "not valid JSON"},
        {"something behind it", "{\"result\":[]} x", 15, "not valid JSON"},
        {"cut", "{\"result\":[", 11, "the JSON text ends too early, at byte 11 of 11"},
        {"cut in a string", PREFIX "\"abc", 15, "the JSON text ends too early"},
        {"real overflow", PREFIX "1e999]}", 16, "a number is too large"},
        {"beyond int64", PREFIX "{\"id\":9223372036854775808}]}", 36, "a number is too large"},
        {"a key twice", "{\"a\":1,\"bb\":2,\"a\":3}", 17, "a key comes twice in one object"},
        {"a second result", "{\"result\":[{\"id\":1}],\"result\":[]}", 29, "a key comes twice in one object"},
        {"of two faults the first", PREFIX "1e999,]}", 16, "a number is too large"},
    };
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        check_body(ctx, table[i].body, strlen(table[i].body), table[i].offset, table[i].says);
    }
    lock_sync_ctx_free(ctx);
}

/* jansson 2.14 overlooks a NUL behind a number or word: it gives the byte back to its buffer, where a NUL means
   "empty". So each is found before the text is parsed, whatever else is wrong with it. */
TEST(a_nul_anywhere_is_a_fault_at_its_place)
{
    static const struct {
        const char *name;
        const char *body;
        size_t size;
        int64_t offset;
    } table[] = {
        {"alone", BODY("\0"), 0},
        {"behind an id", BODY(PREFIX "{\"id\":1\0}]}"), 18},
        {"behind a real", BODY(PREFIX "{\"id\":1.0\0,\"revision\":1}]}"), 20},
        {"behind true", BODY(PREFIX "{\"id\":1,\"isConnected\":true\0}]}"), 37},
        {"behind null, between records", BODY("{\"x\":null\0,\"result\":[]}"), 9},
        {"behind the end", BODY("{\"result\":[]}\0"), 13},
        {"behind a line feed", BODY("{\"result\":[]}\n\0"), 14},
        {"between", BODY("{\"result\":\0[]}"), 10},
        {"in a string", BODY(PREFIX "\"a\0b\"]}"), 13},
        {"behind a backslash", BODY(PREFIX "\"\\\0\"]}"), 13},
        {"UTF-16", BODY("{\0\"\0r\0"), 1},
        {"behind another fault", BODY("[2\0,1e999]"), 2},
        {"before another fault", BODY("[1e999,\0]"), 7},
        {"in a number too large", BODY("[999\0" "999]"), 4},
    };
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        check_body(ctx, table[i].body, table[i].size, table[i].offset, "a NUL byte");
    }
    lock_sync_ctx_free(ctx);
}

TEST(faults_of_a_string)
{
    static const fault_row table[] = {
        {"LF", BODY(PREFIX "\"a\nb\"]}")},
        {"tab", BODY(PREFIX "\"\t\"]}")},
        {"0x1f", BODY(PREFIX "\"abc\x1f\"]}")},
        {"NUL", BODY(PREFIX "\"a\0b\"]}")},
        {"bad escape", BODY(PREFIX "\"\\x41\"]}")},
        {"escaped single quote", BODY(PREFIX "\"\\'\"]}")},
        {"escaped NUL byte", BODY(PREFIX "\"\\\0\"]}")},
        {"escape in capitals", BODY(PREFIX "\"\\U0041\"]}")},
        {"\\u with three digits", BODY(PREFIX "\"\\u004\"]}")},
        {"\\u with a g", BODY(PREFIX "\"\\u00g1\"]}")},
        {"lone high surrogate", BODY(PREFIX "\"ab\\ud83d\"]}")},
        {"lone high surrogate before text", BODY(PREFIX "\"\\ud83dxxxxxx\"]}")},
        {"high surrogate and no low one", BODY(PREFIX "\"\\ud83d\\u0041\"]}")},
        {"two high surrogates", BODY(PREFIX "\"\\ud83d\\ud83d\"]}")},
        {"lone low surrogate", BODY(PREFIX "\"\\ude00\"]}")},
        {"surrogates reversed", BODY(PREFIX "\"\\ude00\\ud83d\"]}")},
        {"NUL in a key", BODY("{\"result\":[],\"a\\u0000b\":1}")},
        {"NUL in a key of a record", BODY(PREFIX "{\"id\":1,\"\\u0000\":1}]}")},
        {"UTF-8: continuation first", BODY(PREFIX "\"a\x80\"]}")},
        {"UTF-8: overlong slash", BODY(PREFIX "\"\xc0\xaf\"]}")},
        {"UTF-8: 0xc1", BODY(PREFIX "\"\xc1\xbf\"]}")},
        {"UTF-8: overlong of three", BODY(PREFIX "\"\xe0\x80\xaf\"]}")},
        {"UTF-8: overlong of four", BODY(PREFIX "\"\xf0\x80\x80\xaf\"]}")},
        {"UTF-8: surrogate", BODY(PREFIX "\"\xed\xa0\x80\"]}")},
        {"UTF-8: beyond U+10FFFF", BODY(PREFIX "\"\xf4\x90\x80\x80\"]}")},
        {"UTF-8: 0xf5", BODY(PREFIX "\"\xf5\x80\x80\x80\"]}")},
        {"UTF-8: 0xff", BODY(PREFIX "\"\xff\"]}")},
        {"UTF-8: cut short by a quote", BODY(PREFIX "\"\xe2\x82\"]}")},
        {"Latin-1", BODY(PREFIX "\"caf\xe9\"]}")},
        {"UTF-8 outside a string", BODY(PREFIX "\xc3\xa9]}")},
        {"UTF-16", BODY("{\0\"\0r\0")},
    };

    check_bodies(table, COUNT_OF(table));
}

/* What is wrong with sound JSON has no place: the message names it, a record by its number. */
TEST(sound_json_that_is_no_answer)
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
        {"no result", "{}", "it has no result"},
        {"no result, success", "{\"success\":true,\"statusCode\":200,\"errorMessages\":[]}", "it has no result"},
        {"result in another case", "{\"Result\":[]}", "it has no result"},
        {"result deeper", "{\"data\":{\"result\":[]}}", "it has no result"},
        {"success as a string", "{\"success\":\"false\"}", "it has no result"},
        {"result null", "{\"result\":null}", "its result is not an array"},
        {"result object", "{\"result\":{\"id\":1}}", "its result is not an array"},
        {"result string", "{\"result\":\"[]\"}", "its result is not an array"},
        {"result number", "{\"success\":true,\"result\":0}", "its result is not an array"},
        {"a record without an id", PREFIX "{\"id\":1},{},{\"id\":3}]}", "record 2 of 3 has no usable id"},
        {"a record that is null", PREFIX "null]}", "record 1 of 1 has no usable id"},
        {"an id of 0", PREFIX "{\"id\":1},{\"id\":0}]}", "record 2 of 2 has no usable id"},
        {"an id that is a real", PREFIX "{\"id\":1.5}]}", "record 1 of 1 has no usable id"},
        {"a contradiction", PREFIX "{\"id\":1},{\"id\":2},{\"id\":1,\"revision\":0}]}",
         "record 3 of 3 contradicts an earlier one"},
    };
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        check_body(ctx, table[i].body, strlen(table[i].body), -1, table[i].says);
    }
    lock_sync_ctx_free(ctx);
}

/* {"result":[...],"x":<n brackets><inside>...}: n + 1 levels. */
static char *nested(size_t n, bool objects, const char *inside)
{
    static const char open[] = "{\"result\":[{\"id\":1}],\"x\":";
    size_t room = sizeof open + n * 6 + strlen(inside) + 2;
    char *body = malloc(room);
    char *at = body;

    MUST(body != NULL);
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
        check_body(ctx, bad, strlen(bad), -2, "nested too deep");
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

    for (size_t i = 0; i < COUNT_OF(inside); i++) {
        char *body = nested(2047, false, inside[i]);
        lock_sync_results *r;

        t_row("%s", inside[i]);
        CHECK_INT(t_decode(ctx, &(t_answer){.body = body}, &r), LOCK_SYNC_E_MALFORMED);
        CHECK_HOLDS(t_error_message(ctx), "nested too deep");
        lock_sync_results_free(r);
        free(body);
    }
    lock_sync_ctx_free(ctx);
}

/* A good body without its end breaks there, or at the character that was cut. Cut inside the white space behind it, it
   is still good. */
static void check_cuts(const char *body, size_t good_from)
{
    lock_sync_ctx *ctx = t_ctx();

    for (size_t size = 0; size < good_from; size++) {
        lock_sync_results *r;
        t_answer a = {.body = size == 0 ? NULL : body, .size = size};

        t_row("cut at %zu of %zu", size, strlen(body));
        CHECK_INT(t_decode(ctx, &a, &r), LOCK_SYNC_E_MALFORMED);
        CHECK(t_error_offset(ctx) <= (int64_t)size && t_error_offset(ctx) > (int64_t)size - 4);
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

TEST(a_body_cut_inside_a_character_breaks_there)
{
    static const char body[] = "{\"result\":[{\"id\":1,\"name\":\"Drzwi wej\xc5\x9b"
                               "ciowe \xe2\x82\xac \xf0\x9f\x94\x92 \\u20ac \\ud83d\\udd12\"}]} \r\n";

    check_cuts(body, strlen(body) - 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(faults_of_the_structure),
        T(faults_of_a_literal_or_number),
        T(the_place_of_a_fault_and_what_it_is),
        T(a_nul_anywhere_is_a_fault_at_its_place),
        T(faults_of_a_string),
        T(sound_json_that_is_no_answer),
        T(nesting_of_2048_is_read_and_of_2049_is_not),
        T(a_value_inside_2048_levels_is_too_deep),
        T(a_good_body_cut_anywhere_breaks_at_its_end),
        T(a_body_cut_inside_a_character_breaks_there),
    };

    return T_MAIN(tests);
}
