/* See read.h. Written with knowledge of the parser: the type of each value is checked, and nothing is copied without
   need. */
#include "read.h"

#include <cjson/cJSON.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

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
        keep_time(lock, json_string_value(value), json_string_length(value));
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
        keep_time(lock, value->valuestring, strlen(value->valuestring));
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
        cJSON_ArrayForEach (record, result) {
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
