/* Where a JSON text breaks, or where a value lies; see json_scan.h. */
#include "wire/json_scan.h"
#include "base/ascii.h"

#include <string.h>

/* Every skip_ function moves `at` behind what it is named for and returns true, or leaves it on the first byte that
   cannot stand there and returns false. */
typedef struct scan {
    const char *at;
    const char *end;
} scan;

static int peek(const scan *s)
{
    return s->at < s->end ? (unsigned char)*s->at : -1;
}

static void skip_space(scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

static bool skip_char(scan *s, char c)
{
    if (peek(s) != c)
        return false;
    s->at++;
    return true;
}

static bool skip_word(scan *s, const char *word)
{
    for (; *word != '\0'; word++)
        if (!skip_char(s, *word))
            return false;
    return true;
}

/* The four digits of a \u escape. */
static bool skip_hex4(scan *s, unsigned *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        if (s->at == s->end || !lsync_ascii_is_hex(*s->at))
            return false;
        *value = *value * 16 + (unsigned)(lsync_ascii_is_digit(*s->at) ? *s->at - '0'
                                                                       : lsync_ascii_lower(*s->at) - 'a' + 10);
    }
    return true;
}

/* Behind a backslash; *code is the character meant (0xd800.. for a pair, which no key of ours holds). */
static bool skip_escape(scan *s, bool in_key, unsigned *code)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char *backslash = s->at - 1;
    const char *letter = s->at < s->end && *s->at != '\0' ? strchr(letters, *s->at) : NULL;
    unsigned low;

    if (letter != NULL) {
        *code = (unsigned char)meant[letter - letters];
        s->at++;
        return true;
    }
    if (!skip_char(s, 'u') || !skip_hex4(s, code))
        return false;
    if (*code < 0xd800 || *code > 0xdfff) {
        if (*code != 0 || !in_key)
            return true;
    } else if (*code < 0xdc00) {
        scan second = *s;

        if (skip_word(&second, "\\u") && skip_hex4(&second, &low) && low >= 0xdc00 && low <= 0xdfff) {
            s->at = second.at;
            return true;
        }
        if (second.at == second.end) { /* cut short */
            s->at = second.at;
            return false;
        }
    }
    s->at = backslash; /* half a surrogate pair, or NUL in a key */
    return false;
}

/* One character of UTF-8 beyond ASCII: no overlong form, no surrogate, nothing past U+10FFFF. */
static bool skip_utf8(scan *s)
{
    const unsigned char *c = (const unsigned char *)s->at;
    size_t left = (size_t)(s->end - s->at);
    size_t size = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;

    if (c[0] < 0xc2 || c[0] > 0xf4)
        return false;
    for (size_t i = 1; i < size && i < left; i++)
        if ((c[i] & 0xc0) != 0x80)
            return false;
    if (left > 1 && ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
                     (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f)))
        return false;
    s->at += left < size ? left : size; /* cut short: the text ends too early, nothing before its end is wrong */
    return left >= size;
}

/* A string; *same (may be NULL) tells whether it spells `key`. */
static bool skip_string(scan *s, const char *key, bool *same)
{
    bool equal = true;
    size_t i = 0;

    if (!skip_char(s, '"'))
        return false;
    for (int c; (c = peek(s)) != '"'; ) {
        unsigned code = (unsigned)c;

        if (c < 0x20) /* a control character, or the end of the text */
            return false;
        if (c >= 0x80) {
            if (!skip_utf8(s))
                return false;
        } else {
            s->at++;
            if (c == '\\' && !skip_escape(s, same != NULL, &code))
                return false;
        }
        equal = equal && key[i] != '\0' && code == (unsigned char)key[i++];
    }
    s->at++;
    if (same != NULL)
        *same = equal && key[i] == '\0';
    return true;
}

static bool skip_digits(scan *s)
{
    const char *start = s->at;

    while (s->at < s->end && lsync_ascii_is_digit(*s->at))
        s->at++;
    return s->at > start;
}

/* Whether the digits are more than an int64 holds. */
static bool passes_int64(const char *digits, size_t count, bool negative)
{
    const char *limit = negative ? "9223372036854775808" : "9223372036854775807";

    return count > 19 || (count == 19 && memcmp(digits, limit, 19) > 0);
}

