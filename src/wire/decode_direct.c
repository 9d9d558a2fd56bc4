/* The fast way from bytes to records; see decode_direct.h.

   It reads what the service documents: keys in any order, any white space, unknown keys with a plain scalar. All else
   it leaves to the full decoder by giving up, so that it can neither accept what that one refuses nor read it
   differently: every number, text and key here is of a form on which there is nothing to disagree. The body ends in a
   NUL, which stands in no JSON text outside of a string: no loop needs to look for the end. */
#include "wire/decode_direct.h"
#include "wire/schema.h"

#include <string.h>

#define GUESSED_RECORD_BYTES 96 /* of the shortest usual record: room is guessed from it, and grows if need be */
#define INTEGER_DIGITS_MAX 18   /* all of which an int64_t holds */

typedef struct cursor {
    const char *at;
    const char *end; /* where the NUL stands */
} cursor;

static inline void skip_space(cursor *c)
{
    while (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t')
        c->at++;
}

static inline bool take(cursor *c, char expected)
{
    if (*c->at != expected) /* the service writes no space */
        skip_space(c);
    if (*c->at != expected)
        return false;
    c->at++;
    return true;
}

/* A word of fixed size; `size` is a constant wherever this is called, so the comparison is a few instructions. */
static inline bool take_bytes(cursor *c, const char *bytes, size_t size)
{
    if ((size_t)(c->end - c->at) < size || memcmp(c->at, bytes, size) != 0)
        return false;
    c->at += size;
    return true;
}

#define TAKE(c, literal) take_bytes(c, literal, sizeof(literal) - 1)

/* A string of printable ASCII without escapes. */
static bool take_text(cursor *c, const char **text, size_t *size)
{
    if (*c->at != '"')
        return false;
    *text = ++c->at;
    while (*c->at != '"') {
        if (*c->at < ' ' || *c->at > '~' || *c->at == '\\')
            return false;
        c->at++;
    }
    *size = (size_t)(c->at++ - *text);
    return true;
}

/* An integer of up to 18 digits, without fraction and exponent. */
static bool take_integer(cursor *c, int64_t *value)
{
    bool negative = *c->at == '-';
    const char *digits = c->at + negative;
    const char *at = digits;
    int64_t sum = 0;

    for (; *at >= '0' && *at <= '9'; at++) {
        if (at - digits == INTEGER_DIGITS_MAX)
            return false;
        sum = sum * 10 + (*at - '0');
    }
    if (at == digits || (*digits == '0' && at - digits > 1) || *at == '.' || *at == 'e' || *at == 'E')
        return false;
    c->at = at;
    *value = negative ? -sum : sum;
    return true;
}

/* A key of no interest with a scalar value. */
static bool skip_unknown(cursor *c)
{
    const char *text;
    size_t size;
    int64_t number;

    if (!take_text(c, &text, &size) || !take(c, ':'))
        return false;
    skip_space(c);
    if (*c->at == '"')
        return take_text(c, &text, &size);
    return TAKE(c, "null") || TAKE(c, "true") || TAKE(c, "false") || take_integer(c, &number);
}

/* The value of a field, of its type or null. What the field cannot take (a battery level of 255) is absent. */
static inline bool take_value(cursor *c, const lsync_field *f, lock_sync_lock *lock)
{
    const char *text;
    size_t size;
    int64_t number;

    if (*c->at == 'n')
        return TAKE(c, "null");
    if (f->type == LSYNC_TIME) {
        if (!take_text(c, &text, &size))
            return false;
        (void)lsync_field_store_text(f, text, size, lock);
        return true;
    }
    if (f->type == LSYNC_BOOL && (*c->at == 't' || *c->at == 'f')) {
        bool truth = *c->at == 't';

        if (!(truth ? TAKE(c, "true") : TAKE(c, "false")))
            return false;
        (void)lsync_field_store_bool(f, truth, lock);
        return true;
    }
    if (!take_integer(c, &number))
        return false;
    (void)lsync_field_store_integer(f, number, lock);
    return true;
}

#define NO_FIELD SIZE_MAX

/* The place of the key that stands here, which is then behind; NO_FIELD for another. `guess` is tried first: the
   service sends the keys of one record as those of the one before. */
#define MATCH(name, type, bit, member, min, max)                                                                      \
    if (i == guess && TAKE(c, "\"" name "\""))                                                                        \
        return i;                                                                                                     \
    i++;
#define MATCH_ANY(name, type, bit, member, min, max)                                                                  \
    if (TAKE(c, "\"" name "\""))                                                                                      \
        return i;                                                                                                     \
    i++;

static inline size_t take_record_key(cursor *c, size_t guess)
{
    size_t i = 0;

    LSYNC_RECORD_SCHEMA(MATCH)
    i = 0;
    LSYNC_RECORD_SCHEMA(MATCH_ANY)
    return NO_FIELD;
}

static inline size_t take_state_key(cursor *c, size_t guess)
{
    size_t i = 0;

    LSYNC_STATE_SCHEMA(MATCH)
    i = 0;
    LSYNC_STATE_SCHEMA(MATCH_ANY)
    return NO_FIELD;
}

/* Runs `member`, which reads one key and its value, over an object whose brace is behind. */
#define FOR_EACH_MEMBER(c, member)                                                                                    \
    do {                                                                                                              \
        if (take(c, '}'))                                                                                             \
            break;                                                                                                    \
        do {                                                                                                          \
            skip_space(c);                                                                                            \
            if (!(member))                                                                                            \
                return false;                                                                                         \
        } while (take(c, ','));                                                                                       \
        if (!take(c, '}'))                                                                                            \
            return false;                                                                                             \
    } while (0)

/* A field's value behind its key; a key that comes twice is for the full decoder. */
static inline bool take_field(cursor *c, const lsync_field *f, uint32_t *seen, uint32_t bit, lock_sync_lock *lock)
{
    if ((*seen & bit) != 0 || !take(c, ':'))
        return false;
    *seen |= bit;
    skip_space(c);
    return take_value(c, f, lock);
}

static inline bool take_state_member(cursor *c, size_t *guess, uint32_t *seen, lock_sync_lock *lock)
{
    size_t i = take_state_key(c, *guess);

    if (i == NO_FIELD)
        return skip_unknown(c);
    *guess = i + 1;
    return take_field(c, &lsync_state_fields[i], seen, 1u << i, lock);
}

static bool take_state(cursor *c, lock_sync_lock *lock)
{
    uint32_t seen = 0;
    size_t guess = 0;

    if (*c->at == 'n')
        return TAKE(c, "null");
    if (!take(c, '{'))
        return false;
    lock->fields |= LOCK_SYNC_FIELD_DEVICE_STATE;
    FOR_EACH_MEMBER(c, take_state_member(c, &guess, &seen, lock));
    return true;
}

#define STATE_BIT (1u << LSYNC_RECORD_FIELDS)

static inline bool take_record_member(cursor *c, size_t *guess, uint32_t *seen, lock_sync_lock *lock)
{
    size_t i;

    if (TAKE(c, "\"" LSYNC_STATE_NAME "\"") || TAKE(c, "\"" LSYNC_OLD_STATE_NAME "\"")) {
        if ((*seen & STATE_BIT) != 0 || !take(c, ':')) /* twice, or both names */
            return false;
        *seen |= STATE_BIT;
        skip_space(c);
        return take_state(c, lock);
    }
    i = take_record_key(c, *guess);
    if (i == NO_FIELD)
        return skip_unknown(c);
    *guess = i + 1;
    return take_field(c, &lsync_record_fields[i], seen, 1u << i, lock);
}

/* One record; it has an id. */
static bool take_record(cursor *c, lock_sync_lock *lock)
{
    uint32_t seen = 0;
    size_t guess = 0;

    memset(lock, 0, sizeof *lock);
    if (!take(c, '{'))
        return false;
    FOR_EACH_MEMBER(c, take_record_member(c, &guess, &seen, lock));
    return lock->id != 0;
}

static bool take_one(cursor *c, lock_sync_results *r)
{
    lock_sync_lock lock;

    if (!take_record(c, &lock) || lock.id != r->asked.ids[0])
        return false;
    lsync_results_add(r, &lock);
    return true;
}

static bool take_all(cursor *c, lock_sync_results **results)
{
    lock_sync_results *r = *results;
    lock_sync_lock lock;

    if (!take(c, '['))
        return false;
    if (take(c, ']'))
        return true;
    do {
        if (lsync_results_is_full(r)) {
            r = lsync_results_grow(r);
            if (r == NULL)
                return false;
            *results = r;
        }
        if (!take_record(c, &lock))
            return false;
        lsync_results_add(r, &lock);
    } while (take(c, ','));
    return take(c, ']');
}

enum { RESULT_SEEN = 1, SUCCESS_SEEN = 2, MESSAGES_SEEN = 4, CODE_SEEN = 8 };

/* A member of the envelope that is seen for the first time, and its colon. */
static bool first_time(cursor *c, uint32_t *seen, uint32_t bit)
{
    if ((*seen & bit) != 0 || !take(c, ':'))
        return false;
    *seen |= bit;
    skip_space(c);
    return true;
}

/* Only what says that all is well. */
static bool take_envelope_member(cursor *c, bool single, uint32_t *seen, lock_sync_results **r)
{
    int64_t code;

    if (TAKE(c, "\"result\""))
        return first_time(c, seen, RESULT_SEEN) && (single ? take_one(c, *r) : take_all(c, r));
    if (TAKE(c, "\"success\""))
        return first_time(c, seen, SUCCESS_SEEN) && TAKE(c, "true");
    if (TAKE(c, "\"errorMessages\""))
        return first_time(c, seen, MESSAGES_SEEN) && take(c, '[') && take(c, ']');
    if (TAKE(c, "\"statusCode\""))
        return first_time(c, seen, CODE_SEEN) && take_integer(c, &code);
    return false;
}

static bool take_body(cursor *c, bool single, lock_sync_results **r)
{
    uint32_t seen = 0;

    if (!take(c, '{'))
        return false;
    FOR_EACH_MEMBER(c, take_envelope_member(c, single, &seen, r));
    skip_space(c);
    return c->at == c->end && (seen & RESULT_SEEN) != 0;
}

lock_sync_results *lsync_decode_direct(const lock_sync_allocator *memory, const lock_sync_request *q,
                                       const lock_sync_response *s, const lsync_scope *scope)
{
    size_t guess = q->single ? 1 : s->body.size / GUESSED_RECORD_BYTES + 1;
    lock_sync_results *r = s->body.size == 0 ? NULL : lsync_results_new(memory, scope, guess, s->received_at_ms);
    cursor c;

    if (r == NULL)
        return NULL;
    c = (cursor){s->body.data, s->body.data + s->body.size};
    if (!take_body(&c, q->single, &r)) {
        lock_sync_results_free(r);
        return NULL;
    }
    lsync_results_finish(r);
    return r;
}
