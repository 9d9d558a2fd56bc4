/* The fast way from bytes to records; see decode_direct.h.

   It reads what the service documents: keys in any order, any white space, unknown keys with a plain scalar. All else
   it leaves to the full decoder by giving up, so that it can neither accept what that one refuses nor read it
   differently: every number, text and key here is of a form on which there is nothing to disagree. The body ends in a
   NUL, which stands in no JSON text: no loop needs to look for the end. */
#include "wire/decode_direct.h"
#include "base/ascii.h"
#include "wire/schema.h"

#include <string.h>

#define GUESSED_RECORD_BYTES 96 /* of the shortest usual record: room is guessed from it, and grows if need be */
#define INTEGER_DIGITS_MAX 18   /* all of which an int64_t holds */
#define OTHER_KEYS_MAX 16       /* unknown keys of one object, which are compared each with each */

/* The unknown keys of one object. */
typedef struct other_keys {
    size_t count;
    struct {
        const char *text;
        size_t size;
    } keys[OTHER_KEYS_MAX];
} other_keys;

typedef struct cursor {
    const char *at;
    const char *end;    /* where the NUL stands */
    other_keys *others; /* of a record, and of its state */
} cursor;

static inline void skip_space(cursor *c)
{
    if (*c->at <= ' ') /* the service writes none */
        c->at = lsync_ascii_behind_space(c->at);
}

