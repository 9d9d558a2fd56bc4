/* Changes of a JSON text token by token: bytes that change at random seldom leave a text that is still JSON, and two
   decoders differ on what is nearly right. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define TOKENS_MAX 2000
#define SPAN_MAX 4096

/* What may stand where a value, a key or a member stood. */
static const char *const pieces[] = {
    "null", "true", "false", "0", "1", "-1", "2", "-0", "00", "01", "6", "7", "9", "12", "18", "255", "100", "101",
    "1.0", "6.0", "54.0", "6.5", "1e0", "1E2", "-", "+1", "1.", ".5", "999999999999999999", "1000000000000000000",
    "-999999999999999999", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "2147483647", "2147483648", "-2147483648", "-2147483649", "9007199254740992.0",
    "9007199254740993", "1e999", "1e-999", "\"\"", "\"6\"", "\"true\"", "\"2021-04-26T06:02:04Z\"",
    "\"2024-02-29T23:59:59.123456789+05:30\"", "\"2021-04-26T06:02:04\\u005a\"", "\"2021-04-26T06:02:60Z\"",
    "\"a\\\"b\"", "\"\\u0000\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\xc5\x9b\"", "\"\x7f\"", "\"\x80\"",
    "\"\t\"", "\"", "[]", "{}", "[1]", "[[]]", "{\"id\":5}", "[{\"id\":5}]", "{\"state\":2}", "\"id\":7", "\"id\"",
    "\"i\\u0064\"", "\"state\"", "\"doorState\"", "\"isCharging\"", "\"batteryLevel\"", "\"stateChangeResult\"",
    "\"lastStateChangedDate\"", "\"isConnected\"", "\"revision\"", "\"deviceState\"", "\"lockProperties\"",
    "\"result\"", "\"success\"", "\"Success\"", "\"SUCCESS\":false", "\"success\":false", "\"success\":true",
    "\"statusCode\"", "\"statusCode\":401", "\"errorMessages\"", "\"errorMessages\":[\"x\"]", "\"errorMessages\":[]",
    "\"revision\":null", "\"revision\":1", "\"batteryLevel\":255", "\"deviceState\":null",
    "\"deviceState\":{\"state\":6,\"doorState\":3}", "\"lockProperties\":{\"state\":2}", "truex", "nul", "NaN", " ",
    "", ",", ":", "{", "}", "[", "]", ",,", "\n", "\r\n\t ", "\f", "\xef\xbb\xbf", "x",
};

/* What may stand before a key: members that are there twice then, or are not looked for. */
static const char *const members[] = {
    "\"id\":7,", "\"id\":null,", "\"revision\":null,", "\"revision\":3,", "\"isConnected\":1,",
    "\"isConnected\":null,",
    "\"deviceState\":null,", "\"deviceState\":{},", "\"deviceState\":{\"state\":6,\"batteryLevel\":54},",
    "\"lockProperties\":null,", "\"lockProperties\":{\"state\":2,\"isCharging\":true},", "\"state\":null,",
    "\"state\":2,", "\"doorState\":3,", "\"batteryLevel\":255,", "\"batteryLevel\":54,", "\"isCharging\":false,",
    "\"stateChangeResult\":1,", "\"lastStateChangedDate\":\"2021-04-26T06:02:04Z\",",
    "\"lastStateChangedDate\":\"x\",",
    "\"result\":[],", "\"result\":null,", "\"success\":true,", "\"success\":false,", "\"errorMessages\":[],",
    "\"errorMessages\":[\"x\"],", "\"statusCode\":200,", "\"statusCode\":null,", "\"name\":\"\xc5\x9b\",",
    "\"x\":{\"id\":1},",
    "\"x\":-0,", "\"x\":01,", "\"x\":1.5,", "\"\":0,",
};

typedef struct token {
    size_t at;
    size_t size;
} token;

static bool is_mark(uint8_t c)
{
    return c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\r' ||
           c == '\t';
}

