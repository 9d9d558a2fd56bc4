/* The scan that finds where a JSON text breaks: it says "sound" exactly when jansson, with the decoder's flags, reads
   the text (but for a NUL behind a number, which jansson overlooks); and it finds the values that an error is about. */
#include "support.h"
#include "wire/json_scan.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool jansson_reads(const char *text, size_t size, bool *overflow)
{
    json_error_t why;
    json_t *value = json_loadb(text, size, JSON_ALLOW_NUL | JSON_DECODE_ANY, &why);

    *overflow = value == NULL && json_error_code(&why) == json_error_numeric_overflow;
    json_decref(value);
    return value != NULL;
}

/* True when both agree. A number beyond double is the one fault that the scan leaves to jansson. A NUL byte may stand
   nowhere; jansson 2.14 overlooks one behind a number or literal, as it gives the byte back to its buffer. */
static bool agrees(const char *text, size_t size)
{
    int64_t fault = lsync_json_fault(text, size);
    bool overflow;
    bool reads = jansson_reads(text, size, &overflow);

    if (size > 0 && memchr(text, '\0', size) != NULL)
        reads = false;
    return fault >= -1 && fault <= (int64_t)size && ((fault == -1) == reads || overflow);
}

#define TEXT(text) text, sizeof(text) - 1

TEST(agrees_with_jansson_on_a_table)
{
    static const struct {
        const char *text;
        size_t size;
    } table[] = {
        {TEXT("null")}, {TEXT("true")}, {TEXT("false")}, {TEXT("nul")}, {TEXT("nulll")}, {TEXT("tRue")},
        {TEXT("True")}, {TEXT("0")}, {TEXT("-0")}, {TEXT("-")}, {TEXT("00")}, {TEXT("01")}, {TEXT("-01")},
        {TEXT("1.")}, {TEXT(".1")}, {TEXT("1.0")}, {TEXT("1.e1")}, {TEXT("1e")}, {TEXT("1e+")}, {TEXT("1e-")},
        {TEXT("1e1")}, {TEXT("1E+01")}, {TEXT("-1.5e-300")}, {TEXT("1e-999")}, {TEXT("1e308")}, {TEXT("+1")},
        {TEXT("1 2")}, {TEXT("0x1")}, {TEXT("1a")}, {TEXT("9223372036854775807")}, {TEXT("9223372036854775808")},
        {TEXT("-9223372036854775808")}, {TEXT("-9223372036854775809")}, {TEXT("10000000000000000000")},
        {TEXT("99999999999999999999999")}, {TEXT("9223372036854775808.0")}, {TEXT("9223372036854775808e0")},
        {TEXT("1e999")}, {TEXT("-1e999")}, {TEXT("\"\"")}, {TEXT("\"")}, {TEXT("\"a")}, {TEXT("\"a\"b")},
        {TEXT("\"\\\"")}, {TEXT("\"\\\\\"")}, {TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")}, {TEXT("\"\\a\"")},
        {TEXT("\"\\u\"")}, {TEXT("\"\\u12\"")}, {TEXT("\"\\u12g4\"")}, {TEXT("\"\\u1234\"")},
        {TEXT("\"\\uABCD\\uabcd\"")}, {TEXT("\"\\u0000\"")}, {TEXT("\"\\ud834\\udd1e\"")}, {TEXT("\"\\ud834\"")},
        {TEXT("\"\\ud834x\"")}, {TEXT("\"\\ud834\\n\"")}, {TEXT("\"\\ud834\\u0041\"")}, {TEXT("\"\\ud834\\ud834\"")},
        {TEXT("\"\\udd1e\"")}, {TEXT("\"\\udd1e\\ud834\"")}, {TEXT("\"\\udbff\\udfff\"")},
        {TEXT("\"\\ud800\\udc00\"")}, {TEXT("\"\\ud800\\udbff\"")}, {TEXT("\"\\ud7ff\\ue000\"")},
        {TEXT("\"\\ud834\\udd1\"")}, {TEXT("\"\\ud834\\u\"")}, {TEXT("\"\\ufffe\\uffff\"")}, {TEXT("\"\0\"")},
        {TEXT("\"\x01\"")}, {TEXT("\"\x1f\"")}, {TEXT("\"\x20\"")}, {TEXT("\"\x7f\"")}, {TEXT("\"\n\"")},
        {TEXT("\"\x80\"")}, {TEXT("\"\xbf\"")}, {TEXT("\"\xc0\x80\"")}, {TEXT("\"\xc1\xbf\"")},
        {TEXT("\"\xc2\x80\"")}, {TEXT("\"\xc2\"")}, {TEXT("\"\xc2\x41\"")}, {TEXT("\"\xdf\xbf\"")},
        {TEXT("\"\xe0\x9f\xbf\"")}, {TEXT("\"\xe0\xa0\x80\"")}, {TEXT("\"\xe1\x80\"")}, {TEXT("\"\xed\x9f\xbf\"")},
        {TEXT("\"\xed\xa0\x80\"")}, {TEXT("\"\xee\x80\x80\"")}, {TEXT("\"\xef\xbf\xbf\"")},
        {TEXT("\"\xf0\x8f\xbf\xbf\"")}, {TEXT("\"\xf0\x90\x80\x80\"")}, {TEXT("\"\xf0\x90\x80\"")},
        {TEXT("\"\xf4\x8f\xbf\xbf\"")}, {TEXT("\"\xf4\x90\x80\x80\"")}, {TEXT("\"\xf5\x80\x80\x80\"")},
        {TEXT("\"\xf8\x88\x80\x80\x80\"")}, {TEXT("\"\xfe\"")}, {TEXT("\"\xff\"")}, {TEXT("[]")}, {TEXT("[")},
        {TEXT("]")}, {TEXT("[]]")}, {TEXT("[1]")}, {TEXT("[1,]")}, {TEXT("[,1]")}, {TEXT("[,]")}, {TEXT("[1 2]")},
        {TEXT("[1,2]")}, {TEXT("[1,,2]")}, {TEXT("[[],[[]]]")}, {TEXT("[}")}, {TEXT("[1}")}, {TEXT("{}")},
        {TEXT("{")}, {TEXT("}")}, {TEXT("{]")}, {TEXT("{\"a\"}")}, {TEXT("{\"a\":}")}, {TEXT("{\"a\":1}")},
        {TEXT("{\"a\":1,}")}, {TEXT("{,}")}, {TEXT("{\"a\":1 \"b\":2}")}, {TEXT("{\"a\":1,\"a\":2}")},
        {TEXT("{1:2}")}, {TEXT("{a:1}")}, {TEXT("{\"a\" 1}")}, {TEXT("{\"a\":1]")}, {TEXT("{null:1}")},
        {TEXT("{\"\":1}")}, {TEXT("{\"a\\u0000\":1}")}, {TEXT("{\"a\":\"\\u0000\"}")},
        {TEXT("{\"a\":{\"\\u0000\":1}}")}, {TEXT("{\"\xff\":1}")}, {TEXT("")}, {TEXT(" ")}, {TEXT("\t\r\n ")},
        {TEXT(" 1 ")}, {TEXT("\f1")}, {TEXT("\v1")}, {TEXT("1\0")}, {TEXT("\0")}, {TEXT("\xef\xbb\xbf" "1")},
        {TEXT("1\xef\xbb\xbf")}, {TEXT("\xc2\xa0" "1")}, {TEXT("//\n1")}, {TEXT("/**/1")}, {TEXT("1,2")},
        {TEXT("{}{}")}, {TEXT("[]1")}, {TEXT("'a'")}, {TEXT("NaN")}, {TEXT("Infinity")}, {TEXT("-Infinity")},
    };

    for (size_t i = 0; i < T_COUNT(table); i++) {
        t_row("%zu: %s", i, table[i].text);
        CHECK(agrees(table[i].text, table[i].size));
    }
}