static inline bool take(cursor *c, char expected)
{
    if (*c->at != expected)
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

/* What is left of a string of printable ASCII without escapes, behind its first quote. */
static bool take_text(cursor *c, const char **text, size_t *size)
{
    const char *at = c->at;

    for (; *at != '"'; at++)
        if (*at < ' ' || *at > '~' || *at == '\\')
            return false;
    *text = c->at;
    *size = (size_t)(at - c->at);
    c->at = at + 1;
    return true;
}

/* An integer of up to 18 digits. A fraction or an exponent stays where it is, and no value goes on like that. */
static bool take_integer(cursor *c, int64_t *value)
{
    bool negative = *c->at == '-';
    const char *digits = c->at + negative;
    const char *at = digits;
    uint64_t sum = 0;

    for (; *at >= '0' && *at <= '9'; at++)
        sum = sum * 10 + (uint64_t)(*at - '0');
    if (at == digits || at - digits > INTEGER_DIGITS_MAX || (*digits == '0' && at - digits > 1))
        return false;
    c->at = at;
    *value = negative ? -(int64_t)sum : (int64_t)sum;
    return true;
}

/* A plain value. One that the field cannot take (a battery level of 255) is absent. */
static bool take_value(cursor *c, const lsync_field *f, lock_sync_lock *lock)
{
    const char *text;
    size_t size;
    int64_t number;

    switch (*c->at) {
    case '"':
        c->at++;
        if (!take_text(c, &text, &size))
            return false;
        (void)lsync_field_store_text(f, text, size, lock);
        return true;
    case 'n': return TAKE(c, "null");
    case 't': (void)lsync_field_store_bool(f, true, lock); return TAKE(c, "true");
    case 'f': (void)lsync_field_store_bool(f, false, lock); return TAKE(c, "false");
    default:
        if (!take_integer(c, &number))
            return false;
        (void)lsync_field_store_integer(f, number, lock);
        return true;
    }
}

/* The field whose key stands here behind its first quote, and is then behind; NULL for another. The one at `next` is
   tried first: the service sends the keys of all records in one order. */
static const lsync_field *take_key(cursor *c, const lsync_field *fields, size_t n, size_t *next)
{
    for (size_t tried = 0; tried < n; tried++) {
        const lsync_field *f = &fields[*next];
        size_t size = f->name_size;

        *next = *next + 1 < n ? *next + 1 : 0;
        if ((size_t)(c->end - c->at) > size && c->at[size] == '"' && memcmp(c->at, f->name, size) == 0) {
            c->at += size + 1;
            return f;
        }
    }
    return NULL;
}

/* A key without a field, behind its first quote. One that comes twice is for the full decoder, and so is one too many.
   The service sends none, so the way past this must cost nothing. */
static bool take_other_key(cursor *c, other_keys *others, bool is_first)
{
    const char *text;
    size_t size;

    if (is_first)
        others->count = 0;
    if (others->count == OTHER_KEYS_MAX || !take_text(c, &text, &size))
        return false;
    for (size_t i = 0; i < others->count; i++)
        if (others->keys[i].size == size && memcmp(others->keys[i].text, text, size) == 0)
            return false;
    others->keys[others->count].text = text;
    others->keys[others->count++].size = size;
    return true;
}

#define OTHER_SEEN ((uint64_t)1 << 63)
_Static_assert(sizeof(lock_sync_lock) < 64, "take_object has a bit for each offset");

/* A record, or its state: an object with at least one member. What comes twice is for the full decoder. */
static bool take_object(cursor *c, const lsync_field *fields, size_t n, lock_sync_lock *lock)
{
    static const lsync_field unknown = {.min = 1, .max = 0}; /* takes no value */
    uint64_t seen = 0;                                       /* a bit for each offset, and OTHER_SEEN */
    size_t next = 0;

    if (!take(c, '{'))
        return false;
    do {
        const lsync_field *f;

        if (!take(c, '"'))
            return false;
        f = take_key(c, fields, n, &next);
        if (f == NULL) {
            f = &unknown;
            if (!take_other_key(c, &c->others[fields == lsync_state_fields], (seen & OTHER_SEEN) == 0))
                return false;
            seen |= OTHER_SEEN;
        } else if ((seen & (uint64_t)1 << f->offset) != 0) {
            return false;
        } else {
            seen |= (uint64_t)1 << f->offset;
        }
        if (!take(c, ':'))
            return false;
        skip_space(c);
        if (f->type == LSYNC_STATE && *c->at == '{') {
            lock->fields |= LOCK_SYNC_FIELD_DEVICE_STATE;
            if (!take_object(c, lsync_state_fields, LSYNC_STATE_FIELDS, lock))
                return false;
        } else if (!take_value(c, f, lock)) {
            return false;
        }
    } while (take(c, ','));
    return take(c, '}');
}

/* One record; it has an id. */
static bool take_record(cursor *c, lock_sync_lock *lock)
{
    memset(lock, 0, sizeof *lock);
    if (!take_object(c, lsync_record_fields, LSYNC_RECORD_FIELDS, lock) || lock->id == 0)
        return false;
    lsync_lock_finish(lock);
    return true;
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

    if (!take(c, '"'))
        return false;
    if (TAKE(c, "result\""))
        return first_time(c, seen, RESULT_SEEN) && (single ? take_one(c, *r) : take_all(c, r));
    if (TAKE(c, "success\""))
        return first_time(c, seen, SUCCESS_SEEN) && TAKE(c, "true");
    if (TAKE(c, "errorMessages\""))
        return first_time(c, seen, MESSAGES_SEEN) && take(c, '[') && take(c, ']');
    if (TAKE(c, "statusCode\""))
        return first_time(c, seen, CODE_SEEN) && take_integer(c, &code) && code >= 200 && code <= 299;
    return false;
}

static bool take_body(cursor *c, bool single, lock_sync_results **r)
{
    uint32_t seen = 0;

    if (!take(c, '{'))
        return false;
    do {
        if (!take_envelope_member(c, single, &seen, r))
            return false;
    } while (take(c, ','));
    if (!take(c, '}'))
        return false;
    skip_space(c);
    return c->at == c->end && (seen & RESULT_SEEN) != 0;
}

lock_sync_results *lsync_decode_direct(const lock_sync_allocator *memory, const lock_sync_request *q,
                                       const lock_sync_response *s, const lsync_scope *scope)
{
    size_t guess = q->single ? 1 : s->body.size / GUESSED_RECORD_BYTES + 1;
    lock_sync_results *r = s->body.size == 0 ? NULL : lsync_results_new(memory, scope, guess, s->received_at_ms);
    other_keys others[2];
    cursor c;

    if (r == NULL)
        return NULL;
    c = (cursor){s->body.data, s->body.data + s->body.size, others};
    if (!take_body(&c, q->single, &r) || !lsync_results_finish(r)) {
        lock_sync_results_free(r);
        return NULL;
    }
    return r;
}
