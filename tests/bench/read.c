/* See read.h. Written with the care of somebody who knows the parser: each value's type is checked, nothing is copied
   that need not be, and times are read by hand, as strptime and timegm would cost more than the parsers do. */
#include "read.h"

#include <cjson/cJSON.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* --- common to both --- */

static bool take_digits(const char **at, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool take_char(const char **at, char expected)
{
    if (**at != expected)
        return false;
    ++*at;
    return true;
}

static int64_t days_since_1970(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;

    return 365 * (int64_t)y + y / 4 - y / 100 + y / 400 + (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1 -
           719468;
}

/* UTC, with or without Z and fraction. */
static bool read_time(const char *at, int64_t *unix_ms)
{
    int year, month, day, hour, minute, second;
    int ms = 0;

    if (!take_digits(&at, 4, &year) || !take_char(&at, '-') || !take_digits(&at, 2, &month) || !take_char(&at, '-') ||
        !take_digits(&at, 2, &day) || !take_char(&at, 'T') || !take_digits(&at, 2, &hour) || !take_char(&at, ':') ||
        !take_digits(&at, 2, &minute) || !take_char(&at, ':') || !take_digits(&at, 2, &second))
        return false;
    if (take_char(&at, '.'))
        for (int scale = 100; *at >= '0' && *at <= '9'; at++, scale /= 10)
            ms += scale * (*at - '0');
    (void)take_char(&at, 'Z');
    if (*at != '\0')
        return false;
    *unix_ms = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60000 + second * 1000 + ms;
    return true;
}

static void keep_time(lock_sync_lock *lock, const char *text)
{
    if (read_time(text, &lock->last_state_changed_ms))
        lock->fields |= LOCK_SYNC_FIELD_LAST_STATE_CHANGED;
}

static void keep_battery(lock_sync_lock *lock, int32_t level)
{
    if (level < 0 || level > 100)
        return;
    lock->battery_level = level;
    lock->fields |= LOCK_SYNC_FIELD_BATTERY_LEVEL;
}

static bool make_room(records *out, size_t count)
{
    out->count = count;
    out->locks = calloc(count + 1, sizeof out->locks[0]);
    return out->locks != NULL;
}

uint64_t checksum(uint64_t sum, const lock_sync_lock *lock)
{
    const int64_t values[] = {
        lock->id,         lock->revision,      lock->last_state_changed_ms, lock->fields,       lock->state,
        lock->door_state, lock->battery_level, lock->state_change_result,   lock->is_connected, lock->is_charging};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        sum = (sum ^ (uint64_t)values[i]) * 0x100000001b3;
    return sum;
}

/* --- jansson --- */

static void keep_json_int32(lock_sync_lock *lock, const json_t *value, uint32_t field, int32_t *place)
{
    if (!json_is_integer(value))
        return;
    *place = (int32_t)json_integer_value(value);
    lock->fields |= field;
}

static void keep_json_bool(lock_sync_lock *lock, const json_t *value, uint32_t field, bool *place)
{
    if (!json_is_boolean(value))
        return;
    *place = json_is_true(value);
    lock->fields |= field;
}

static bool read_json_lock(const json_t *record, lock_sync_lock *lock)
{
    const json_t *id = json_object_get(record, "id");
    const json_t *revision = json_object_get(record, "revision");
    const json_t *state = json_object_get(record, "deviceState");
    const json_t *value;

    if (!json_is_integer(id))
        return false;
    lock->id = json_integer_value(id);
    keep_json_bool(lock, json_object_get(record, "isConnected"), LOCK_SYNC_FIELD_CONNECTED, &lock->is_connected);
    if (json_is_integer(revision)) {
        lock->revision = json_integer_value(revision);
        lock->fields |= LOCK_SYNC_FIELD_REVISION;
    }
    if (!json_is_object(state))
        return true;
    lock->fields |= LOCK_SYNC_FIELD_DEVICE_STATE;
    keep_json_int32(lock, json_object_get(state, "state"), LOCK_SYNC_FIELD_STATE, &lock->state);
    keep_json_int32(lock, json_object_get(state, "doorState"), LOCK_SYNC_FIELD_DOOR_STATE, &lock->door_state);
    keep_json_bool(lock, json_object_get(state, "isCharging"), LOCK_SYNC_FIELD_CHARGING, &lock->is_charging);
    value = json_object_get(state, "batteryLevel");
    if (json_is_integer(value))
        keep_battery(lock, (int32_t)json_integer_value(value));
    keep_json_int32(lock, json_object_get(state, "stateChangeResult"), LOCK_SYNC_FIELD_STATE_CHANGE_RESULT,
                    &lock->state_change_result);
    value = json_object_get(state, "lastStateChangedDate");
    if (json_is_string(value))
        keep_time(lock, json_string_value(value));
    return true;
}

bool read_with_jansson(const char *body, size_t size, records *out)
{
    json_t *root = json_loadb(body, size, 0, NULL);
    const json_t *result = json_object_get(root, "result");
    bool good = json_is_true(json_object_get(root, "success")) && json_is_array(result) &&
                make_room(out, json_array_size(result));

    for (size_t i = 0; good && i < out->count; i++) {
        good = read_json_lock(json_array_get(result, i), &out->locks[i]);
        if (!good)
            free(out->locks);
    }
    json_decref(root);
    return good;
}

/* --- cJSON --- */

static const cJSON *get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void keep_cjson_int32(lock_sync_lock *lock, const cJSON *value, uint32_t field, int32_t *place)
{
    if (!cJSON_IsNumber(value))
        return;
    *place = value->valueint;
    lock->fields |= field;
}

static void keep_cjson_bool(lock_sync_lock *lock, const cJSON *value, uint32_t field, bool *place)
{
    if (!cJSON_IsBool(value))
        return;
    *place = cJSON_IsTrue(value);
    lock->fields |= field;
}

static bool read_cjson_lock(const cJSON *record, lock_sync_lock *lock)
{
    const cJSON *id = get(record, "id");
    const cJSON *revision = get(record, "revision");
    const cJSON *state = get(record, "deviceState");
    const cJSON *value;

    if (!cJSON_IsNumber(id))
        return false;
    lock->id = (int64_t)id->valuedouble;
    keep_cjson_bool(lock, get(record, "isConnected"), LOCK_SYNC_FIELD_CONNECTED, &lock->is_connected);
    if (cJSON_IsNumber(revision)) {
        lock->revision = (int64_t)revision->valuedouble;
        lock->fields |= LOCK_SYNC_FIELD_REVISION;
    }
    if (!cJSON_IsObject(state))
        return true;
    lock->fields |= LOCK_SYNC_FIELD_DEVICE_STATE;
    keep_cjson_int32(lock, get(state, "state"), LOCK_SYNC_FIELD_STATE, &lock->state);
    keep_cjson_int32(lock, get(state, "doorState"), LOCK_SYNC_FIELD_DOOR_STATE, &lock->door_state);
    keep_cjson_bool(lock, get(state, "isCharging"), LOCK_SYNC_FIELD_CHARGING, &lock->is_charging);
    value = get(state, "batteryLevel");
    if (cJSON_IsNumber(value))
        keep_battery(lock, value->valueint);
    keep_cjson_int32(lock, get(state, "stateChangeResult"), LOCK_SYNC_FIELD_STATE_CHANGE_RESULT,
                     &lock->state_change_result);
    value = get(state, "lastStateChangedDate");
    if (cJSON_IsString(value))
        keep_time(lock, value->valuestring);
    return true;
}

bool read_with_cjson(const char *body, size_t size, records *out)
{
    cJSON *root = cJSON_ParseWithLength(body, size);
    const cJSON *result = get(root, "result");
    bool good = cJSON_IsTrue(get(root, "success")) && cJSON_IsArray(result) &&
                make_room(out, (size_t)cJSON_GetArraySize(result));
    lock_sync_lock *place = good ? out->locks : NULL;
    const cJSON *record;

    if (good) {
        cJSON_ArrayForEach(record, result) {
            good = read_cjson_lock(record, place++);
            if (!good)
                break;
        }
        if (!good)
            free(out->locks);
    }
    cJSON_Delete(root);
    return good;
}
