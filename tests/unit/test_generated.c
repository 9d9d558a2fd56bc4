/* Random answers of which the truth is known: thousands are written, with all that the service may vary, and each value
   that is read from them is held against what was meant. Neither decoder has a part in that truth. */
#include "base/memory.h"
#include "../support/decoding.h"
#include "wire/decode_direct.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWERS 3000
#define LOCKS_MAX 300
#define ASKED_MAX 40
#define PLAIN_PERCENT_MIN 60 /* of the answers, so many at least are of the documented shape */

/* A growing text. */
typedef struct text {
    char *at;
    size_t size;
    size_t room;
} text;

/* What was meant. `expected` holds the values as they must be read. */
typedef struct truth {
    lock_sync_lock expected[LOCKS_MAX];
    size_t count;
    int64_t asked[ASKED_MAX];
    size_t asked_count;
    bool single;
    bool plain; /* of the documented shape, so that it is read in one pass */
} truth;

typedef struct generator {
    uint64_t seed;
    text body;
    int style;  /* of the white space: 0 none, 1 some, 2 much */
    int oddity; /* percent of values that are good and not as documented; 0 in a plain answer */
    truth *truth;
} generator;

static uint64_t below(generator *g, uint64_t n)
{
    return t_random(&g->seed) % n;
}

static bool chance(generator *g, int percent)
{
    return (int)below(g, 100) < percent;
}

/* Whether to write something that only the full decoder takes. */
static bool oddly(generator *g)
{
    if (g->oddity == 0 || !chance(g, g->oddity))
        return false;
    g->truth->plain = false;
    return true;
}

static void put(generator *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(generator *g, const char *format, ...)
{
    va_list arguments;
    int size;

    if (g->body.room - g->body.size < 200) {
        g->body.room = g->body.room * 2 + 4000;
        g->body.at = realloc(g->body.at, g->body.room);
        MUST(g->body.at != NULL);
    }
    va_start(arguments, format);
    size = vsnprintf(g->body.at + g->body.size, g->body.room - g->body.size, format, arguments);
    va_end(arguments);
    MUST(size >= 0 && size < 200);
    g->body.size += (size_t)size;
}

static void space(generator *g)
{
    static const char *const spaces[] = {" ", "\n", "\t", "\r\n", "  ", "\n    "};

    if (g->style == 0 || (g->style == 1 && !chance(g, 30)))
        return;
    put(g, "%s", spaces[below(g, COUNT_OF(spaces))]);
}

static void mark(generator *g, char c)
{
    space(g);
    put(g, "%c", c);
    space(g);
}

/* A key and its colon; the same in escapes, if need be. */
static void key(generator *g, const char *name)
{
    if (name[0] != '\0' && oddly(g))
        put(g, "\"\\u%04x%s\"", (unsigned)name[0], name + 1);
    else
        put(g, "\"%s\"", name);
    mark(g, ':');
}

/* The order in which n members are written. */
static void shuffle(generator *g, int *order, int n)
{
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        int j = (int)below(g, (uint64_t)i + 1);
        int swap = order[i];

        order[i] = order[j];
        order[j] = swap;
    }
}

/* --- values --- */

static void put_integer(generator *g, int64_t value)
{
    if (value > -1000000 && value < 1000000 && oddly(g))
        put(g, chance(g, 50) ? "%" PRId64 ".0" : "%" PRId64 ".000", value);
    else
        put(g, "%" PRId64, value);
}

/* A number of up to 18 digits, all lengths alike. */
static int64_t any_integer(generator *g)
{
    int64_t value = 0;

    for (uint64_t digits = 1 + below(g, 18); digits > 0; digits--)
        value = value * 10 + (int64_t)below(g, 10);
    return value;
}

static int64_t any_id(generator *g)
{
    return chance(g, 70) ? 1 + (int64_t)below(g, 500) : 1 + any_integer(g) % 999999999999999999;
}

static void put_bool(generator *g, bool value)
{
    if (chance(g, 20)) /* a documented habit: 0 and 1 */
        put(g, "%d", value);
    else
        put(g, "%s", value ? "true" : "false");
}

