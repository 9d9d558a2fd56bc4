/* Writes the bodies of good answers: an envelope around records.

   The record over the versions: v1.15 has id, isConnected and lockProperties {state, isCharging, batteryLevel};
   v1.17 adds stateChangeResult and lastStateChangedDate; v1.33 adds revision and doorState; with v1.35 lockProperties
   is called deviceState. After v1.36 came v37. The state object is null while a lock is disconnected. */

#include "answer.h"

#define RECORD_ROOM 512 /* the longest record is under 300 bytes */
#define NEWEST INT32_MAX

static const char envelope_tail[] = ",\"success\":true,\"errorMessages\":[],\"statusCode\":200}";

struct answers {
    const struct locks *locks;
    struct shape shape;
    struct text kept; /* frozen locks: the whole body about all */
    size_t *offsets;  /* frozen locks: where each record begins in it, and where the last one ends */
};

/* "v1.16" is 16; every version outside v1.x is newer than all of them. */
static int32_t generation(const char *version)
{
    return strncmp(version, "v1.", 3) == 0 ? (int32_t)strtol(version + 3, NULL, 10) : NEWEST;
}

struct shape shape_of_version(const char *version)
{
    int32_t g = generation(version);

    return (struct shape){.dates = g >= 17, .revision = g >= 33, .device_state = g >= 35};
}

/* Days since 1970 to a calendar date, counted from the first of March so that the leap day comes last. */
static char *put_date(char *p, int64_t unix_ms)
{
    int64_t seconds = unix_ms / 1000;
    int64_t days = seconds / 86400 + 719468;
    int64_t era = days / 146097;
    int64_t day = days % 146097;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;

    p = put_padded(p, era * 400 + year + (month >= 10), 4);
    *p++ = '-';
    p = put_padded(p, month < 10 ? month + 3 : month - 9, 2);
    *p++ = '-';
    p = put_padded(p, of_year - (153 * month + 2) / 5 + 1, 2);
    *p++ = 'T';
    p = put_padded(p, seconds / 3600 % 24, 2);
    *p++ = ':';
    p = put_padded(p, seconds / 60 % 60, 2);
    *p++ = ':';
    p = put_padded(p, seconds % 60, 2);
    *p++ = '.';
    p = put_padded(p, unix_ms % 1000, 3);
    *p++ = 'Z';
    return p;
}

static char *put_state(char *p, struct shape shape, const struct lock_state *lock)
{
    p = put_literal(p, "{\"state\":");
    p = put_number(p, lock->state);
    if (shape.revision) {
        p = put_literal(p, ",\"doorState\":");
        p = put_number(p, lock->door);
    }
    p = lock->charging ? put_literal(p, ",\"isCharging\":true,\"batteryLevel\":")
                       : put_literal(p, ",\"isCharging\":false,\"batteryLevel\":");
    p = put_number(p, lock->battery);
    if (shape.dates) {
        p = put_literal(p, ",\"stateChangeResult\":");
        p = put_number(p, lock->result);
        p = put_literal(p, ",\"lastStateChangedDate\":\"");
        p = put_date(p, lock->changed_ms);
        *p++ = '"';
    }
    *p++ = '}';
    return p;
}

static void write_record(const struct answers *answers, int64_t id, int64_t now_us, struct text *body)
{
    struct shape shape = answers->shape;
    struct lock_state lock;
    char *p = text_room(body, RECORD_ROOM);

    locks_look(answers->locks, id, now_us, &lock);
    p = put_literal(p, "{\"id\":");
    p = put_number(p, id);
    p = lock.connected ? put_literal(p, ",\"isConnected\":true,") : put_literal(p, ",\"isConnected\":false,");
    p = shape.device_state ? put_literal(p, "\"deviceState\":") : put_literal(p, "\"lockProperties\":");
    p = lock.connected ? put_state(p, shape, &lock) : put_literal(p, "null");
    if (shape.revision) {
        p = put_literal(p, ",\"revision\":");
        p = put_number(p, lock.revision);
    }
    *p++ = '}';
    body->size = (size_t)(p - body->data);
}

static void add_record(const struct answers *answers, int64_t id, int64_t now_us, struct text *body)
{
    if (answers->offsets != NULL) {
        size_t from = answers->offsets[id - FIRST_LOCK_ID];
        size_t to = answers->offsets[id - FIRST_LOCK_ID + 1] - 1; /* without the comma between */
        text_put(body, answers->kept.data + from, to - from);
    } else {
        write_record(answers, id, now_us, body);
    }
}

static void keep_all(struct answers *answers)
{
    int64_t count = locks_count(answers->locks);
    size_t *offsets = must(calloc((size_t)count + 1, sizeof *offsets));

    answer_begin(&answers->kept);
    for (int64_t i = 0; i < count; i++) {
        offsets[i] = answers->kept.size;
        write_record(answers, FIRST_LOCK_ID + i, 0, &answers->kept);
        text_literal(&answers->kept, ",");
    }
    offsets[count] = answers->kept.size;
    answer_end(&answers->kept);
    answers->offsets = offsets;
}

struct answers *answers_new(const struct locks *locks, struct shape shape, bool frozen)
{
    struct answers *answers = must(calloc(1, sizeof *answers));

    answers->locks = locks;
    answers->shape = shape;
    if (frozen)
        keep_all(answers);
    return answers;
}

void answers_free(struct answers *answers)
{
    if (answers == NULL)
        return;
    text_free(&answers->kept);
    free(answers->offsets);
    free(answers);
}

void answer_begin(struct text *body)
{
    body->size = 0;
    text_literal(body, "{\"result\":[");
}

void answer_add(const struct answers *answers, int64_t id, int64_t now_us, struct text *body)
{
    if (!locks_has(answers->locks, id))
        return;
    add_record(answers, id, now_us, body);
    text_literal(body, ",");
}

void answer_end(struct text *body)
{
    if (body->data[body->size - 1] == ',')
        body->size--;
    text_literal(body, "]");
    text_put(body, envelope_tail, sizeof envelope_tail - 1);
}

struct text answer_all(const struct answers *answers, int64_t now_us, struct text *into)
{
    int64_t count = locks_count(answers->locks);

    if (answers->offsets != NULL)
        return answers->kept;
    answer_begin(into);
    for (int64_t id = FIRST_LOCK_ID; id < FIRST_LOCK_ID + count; id++)
        answer_add(answers, id, now_us, into);
    answer_end(into);
    return *into;
}

bool answer_one(const struct answers *answers, int64_t id, int64_t now_us, struct text *body)
{
    if (!locks_has(answers->locks, id))
        return false;
    body->size = 0;
    text_literal(body, "{\"result\":");
    add_record(answers, id, now_us, body);
    text_put(body, envelope_tail, sizeof envelope_tail - 1);
    return true;
}