static const char sample[] =
    "{\"result\":[{\"id\":12,\"isConnected\":true,\"deviceState\":{\"state\":6,\"batteryLevel\":54.0,"
    "\"d\":\"2021-04-26T06:02:04.197Z\",\"n\":[null,-1.5e3,false]},\"revision\":1},\n {\"id\":0,"
    "\"name\":\"\xc5\x9b\xe2\x82\xac\xf0\x9f\x94\x92\\ud83d\\udd12\\u20ac\\\"\\\\\"}],\"success\":true}";

TEST(agrees_with_jansson_on_every_truncation)
{
    for (size_t size = 0; size < sizeof sample; size++) {
        char *cut = malloc(size + 1); /* of its own size, so that a checker sees a look too far */

        assert_non_null(cut);
        memcpy(cut, sample, size);
        cut = realloc(cut, size == 0 ? 1 : size);
        if (!agrees(cut, size)) {
            t_row("%zu bytes", size);
            CHECK(agrees(cut, size));
        }
        free(cut);
    }
}

/* Bytes changed, dropped, doubled and swapped, most of them to what matters in JSON. */
static size_t mutate(char *text, size_t size, uint64_t *seed)
{
    static const char bytes[] =
        "{}[]:,\"\\0123456789-+.eEtrufalsn \t\n\r/bd8cDC\x00\x01\x1f\x7f\x80\xbf\xc3\xe0\xed\xf0\xf4\xff";

    for (uint64_t n = t_random(seed) % 4 + 1; n > 0 && size > 4; n--) {
        size_t at = (size_t)(t_random(seed) % (size - 1));
        char byte = bytes[t_random(seed) % (sizeof bytes - 1)];

        switch (t_random(seed) % 5) {
        case 0:
            memmove(text + at, text + at + 1, size - at - 1);
            size--;
            break;
        case 1:
            memmove(text + at + 1, text + at, size - at);
            text[at] = byte;
            size++;
            break;
        case 2:
            size = size / 2 > at ? size : at + 1; /* cut, near the end */
            break;
        default:
            text[at] = byte;
            break;
        }
    }
    return size;
}

