/* The shape of a record; see schema.h. */
#include "wire/schema.h"
#include "wire/timestamp.h"

#include <string.h>

#define FIELD(name, type, bit, member, min, max) {name, type, bit, offsetof(lock_sync_lock, member), min, max},

const lsync_field lsync_record_fields[LSYNC_RECORD_FIELDS] = {LSYNC_RECORD_SCHEMA(FIELD)};
const lsync_field lsync_state_fields[LSYNC_STATE_FIELDS] = {LSYNC_STATE_SCHEMA(FIELD)};

bool lsync_field_store_integer(const lsync_field *f, int64_t value, lock_sync_lock *lock)
{
    char *place = (char *)lock + f->offset;
    int32_t narrow = (int32_t)value;
    bool truth = value != 0;

    if (f->type == LSYNC_TIME || value < f->min || value > f->max)
        return false;
    if (f->type == LSYNC_INT64)
        memcpy(place, &value, sizeof value);
    else if (f->type == LSYNC_INT32)
        memcpy(place, &narrow, sizeof narrow);
    else
        memcpy(place, &truth, sizeof truth);
    lock->fields |= f->bit;
    return true;
}

bool lsync_field_store_real(const lsync_field *f, double value, lock_sync_lock *lock)
{
    const double exact = 9007199254740992.0; /* 2^53: what is beyond is not all there */

    if (!(value >= -exact && value <= exact) || (double)(int64_t)value != value)
        return false;
    return lsync_field_store_integer(f, (int64_t)value, lock);
}

bool lsync_field_store_bool(const lsync_field *f, bool value, lock_sync_lock *lock)
{
    return f->type == LSYNC_BOOL && lsync_field_store_integer(f, value, lock);
}

bool lsync_field_store_text(const lsync_field *f, const char *text, size_t size, lock_sync_lock *lock)
{
    int64_t unix_ms;

    if (f->type != LSYNC_TIME || !lsync_timestamp_parse(text, size, &unix_ms))
        return false;
    memcpy((char *)lock + f->offset, &unix_ms, sizeof unix_ms);
    lock->fields |= f->bit;
    return true;
}
