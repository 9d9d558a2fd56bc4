/* Writes the bodies of good responses to syncs: an envelope around records. directory.c writes those of my/lock.

   The record by version: v1.15 has id, isConnected and lockProperties {state, isCharging, batteryLevel}; v1.17 adds
   stateChangeResult and lastStateChangedDate; v1.33 adds revision and doorState; v1.35 renames lockProperties to
   deviceState. v37 follows v1.36. The state object is null while a lock is disconnected. */

#include "responses.h"

#define RECORD_ROOM 512 /* the longest record is under 300 bytes */
#define NEWEST INT32_MAX

static const char envelope_tail[] = ",\"success\":true,\"errorMessages\":[],\"statusCode\":200}";

struct responses {
    const struct roster *roster;
    struct shape shape;
    struct text kept; /* frozen locks: the body with all locks */
    size_t *offsets;  /* frozen locks: where each record begins in `kept`, and where the last one ends */
};

/* Returns whether the kept body is up to date. It is never rewritten, because responses that are being sent refer to
   it. */
static bool can_copy(const struct responses *responses)
{
    return responses->offsets != NULL && !roster_has_changed(responses->roster);
}

/* Returns 16 for "v1.16", and NEWEST for versions that are not v1.x. */
static int32_t generation(const char *version)
{
    return strncmp(version, "v1.", 3) == 0 ? (int32_t)strtol(version + 3, NULL, 10) : NEWEST;
}

struct shape shape_of_version(const char *version)
{
    int32_t g = generation(version);

    return (struct shape){
        .dates = g >= 17, .revision = g >= 33, .device_state = g >= 35, .directory_device_state = g >= 34};
}

/* Converts days since 1970 to a calendar date. Years begin in March, so that the leap day is the last. */
char *put_date(char *p, int64_t unix_ms)
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
    return put_padded(p, unix_ms % 1000, 3);
}

char *put_state(char *p, struct shape shape, const struct lock_state *lock)
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
        p = put_literal(p, "Z\"");
    }
    *p++ = '}';
    return p;
}

static void write_record(const struct responses *responses, int64_t id, int64_t now_us, struct text *body)
{
    struct shape shape = responses->shape;
    struct lock_state lock;
    char *p = text_room(body, RECORD_ROOM);

    roster_look(responses->roster, id, now_us, &lock);
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

static void add_record(const struct responses *responses, int64_t id, int64_t now_us, struct text *body)
{
    if (can_copy(responses)) {
        size_t from = responses->offsets[id - FIRST_LOCK_ID];
        size_t to = responses->offsets[id - FIRST_LOCK_ID + 1] - 1; /* without the comma after it */
        text_put(body, responses->kept.data + from, to - from);
    } else {
        write_record(responses, id, now_us, body);
    }
}

static void keep_all(struct responses *responses)
{
    size_t *offsets = must(calloc(MOST_LOCKS + 1, sizeof *offsets));
    size_t n = 0;

    response_begin(&responses->kept);
    for (int64_t id = roster_next(responses->roster, 0); id != 0; id = roster_next(responses->roster, id)) {
        offsets[n++] = responses->kept.size;
        write_record(responses, id, 0, &responses->kept);
        text_literal(&responses->kept, ",");
    }
    offsets[n] = responses->kept.size;
    response_end(&responses->kept);
    responses->offsets = offsets;
}

struct responses *responses_new(const struct roster *roster, struct shape shape, bool frozen)
{
    struct responses *responses = must(calloc(1, sizeof *responses));

    responses->roster = roster;
    responses->shape = shape;
    if (frozen)
        keep_all(responses);
    return responses;
}

void responses_free(struct responses *responses)
{
    if (responses == NULL)
        return;
    text_free(&responses->kept);
    free(responses->offsets);
    free(responses);
}

void response_begin(struct text *body)
{
    body->size = 0;
    text_literal(body, "{\"result\":[");
}

void response_add(const struct responses *responses, int64_t id, int64_t now_us, struct text *body)
{
    if (!roster_has(responses->roster, id))
        return;
    add_record(responses, id, now_us, body);
    text_literal(body, ",");
}

void response_end(struct text *body)
{
    if (body->data[body->size - 1] == ',')
        body->size--;
    text_literal(body, "]");
    text_put(body, envelope_tail, sizeof envelope_tail - 1);
}

void response_begin_one(struct text *body)
{
    body->size = 0;
    text_literal(body, "{\"result\":");
}

void response_end_one(struct text *body)
{
    text_put(body, envelope_tail, sizeof envelope_tail - 1);
}

struct text response_all(const struct responses *responses, int64_t now_us, struct text *into)
{
    if (can_copy(responses))
        return responses->kept;
    response_begin(into);
    for (int64_t id = roster_next(responses->roster, 0); id != 0; id = roster_next(responses->roster, id))
        response_add(responses, id, now_us, into);
    response_end(into);
    return *into;
}

bool response_one(const struct responses *responses, int64_t id, int64_t now_us, struct text *body)
{
    if (!roster_has(responses->roster, id))
        return false;
    response_begin_one(body);
    add_record(responses, id, now_us, body);
    response_end_one(body);
    return true;
}