static bool skip_number(scan *s)
{
    const char *start = s->at;
    bool negative = skip_char(s, '-');
    const char *digits = s->at;
    bool integer = true;

    if (!skip_char(s, '0') && !skip_digits(s))
        return false;
    if (peek(s) == '.') {
        integer = false;
        s->at++;
        if (!skip_digits(s))
            return false;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        integer = false;
        s->at++;
        if (!skip_char(s, '+'))
            (void)skip_char(s, '-');
        if (!skip_digits(s))
            return false;
    }
    if (integer && passes_int64(digits, (size_t)(s->at - digits), negative)) {
        s->at = start;
        return false;
    }
    return true;
}

static bool skip_scalar(scan *s)
{
    switch (peek(s)) {
    case '"':
        return skip_string(s, "", NULL);
    case 't':
        return skip_word(s, "true");
    case 'f':
        return skip_word(s, "false");
    case 'n':
        return skip_word(s, "null");
    default:
        return skip_number(s);
    }
}

/* A key and its colon. */
static bool skip_key(scan *s, const char *key, bool *same)
{
    skip_space(s);
    if (!skip_string(s, key, same))
        return false;
    skip_space(s);
    return skip_char(s, ':');
}

/* The open brackets around a place: those that close them. */
typedef struct nesting {
    char closing[LSYNC_JSON_DEPTH_MAX];
    size_t depth;
} nesting;

/* Behind a value: closing brackets, then a comma (and the next key). False when something else stands there. */
static bool skip_after_value(scan *s, nesting *n)
{
    bool same;

    while (n->depth > 0) {
        char close = n->closing[n->depth - 1];

        skip_space(s);
        if (skip_char(s, ','))
            return close == ']' || skip_key(s, "", &same);
        if (!skip_char(s, close))
            return false;
        n->depth--;
    }
    return true;
}

/* An opening bracket, and the first key of an object. *empty: it was closed at once. */
static bool skip_opening(scan *s, nesting *n, bool *empty)
{
    char close = peek(s) == '{' ? '}' : ']';
    bool same;

    if (n->depth == LSYNC_JSON_DEPTH_MAX)
        return false;
    n->closing[n->depth++] = close;
    s->at++;
    skip_space(s);
    *empty = peek(s) == close;
    return *empty || close == ']' || skip_key(s, "", &same);
}

static bool skip_value(scan *s)
{
    nesting n;
    bool empty;

    n.depth = 0;
    do {
        skip_space(s);
        if (peek(s) == '{' || peek(s) == '[') {
            if (!skip_opening(s, &n, &empty))
                return false;
            if (!empty)
                continue;
        } else if (n.depth == LSYNC_JSON_DEPTH_MAX || !skip_scalar(s)) {
            return false;
        }
        if (!skip_after_value(s, &n))
            return false;
    } while (n.depth > 0);
    return true;
}

int64_t lsync_json_fault(const char *body, size_t size)
{
    scan s;

    if (size == 0) /* body may be NULL */
        return 0;
    s = (scan){body, body + size};
    if (skip_value(&s)) {
        skip_space(&s);
        if (s.at == s.end)
            return -1;
    }
    return s.at - body;
}

int64_t lsync_json_find(const char *body, size_t size, const char *key)
{
    scan s = {body, body + size};
    int64_t found = -1;
    bool same;

    skip_space(&s);
    if (!skip_char(&s, '{'))
        return -1;
    do {
        if (!skip_key(&s, key, &same))
            break;
        skip_space(&s);
        if (same)
            found = s.at - body;
        if (!skip_value(&s))
            break;
        skip_space(&s);
    } while (skip_char(&s, ','));
    return found;
}

int64_t lsync_json_element(const char *body, size_t size, int64_t offset, size_t index)
{
    scan s = {body + offset, body + size};

    if (!skip_char(&s, '['))
        return -1;
    for (skip_space(&s); index > 0; index--) {
        if (!skip_value(&s))
            return -1;
        skip_space(&s);
        if (!skip_char(&s, ','))
            return -1;
        skip_space(&s);
    }
    return s.at < s.end ? s.at - body : -1;
}