/* A moment in one of the ways to write it; returns the Unix time in ms that it stands for. */
static int64_t put_time(generator *g)
{
    int64_t ms = (int64_t)below(g, INT64_C(4102444800000)) - (chance(g, 10) ? INT64_C(2000000000000) : 0);
    int fraction = (int)below(g, 10);
    int offset = chance(g, 30) ? (int)below(g, 2 * 1439 + 1) - 1439 : 0;
    time_t local;
    struct tm tm;
    char digits[16];

    ms = fraction == 0 ? ms / 1000 * 1000 : fraction == 1 ? ms / 100 * 100 : fraction == 2 ? ms / 10 * 10 : ms;
    local = (time_t)((ms - (ms % 1000 + 1000) % 1000) / 1000) + offset * 60;
    MUST(gmtime_r(&local, &tm) != NULL);
    put(g, "\"%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
        tm.tm_sec);
    (void)snprintf(digits, sizeof digits, "%03d%06d", (int)((ms % 1000 + 1000) % 1000), (int)below(g, 1000000));
    if (fraction > 0)
        put(g, ".%.*s", fraction, digits);
    if (offset != 0)
        put(g, "%c%02d:%02d", offset < 0 ? '-' : '+', abs(offset) / 60, abs(offset) % 60);
    else if (chance(g, 70))
        put(g, "Z");
    put(g, "\"");
    return ms;
}

/* A key that the library does not know and that is not `used`, with a value that it must skip. */
static void put_unknown(generator *g, uint64_t *used)
{
    static const char *const names[] = {"name", "type", "stateX", "Id", "identifier", "x", "is", "", "batteryLevels"};
    static const char *const scalars[] = {"null", "true", "false", "0", "-17", "\"\"", "\"text, } ] with {marks}\"",
                                          "\"id\"", "123456789012345678"};
    static const char *const others[] = {"{\"id\":5,\"state\":{\"state\":6}}", "[1,[2,{}],\"]\"]", "1.5", "-0.1e-3",
                                         "\"\\\"\\u00e9\\ud83d\\ude00\"", "\"\xc5\x82\xc3\xb3\xc5\xbc\"", "{}",
                                         "[ ]", "1234567890123456789"};

    size_t name;

    do {
        name = (size_t)below(g, COUNT_OF(names));
    } while ((*used >> name & 1) != 0); /* a key stands once in an object */
    *used |= UINT64_C(1) << name;
    key(g, names[name]);
    if (oddly(g))
        put(g, "%s", others[below(g, COUNT_OF(others))]);
    else
        put(g, "%s", scalars[below(g, COUNT_OF(scalars))]);
}

/* A value that counts as absent: null, or one of another type. */
static void put_absent(generator *g)
{
    static const char *const wrong[] = {"[]", "{}", "\"\"", "\"6\"", "6.5", "6.0e0", "{\"state\":6}", "1e300",
                                        "\"2021-13-01\""};

    put(g, "%s", oddly(g) ? wrong[below(g, COUNT_OF(wrong))] : "null");
}

/* --- records --- */

enum { STATE, DOOR, CHARGING, BATTERY, RESULT, CHANGED, STATE_UNKNOWN_1, STATE_UNKNOWN_2, STATE_MEMBERS };

static int32_t any_int32(generator *g)
{
    static const int32_t edges[] = {INT32_MIN, -1, INT32_MAX, 255, 18};

    return chance(g, 80) ? (int32_t)below(g, 10) : edges[below(g, COUNT_OF(edges))];
}

static void put_int32(generator *g, lock_sync_lock *lock, uint32_t bit, int32_t *place)
{
    int32_t value = any_int32(g);

    if (chance(g, 3)) { /* out of range: absent */
        put(g, "%" PRId64, chance(g, 50) ? (int64_t)INT32_MAX + 1 : (int64_t)INT32_MIN - 1);
        return;
    }
    put_integer(g, value);
    *place = value;
    lock->fields |= bit;
}