/* A string, a word or number, or one byte. */
static size_t token_size(const uint8_t *text, size_t left)
{
    size_t size = 1;

    if (text[0] == '"') {
        while (size < left && text[size] != '"')
            size += text[size] == '\\' && size + 1 < left ? 2 : 1;
        return size < left ? size + 1 : left;
    }
    if (is_mark(text[0]))
        return 1;
    while (size < left && !is_mark(text[size]) && text[size] != '"')
        size++;
    return size;
}

static size_t split(const uint8_t *text, size_t size, token *tokens)
{
    size_t n = 0;

    for (size_t at = 0; at < size && n < TOKENS_MAX; at += tokens[n++].size)
        tokens[n] = (token){at, token_size(text + at, size - at)};
    return n;
}

/* A bracket's token with all up to its counterpart, any other as it is; sometimes with its key's value and a comma. */
static token whole(const uint8_t *text, const token *tokens, size_t n, size_t i, bool member)
{
    token found = tokens[i];
    int depth = 0;

    for (; i < n; i++) {
        uint8_t c = text[tokens[i].at];

        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        if (depth < 0)
            break;
        found.size = tokens[i].at + tokens[i].size - found.at;
        if (depth == 0 && (!member || c == ','))
            break;
    }
    return found;
}

/* `put` in the place of text[at .. at + size). */
static size_t splice(uint8_t *text, size_t text_size, size_t max_size, token place, const uint8_t *put, size_t put_size)
{
    size_t end = text_size - place.size + put_size;

    if (end > max_size)
        return text_size;
    memmove(text + place.at + put_size, text + place.at + place.size, text_size - place.at - place.size);
    memcpy(text + place.at, put, put_size);
    return end;
}

/* The first token from the i-th on that is a key; that one when there is none. */
static token key_from(const uint8_t *text, const token *tokens, size_t n, size_t i)
{
    for (size_t k = i; k + 1 < n; k++) {
        size_t colon = k + 1;

        while (colon + 1 < n && is_mark(text[tokens[colon].at]) && text[tokens[colon].at] <= ' ')
            colon++;
        if (text[tokens[k].at] == '"' && text[tokens[colon].at] == ':')
            return tokens[k];
    }
    return tokens[i];
}

static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static size_t change(uint8_t *body, size_t size, size_t max_size, uint32_t *state)
{
    static token tokens[TOKENS_MAX]; /* libFuzzer mutates on one thread */
    static uint8_t span[SPAN_MAX];
    size_t n = split(body, size, tokens);
    uint32_t kind = next(state) % 9;
    size_t i = n == 0 ? 0 : next(state) % n;
    size_t j = n == 0 ? 0 : next(state) % n;
    const char *piece = pieces[next(state) % (sizeof pieces / sizeof pieces[0])];
    token place = n == 0 ? (token){0, 0} : tokens[i];
    token from = place;

    if (n == 0 || kind <= 3) {
        if (kind == 1)
            place.size = 0; /* before it */
        else if (kind == 2 && n > 0)
            place = whole(body, tokens, n, i, false);
        return splice(body, size, max_size, place, (const uint8_t *)piece, strlen(piece));
    }
    if (kind == 8) {
        piece = members[next(state) % (sizeof members / sizeof members[0])];
        place = (token){key_from(body, tokens, n, i).at, 0};
        return splice(body, size, max_size, place, (const uint8_t *)piece, strlen(piece));
    }
    if (kind == 4) /* out */
        return splice(body, size, max_size, whole(body, tokens, n, i, next(state) % 2 == 0), span, 0);
    from = whole(body, tokens, n, j, next(state) % 2 == 0);
    if (from.size > SPAN_MAX)
        return size;
    memcpy(span, body + from.at, from.size);
    if (kind == 5)
        place.size = 0;
    else if (kind == 6)
        place = whole(body, tokens, n, i, false);
    return splice(body, size, max_size, place, span, from.size);
}

size_t fuzz_mutate_json(uint8_t *body, size_t size, size_t max_size, unsigned int seed)
{
    uint32_t state = seed * 2654435761u | 1u;
    uint32_t changes = 1 + next(&state) % 3;

    for (uint32_t i = 0; i < changes; i++)
        size = change(body, size, max_size, &state);
    return size;
}
