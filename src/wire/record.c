/* Reads a record from jansson's tree; see record.h. */
#include "wire/record.h"
#include "wire/schema.h"

#include <string.h>

static void store(const lsync_field *f, const json_t *value, lock_sync_lock *lock)
{
    switch (json_typeof(value)) {
    case JSON_INTEGER: (void)lsync_field_store_integer(f, json_integer_value(value), lock); break;
    case JSON_TRUE:
    case JSON_FALSE: (void)lsync_field_store_bool(f, json_is_true(value), lock); break;
    case JSON_STRING: (void)lsync_field_store_text(f, json_string_value(value), json_string_length(value), lock); break;
    case JSON_REAL: /* not a whole number, or written with an exponent */
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
    default: break; /* absent */
    }
}

static void read_fields(const json_t *object, const lsync_field *fields, size_t n, lock_sync_lock *lock)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_object_get(object, fields[i].name);

        if (value != NULL)
            store(&fields[i], value, lock);
    }
}

bool lsync_record_read(const json_t *record, lock_sync_lock *lock)
{
    const json_t *state;

    memset(lock, 0, sizeof *lock);
    read_fields(record, lsync_record_fields, LSYNC_RECORD_FIELDS, lock);
    if (lock->id == 0)
        return false;
    state = json_object_get(record, LSYNC_STATE_NAME);
    if (state == NULL)
        state = json_object_get(record, LSYNC_OLD_STATE_NAME);
    if (json_is_object(state)) {
        lock->fields |= LOCK_SYNC_FIELD_DEVICE_STATE;
        read_fields(state, lsync_state_fields, LSYNC_STATE_FIELDS, lock);
    }
    lsync_lock_finish(lock);
    return true;
}