static void put_state_value(generator *g, int member, lock_sync_lock *lock)
{
    static const int batteries[] = {0, 1, 54, 99, 100, 101, 255, -1};
    int battery = batteries[below(g, COUNT_OF(batteries))];

    switch (member) {
    case STATE:
        put_int32(g, lock, LOCK_SYNC_FIELD_STATE, &lock->state);
        break;
    case DOOR:
        put_int32(g, lock, LOCK_SYNC_FIELD_DOOR_STATE, &lock->door_state);
        break;
    case RESULT:
        put_int32(g, lock, LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, &lock->state_change_result);
        break;
    case CHARGING:
        lock->is_charging = chance(g, 50);
        lock->fields |= LOCK_SYNC_FIELD_CHARGING;
        put_bool(g, lock->is_charging);
        break;
    case BATTERY:
        put_integer(g, battery);
        if (battery >= 0 && battery <= 100) {
            lock->battery_level = battery;
            lock->fields |= LOCK_SYNC_FIELD_BATTERY_LEVEL;
        }
        break;
    default:
        lock->last_state_changed_ms = put_time(g);
        lock->fields |= LOCK_SYNC_FIELD_LAST_STATE_CHANGED;
        break;
    }
}

static void put_state(generator *g, lock_sync_lock *lock)
{
    static const char *const names[] = {"state",        "doorState",         "isCharging",
                                        "batteryLevel", "stateChangeResult", "lastStateChangedDate"};
    int order[STATE_MEMBERS];
    uint64_t used = 0;
    bool first = true;

    if (chance(g, 10)) {
        put(g, "null");
        return;
    }
    lock->fields |= LOCK_SYNC_FIELD_DEVICE_STATE;
    put(g, "{");
    space(g);
    shuffle(g, order, STATE_MEMBERS);
    for (int i = 0; i < STATE_MEMBERS; i++) {
        bool unknown = order[i] >= STATE_UNKNOWN_1;

        if (chance(g, unknown ? 85 : 10))
            continue;
        if (!first)
            mark(g, ',');
        first = false;
        if (unknown) {
            put_unknown(g, &used);
            continue;
        }
        key(g, names[order[i]]);
        if (chance(g, 5))
            put_absent(g);
        else
            put_state_value(g, order[i], lock);
    }
    space(g);
    put(g, "}");
}

enum { ID, CONNECTED, REVISION, DEVICE_STATE, OTHER_STATE, UNKNOWN_1, UNKNOWN_2, MEMBERS };

static void put_member(generator *g, int member, const char *state_name, uint64_t *used, lock_sync_lock *lock)
{
    lock_sync_lock nobody = {0};

    switch (member) {
    case ID:
        key(g, "id");
        put_integer(g, lock->id);
        break;
    case CONNECTED:
        key(g, "isConnected");
        lock->is_connected = chance(g, 50);
        lock->fields |= LOCK_SYNC_FIELD_CONNECTED;
        put_bool(g, lock->is_connected);
        break;
    case REVISION:
        key(g, "revision");
        if (chance(g, 5)) {
            put_absent(g);
            break;
        }
        lock->revision = chance(g, 90) ? (int64_t)below(g, 1000) : -any_integer(g);
        lock->fields |= LOCK_SYNC_FIELD_REVISION;
        put_integer(g, lock->revision);
        break;
    case DEVICE_STATE:
        key(g, state_name);
        put_state(g, lock);
        break;
    case OTHER_STATE: /* the old name beside the new one, which wins */
        key(g, "lockProperties");
        put_state(g, &nobody);
        break;
    default:
        put_unknown(g, used);
        break;
    }
}

/* Nothing is known of a lock that is not known to be connected, but for what belongs to its settings and its past. */
static void forget(lock_sync_lock *lock)
{
    lock_sync_lock left = {.id = lock->id, .revision = lock->revision, .fields = lock->fields,
                           .last_state_changed_ms = lock->last_state_changed_ms};

    if (lock->is_connected)
        return;
    left.fields &= LOCK_SYNC_FIELD_CONNECTED | LOCK_SYNC_FIELD_REVISION | LOCK_SYNC_FIELD_DEVICE_STATE |
                   LOCK_SYNC_FIELD_LAST_STATE_CHANGED;
    *lock = left;
}

