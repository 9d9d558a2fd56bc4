/* The fast decoder; see decode_direct.h.

   It reads the documented form: keys in any order, any white space, unknown keys with a scalar value. It gives up on
   everything else, and the full decoder takes over. It must not accept a body that the full decoder rejects, nor read
   one differently. So it accepts only forms of numbers, texts and keys that have one meaning.

   The body ends in a NUL. Valid JSON contains no NUL, so no loop needs to check for the end. */
#include "wire/decode_direct.h"
#include "base/ascii.h"
#include "wire/schema.h"

#include <string.h>

#define GUESSED_RECORD_BYTES 96 /* the shortest usual record; gives the first capacity, which can grow */
#define OTHER_KEYS_MAX 16       /* unknown keys of one object; each is compared with all others */

/* The unknown keys of one object. */
typedef struct other_keys {
    size_t count;
    struct {
        const char *text;
        size_t size;
    } keys[OTHER_KEYS_MAX];
} other_keys;

typedef struct reader {
    const char *at;
    const char *end;    /* the position of the NUL */
    other_keys *others; /* [0] of a record, [1] of its state object */
} reader;

static inline void skip_space(reader *c)
{
    if (*c->at <= ' ') /* the service sends no spaces */
        c->at = lsync_ascii_after_space(c->at);
}

static inline bool take(reader *c, char expected)
{
    if (*c->at != expected)
        skip_space(c);
    if (*c->at != expected)
        return false;
    c->at++;
    return true;
}

/* Takes a word of fixed size. All callers pass a constant `size`, so the comparison is a few instructions. */
static inline bool take_bytes(reader *c, const char *bytes, size_t size)
{
    if ((size_t)(c->end - c->at) < size || memcmp(c->at, bytes, size) != 0)
        return false;
    c->at += size;
    return true;
}

#define TAKE(c, literal) take_bytes(c, literal, sizeof(literal) - 1)

/* Takes the rest of a string, after its opening quote. Only printable ASCII without escapes is accepted. */
static bool take_text(reader *c, const char **text, size_t *size)
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

/* Takes an integer that is not too long for an int64_t. A fraction or an exponent is not taken; then the next step
   fails. */
static bool take_integer(reader *c, int64_t *value)
{
    bool negative = *c->at == '-';
    const char *digits = c->at + negative;
    const char *at = digits;
    uint64_t sum = 0;

    for (; *at >= '0' && *at <= '9'; at++)
        sum = sum * 10 + (uint64_t)(*at - '0');
    if (at == digits || at - digits > LSYNC_ASCII_INT64_DIGITS || (*digits == '0' && at - digits > 1))
        return false;
    c->at = at;
    *value = negative ? -(int64_t)sum : (int64_t)sum;
    return true;
}

/* Takes a scalar value. One that the field cannot hold (a battery level of 255) counts as absent. */
static bool take_value(reader *c, const lsync_field *f, lock_sync_lock *lock)
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

/* Takes a known key, after its opening quote, and returns its field; NULL for an unknown key. The field at `next` is
   tried first because the service sends the keys of all records in the same order. */
static const lsync_field *take_key(reader *c, const lsync_field *fields, size_t n, size_t *next)
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

/* Takes an unknown key, after its opening quote. False if it occurs twice, or if there are too many unknown keys: the
   full decoder handles these. The service sends no unknown keys, so records without them must not pay for this. */
static bool take_other_key(reader *c, other_keys *others, bool is_first)
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

/* Takes a record or its state: an object with at least one member. False if a key occurs twice: the full decoder
   handles that. */
static bool take_object(reader *c, const lsync_field *fields, size_t n, lock_sync_lock *lock)
{
    static const lsync_field unknown = {.min = 1, .max = 0}; /* no value is in its range */
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

/* Takes one record. False if it has no id. */
static bool take_record(reader *c, lock_sync_lock *lock)
{
    memset(lock, 0, sizeof *lock);
    if (!take_object(c, lsync_record_fields, LSYNC_RECORD_FIELDS, lock) || lock->id == 0)
        return false;
    lsync_lock_finish(lock);
    return true;
}

static bool take_one(reader *c, lock_sync_results *r)
{
    lock_sync_lock lock;

    if (!take_record(c, &lock) || lock.id != r->asked.ids[0])
        return false;
    lsync_results_add(r, &lock);
    return true;
}

static bool take_all(reader *c, lock_sync_results **results)
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

/* Takes the colon of an envelope member and marks the member as seen. False if it was seen before. */
static bool first_time(reader *c, uint32_t *seen, uint32_t bit)
{
    if ((*seen & bit) != 0 || !take(c, ':'))
        return false;
    *seen |= bit;
    skip_space(c);
    return true;
}

/* Takes a member of the envelope. False for an unknown member, and for a value that does not report success. */
static bool take_envelope_member(reader *c, bool single, uint32_t *seen, lock_sync_results **r)
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

static bool take_body(reader *c, bool single, lock_sync_results **r)
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
    reader c;

    if (r == NULL)
        return NULL;
    c = (reader){s->body.data, s->body.data + s->body.size, others};
    if (!take_body(&c, q->single, &r) || !lsync_results_finish(r)) {
        lock_sync_results_free(r);
        return NULL;
    }
    return r;
}