TEST(agrees_with_jansson_on_random_changes)
{
    uint64_t seed = 31337;
    char text[sizeof sample + 8];
    size_t sound = 0;

    for (int i = 0; i < 20000; i++) {
        size_t size = sizeof sample - 1;

        memcpy(text, sample, size);
        size = mutate(text, size, &seed);
        sound += lsync_json_fault(text, size) == -1;
        if (!agrees(text, size)) {
            t_row("change %d: %.*s", i, (int)size, text);
            CHECK(agrees(text, size));
        }
    }
    CHECK(sound > 500 && sound < 15000); /* the changes are neither all harmless nor all fatal */
}

/* Everything before a fault could go on: with other bytes from there on, the fault moves. */
TEST(what_stands_before_a_fault_is_sound)
{
    uint64_t seed = 4242;
    char text[sizeof sample + 8];

    for (int i = 0; i < 3000; i++) {
        size_t size = sizeof sample - 1;
        int64_t fault;

        memcpy(text, sample, size);
        size = mutate(text, size, &seed);
        fault = lsync_json_fault(text, size);
        if (fault < 0)
            continue;
        if (lsync_json_fault(text, (size_t)fault) < fault && lsync_json_fault(text, (size_t)fault) != -1) {
            t_row("change %d: %.*s", i, (int)size, text);
            CHECK_INT(lsync_json_fault(text, (size_t)fault), fault);
        }
    }
}

TEST(members_are_found_by_key)
{
    static const struct {
        const char *body;
        const char *key;
        int64_t at;
    } table[] = {
        {"{\"result\":1}", "result", 10},
        {" {\n\"result\" :\t[ ] }", "result", 14},
        {"{\"a\":{\"result\":1},\"result\":2}", "result", 27},
        {"{\"a\":[\"result\",{\"result\":1}],\"result\":2}", "result", 38},
        {"{\"result\":1,\"result\":2}", "result", 21},
        {"{\"\\u0072esult\":1}", "result", 15},
        {"{\"r\\u0065s\\u0075lt\":1}", "result", 20},
        {"{\"resul\":1}", "result", -1},
        {"{\"results\":1}", "result", -1},
        {"{\"Result\":1}", "result", -1},
        {"{\"x\":\"result\"}", "result", -1},
        {"{\"x\":\"\\\"result\\\":1\"}", "result", -1},
        {"{\"\":1}", "", 4},
        {"{\"a\\/b\":1}", "a/b", 8},
        {"{\"\xc3\xa9\":1,\"e\":2}", "e", 12},
        {"{\"\\ud83d\\udd12\":1,\"x\":2}", "x", 22},
        {"{}", "result", -1},
        {"[]", "result", -1},
        {"[{\"result\":1}]", "result", -1},
        {"null", "result", -1},
        {"", "result", -1},
    };

    for (size_t i = 0; i < T_COUNT(table); i++) {
        t_row("%s", table[i].body);
        CHECK_INT(lsync_json_find(table[i].body, strlen(table[i].body), table[i].key), table[i].at);
    }
}

TEST(elements_are_found_by_index)
{
    static const char body[] = "x[1, \"a,]\" ,\n[2,[3]],{\"b\":[4,5]},null ]";
    static const int64_t places[] = {2, 5, 13, 21, 33, -1, -1};

    for (size_t i = 0; i < T_COUNT(places); i++) {
        t_row("%zu", i);
        CHECK_INT(lsync_json_element(body, strlen(body), 1, i), places[i]);
    }
    CHECK_INT(lsync_json_element(body, strlen(body), 0, 0), -1); /* no array */
}

TEST(what_breaks_before_it_is_found_is_not_found)
{
    static const char *const bodies[] = {"{\"a\":", "{\"a\":nul,\"result\":1}", "{\"a\":1", "{\"a\":1 \"result\":1}",
                                         "{a:1}", "{\"a\" 1}"};
    static const char *const arrays[] = {"[", "[1", "[nul,1]", "[1 2]", "[1,"};

    for (size_t i = 0; i < T_COUNT(bodies); i++) {
        t_row("%s", bodies[i]);
        CHECK_INT(lsync_json_find(bodies[i], strlen(bodies[i]), "result"), -1);
    }
    for (size_t i = 0; i < T_COUNT(arrays); i++) {
        t_row("%s", arrays[i]);
        CHECK_INT(lsync_json_element(arrays[i], strlen(arrays[i]), 0, 1), -1);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(agrees_with_jansson_on_a_table),
        T(agrees_with_jansson_on_every_truncation),
        T(agrees_with_jansson_on_random_changes),
        T(what_stands_before_a_fault_is_sound),
        T(members_are_found_by_key),
        T(elements_are_found_by_index),
        T(what_breaks_before_it_is_found_is_not_found),
    };

    return T_MAIN(tests);
}
