/* See read.h. Uses yyjson as its documentation advises for speed. An object's values are read in the order in which
   the service sends them, and the memory of a document is reused. */
#include "read.h"

#include <stdlib.h>
#include <yyjson.h>

static void keep_int32(lock_sync_lock *lock, yyjson_val *value, uint32_t field, int32_t *place)
{
    if (!yyjson_is_int(value))
        return;
    *place = (int32_t)yyjson_get_sint(value);
    lock->fields |= field;
}

static void keep_bool(lock_sync_lock *lock, yyjson_val *value, uint32_t field, bool *place)
{
    if (!yyjson_is_bool(value))
        return;
    *place = yyjson_get_bool(value);
    lock->fields |= field;
}

static void read_state(yyjson_val *state, lock_sync_lock *lock)
{
    yyjson_obj_iter at = yyjson_obj_iter_with(state);
    yyjson_val *value;

    lock->fields |= LOCK_SYNC_FIELD_DEVICE_STATE;
    keep_int32(lock, yyjson_obj_iter_get(&at, "state"), LOCK_SYNC_FIELD_STATE, &lock->state);
    keep_int32(lock, yyjson_obj_iter_get(&at, "doorState"), LOCK_SYNC_FIELD_DOOR_STATE, &lock->door_state);
    keep_bool(lock, yyjson_obj_iter_get(&at, "isCharging"), LOCK_SYNC_FIELD_CHARGING, &lock->is_charging);
    value = yyjson_obj_iter_get(&at, "batteryLevel");
    if (yyjson_is_int(value))
        keep_battery(lock, (int32_t)yyjson_get_sint(value));
    keep_int32(lock, yyjson_obj_iter_get(&at, "stateChangeResult"), LOCK_SYNC_FIELD_STATE_CHANGE_RESULT,
               &lock->state_change_result);
    value = yyjson_obj_iter_get(&at, "lastStateChangedDate");
    if (yyjson_is_str(value))
        keep_time(lock, yyjson_get_str(value), yyjson_get_len(value));
}

static bool read_lock(yyjson_val *record, lock_sync_lock *lock)
{
    yyjson_obj_iter at;
    yyjson_val *value;

    if (!yyjson_obj_iter_init(record, &at))
        return false;
    value = yyjson_obj_iter_get(&at, "id");
    if (!yyjson_is_int(value))
        return false;
    lock->id = yyjson_get_sint(value);
    keep_bool(lock, yyjson_obj_iter_get(&at, "isConnected"), LOCK_SYNC_FIELD_CONNECTED, &lock->is_connected);
    value = yyjson_obj_iter_get(&at, "deviceState");
    if (yyjson_is_obj(value))
        read_state(value, lock);
    value = yyjson_obj_iter_get(&at, "revision");
    if (yyjson_is_int(value)) {
        lock->revision = yyjson_get_sint(value);
        lock->fields |= LOCK_SYNC_FIELD_REVISION;
    }
    return true;
}

/* Returns memory that is kept until the program ends. NULL if there is no memory for it: yyjson then uses malloc. */
static const yyjson_alc *kept_memory(void)
{
    static yyjson_alc *memory;

    if (memory == NULL)
        memory = yyjson_alc_dyn_new();
    return memory;
}

bool read_with_yyjson(const char *body, size_t size, records *out)
{
    /* without YYJSON_READ_INSITU the body is not changed, in spite of its type */
    yyjson_doc *document = yyjson_read_opts((char *)(uintptr_t)body, size, YYJSON_READ_NOFLAG, kept_memory(), NULL);
    yyjson_val *root = yyjson_doc_get_root(document);
    yyjson_val *result = yyjson_obj_get(root, "result");
    bool good = yyjson_is_true(yyjson_obj_get(root, "success")) && yyjson_is_arr(result) &&
                make_room(out, yyjson_arr_size(result));
    lock_sync_lock *place = good ? out->locks : NULL;
    yyjson_val *record;
    size_t i, count;

    if (good) {
        yyjson_arr_foreach (result, i, count, record) {
            good = read_lock(record, place++);
            if (!good)
                break;
        }
        if (!good)
            free(out->locks);
    }
    yyjson_doc_free(document);
    return good;
}