static void put_record(generator *g, int64_t id, lock_sync_lock *lock)
{
    const char *state_name = chance(g, 50) ? "deviceState" : "lockProperties";
    bool both = strcmp(state_name, "deviceState") == 0 && oddly(g);
    int order[MEMBERS];
    uint64_t used = 0;
    bool has_state = false;
    bool first = true;

    memset(lock, 0, sizeof *lock);
    lock->id = id;
    put(g, "{");
    space(g);
    shuffle(g, order, MEMBERS);
    for (int i = 0; i < MEMBERS; i++) {
        if (order[i] == OTHER_STATE ? !both : order[i] != ID && chance(g, order[i] >= UNKNOWN_1 ? 80 : 10))
            continue;
        if (!first)
            mark(g, ',');
        first = false;
        if (order[i] == DEVICE_STATE)
            has_state = true;
        put_member(g, order[i], state_name, &used, lock);
    }
    if (both && !has_state) { /* then the old one would count: the new one is to be there */
        mark(g, ',');
        put_member(g, DEVICE_STATE, state_name, &used, lock);
    }
    space(g);
    put(g, "}");
    forget(lock);
}

/* --- answers --- */

static bool is_among(const int64_t *ids, size_t n, int64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* The result, and what is to be read of it: each id once, of those asked for. */
static void put_result(generator *g, size_t locks)
{
    truth *t = g->truth;
    static int64_t seen[LOCKS_MAX]; /* one generator runs at a time */
    bool ascending = chance(g, 50);
    size_t start = 0, end = 0; /* of the record before */
    lock_sync_lock lock;

    if (t->single) {
        put_record(g, t->asked[0], &t->expected[t->count++]);
        return;
    }
    put(g, "[");
    space(g);
    for (size_t i = 0; i < locks; i++) {
        bool again = i > 0 && chance(g, 5); /* the record before, once more: it counts once */
        int64_t id = ascending ? (int64_t)i * 3 + 1 : any_id(g);

        if (i > 0)
            mark(g, ',');
        if (again) {
            seen[i] = seen[i - 1];
            for (size_t at = start; at < end; at++)
                put(g, "%c", g->body.at[at]);
            continue;
        }
        while (is_among(seen, i, id)) /* another record would contradict it */
            id = any_id(g);
        start = g->body.size;
        put_record(g, id, &lock);
        end = g->body.size;
        if (t->asked_count == 0 || is_among(t->asked, t->asked_count, id))
            t->expected[t->count++] = lock;
        seen[i] = id;
    }
    space(g);
    put(g, "]");
}

enum { BODY_RESULT, BODY_SUCCESS, BODY_MESSAGES, BODY_CODE, BODY_UNKNOWN, BODY_MEMBERS };

static void put_body(generator *g, size_t locks)
{
    int order[BODY_MEMBERS];
    uint64_t used = 0;
    bool first = true;

    shuffle(g, order, BODY_MEMBERS);
    space(g);
    put(g, "{");
    space(g);
    for (int i = 0; i < BODY_MEMBERS; i++) {
        if (order[i] == BODY_UNKNOWN ? !oddly(g) : order[i] != BODY_RESULT && chance(g, 10))
            continue;
        if (!first)
            mark(g, ',');
        first = false;
        if (order[i] == BODY_UNKNOWN) {
            put_unknown(g, &used);
            continue;
        }
        key(g, order[i] == BODY_RESULT     ? "result"
               : order[i] == BODY_SUCCESS  ? "success"
               : order[i] == BODY_MESSAGES ? "errorMessages"
                                           : "statusCode");
        if (order[i] == BODY_RESULT)
            put_result(g, locks);
        else
            put(g, "%s", order[i] == BODY_SUCCESS ? "true" : order[i] == BODY_MESSAGES ? "[]" : "200");
    }
    space(g);
    put(g, "}");
    space(g);
}

static void generate(generator *g)
{
    size_t locks = (size_t)(chance(g, 94) ? below(g, 9) : below(g, LOCKS_MAX + 1));
    truth *t = g->truth;

    g->body.size = 0;
    g->style = (int)below(g, 3);
    g->oddity = chance(g, 30) ? 5 : 0;
    t->count = 0;
    t->plain = true;
    t->single = chance(g, 10);
    t->asked_count = t->single ? 1 : chance(g, 60) ? 0 : 1 + (size_t)below(g, ASKED_MAX);
    for (size_t i = 0; i < t->asked_count; i++)
        t->asked[i] = i > 0 && chance(g, 10) ? t->asked[below(g, i)] : any_id(g);
    put_body(g, locks);
}

/* --- the check --- */

static bool check_results(const lock_sync_results *r, const truth *t)
{
    bool good = CHECK_INT(lock_sync_results_count(r), t->count);
    size_t missing = 0;

    for (size_t i = 0; good && i < t->count; i++) {
        const lock_sync_lock *got = lock_sync_results_at(r, i);

        good = CHECK(t_same_lock(got, &t->expected[i])) && CHECK(lock_sync_results_find(r, t->expected[i].id) == got);
    }
    for (size_t i = 0; good && i < t->asked_count; i++) {
        if (is_among(t->asked, i, t->asked[i]) || lock_sync_results_find(r, t->asked[i]) != NULL)
            continue;
        good = CHECK_INT(lock_sync_results_missing_at(r, missing++), t->asked[i]);
    }
    return CHECK_INT(lock_sync_results_missing_count(r), missing) && good;
}

/* Decodes the body directly, without the decoder that stands behind. NULL: that one would be asked. */
static lock_sync_results *decode_direct(lock_sync_ctx *ctx, const generator *g)
{
    const truth *t = g->truth;
    lock_sync_request *q = NULL;
    lock_sync_response *s = NULL;
    lock_sync_results *r = NULL;
    lock_sync_allocator memory;

    MUST(lsync_allocator_init(&memory, NULL));
    CHECK_OK(t->single ? lock_sync_request_build_one(ctx, t->asked[0], &q)
                       : lock_sync_request_build(ctx, t->asked_count == 0 ? NULL : t->asked, t->asked_count, &q));
    CHECK_OK(lock_sync_response_new(ctx, &s));
    if (q != NULL && s != NULL && CHECK_OK(lock_sync_response_append_body(s, g->body.at, g->body.size)))
        r = lsync_decode_direct(&memory, q, s, &q->scope);
    lock_sync_response_free(s);
    lock_sync_request_free(q);
    return r;
}

/* One answer, both through the public functions and directly. */
static bool check_answer(lock_sync_ctx *ctx, const generator *g, bool *direct)
{
    const truth *t = g->truth;
    t_answer answer = {.ids = t->asked, .n = t->asked_count, .single = t->single ? t->asked[0] : 0, .body = g->body.at,
                       .size = g->body.size};
    lock_sync_results *r;
    bool good;

    good = CHECK_OK(t_decode(ctx, &answer, &r)) && check_results(r, t);
    lock_sync_results_free(r);
    *direct = false;
    if (!good)
        return false;
    r = decode_direct(ctx, g);
    *direct = r != NULL;
    good = r != NULL ? check_results(r, t) : CHECK(!t->plain);
    lock_sync_results_free(r);
    return good;
}

TEST(random_answers_are_read_as_they_were_meant)
{
    generator g = {.seed = 20260401, .truth = calloc(1, sizeof(truth))};
    lock_sync_ctx *ctx = t_ctx();
    int plain = 0;
    int direct = 0;
    size_t locks = 0;

    MUST(g.truth != NULL);
    for (int i = 0; i < ANSWERS; i++) {
        bool taken;

        generate(&g);
        if (!check_answer(ctx, &g, &taken)) {
            int64_t at = t_error_offset(ctx);

            t_row("answer %d, %s", i, t_error_message(ctx));
            CHECK_TEXT(g.body.at + (at > 0 && (size_t)at < g.body.size ? at : 0), "what was meant");
            break;
        }
        plain += g.truth->plain;
        direct += taken;
        locks += g.truth->count;
    }
    print_message("%d answers with %zu locks: %d plain, %d read in one pass\n", ANSWERS, locks, plain, direct);
    CHECK(plain >= ANSWERS * PLAIN_PERCENT_MIN / 100);
    CHECK(plain < ANSWERS * 95 / 100); /* the full decoder has its part too */
    CHECK(direct >= plain && direct < ANSWERS);
    CHECK(locks > ANSWERS);
    lock_sync_ctx_free(ctx);
    free(g.body.at);
    free(g.truth);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(random_answers_are_read_as_they_were_meant),
    };

    return T_MAIN(tests);
}
