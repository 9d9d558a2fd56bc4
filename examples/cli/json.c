#include "json.h"

#include "kinds.h"
#include "moment.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *text_of_time(int64_t unix_ms)
{
    char text[MOMENT_SIZE];

    return moment_utc(unix_ms, text) ? json_string(text) : json_null();
}

static json_t *tristate(lock_sync_tristate value)
{
    return value == LOCK_SYNC_UNKNOWN ? json_null() : json_boolean(value == LOCK_SYNC_YES);
}

static json_t *number_if(bool known, int64_t number)
{
    return known ? json_integer(number) : json_null();
}

static json_t *text_if(bool known, const char *text)
{
    return known ? json_string(text) : json_null();
}

static json_t *boolean_if(bool known, bool value)
{
    return known ? json_boolean(value) : json_null();
}

/* Adds a member. Releases the object and returns NULL if memory ran out. */
static json_t *with(json_t *object, const char *key, json_t *value)
{
    if (object != NULL && json_object_set_new(object, key, value) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static const char *name_in(const lock_sync_lock_info *info)
{
    return info != NULL ? info->name : NULL;
}

static const char *serial_number_in(const lock_sync_lock_info *info)
{
    return info != NULL ? info->serial_number : NULL;
}

/* Returns NULL if memory ran out, as the functions below do. "o" steals a reference, also on failure, and "s?" packs
   NULL as null. */
static json_t *lock_object(const lock_sync_lock *lock, const lock_sync_lock_info *info, bool age)
{
    uint32_t f = lock->fields;
    bool has_state = (f & LOCK_SYNC_FIELD_STATE) != 0;
    bool has_door = (f & LOCK_SYNC_FIELD_DOOR_STATE) != 0;
    int64_t changed_ms;
    bool has_changed = moment_of(lock, &changed_ms);
    /* clang-format off */
    json_t *object = json_pack(
        "{s:I,s:s?,s:s?,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
        "id", (json_int_t)lock->id,
        "name", name_in(info),
        "serial_number", serial_number_in(info),
        "locked", tristate(lock_sync_lock_is_locked(lock)),
        "jammed", tristate(lock_sync_lock_is_jammed(lock)),
        "connected", boolean_if((f & LOCK_SYNC_FIELD_CONNECTED) != 0, lock->is_connected),
        "state", number_if(has_state, lock->state),
        "state_name", text_if(has_state, lock_sync_lock_state_text(lock)),
        "door_state", number_if(has_door, lock->door_state),
        "door_state_name", text_if(has_door, lock_sync_lock_door_text(lock)),
        "battery_level", number_if((f & LOCK_SYNC_FIELD_BATTERY_LEVEL) != 0, lock->battery_level),
        "charging", boolean_if((f & LOCK_SYNC_FIELD_CHARGING) != 0, lock->is_charging),
        "state_change_result", number_if((f & LOCK_SYNC_FIELD_STATE_CHANGE_RESULT) != 0, lock->state_change_result),
        "revision", number_if((f & LOCK_SYNC_FIELD_REVISION) != 0, lock->revision),
        "last_state_changed", has_changed ? text_of_time(changed_ms) : json_null(),
        "last_state_changed_ms", number_if(has_changed, changed_ms));
    /* clang-format on */

    return age ? with(object, "age_ms", number_if(has_changed, unix_now_ms() - changed_ms)) : object;
}

/* Prints a value on a separate line and releases it. Returns false if memory ran out. */
static bool print_line(FILE *out, json_t *value, size_t flags)
{
    char *text = value != NULL ? json_dumps(value, flags) : NULL;

    if (text != NULL)
        (void)fprintf(out, "%s\n", text);
    free(text);
    json_decref(value);
    return text != NULL;
}

bool json_print_document(FILE *out, const rows *r, const json_style *style)
{
    json_t *locks = json_array();
    json_t *missing = json_array();
    bool complete = locks != NULL && missing != NULL;

    for (size_t i = 0; complete && i < r->count; i++) {
        const lock_sync_lock *lock = &r->at[i].lock;
        const lock_sync_lock_info *info = lock_sync_directory_find(style->directory, lock->id);

        complete = r->at[i].is_found ? json_array_append_new(locks, lock_object(lock, info, style->age)) == 0
                                     : json_array_append_new(missing, json_integer(lock->id)) == 0;
    }
    if (!complete) {
        json_decref(locks);
        json_decref(missing);
        return false;
    }
    return print_line(out,
                      json_pack("{s:o, s:I, s:o, s:o}", "fetched_at", text_of_time(style->at_ms), "fetched_at_ms",
                                (json_int_t)style->at_ms, "locks", locks, "missing", missing),
                      JSON_INDENT(2));
}

static json_t *missing_object(int64_t id, const lock_sync_lock_info *info)
{
    return json_pack("{s:I, s:s?, s:s?, s:b}", "id", (json_int_t)id, "name", name_in(info), "serial_number",
                     serial_number_in(info), "missing", 1);
}

bool json_print_lines(FILE *out, const rows *r, const json_style *style)
{
    bool complete = true;

    for (size_t i = 0; complete && i < r->count; i++) {
        const lock_sync_lock *lock = &r->at[i].lock;
        const lock_sync_lock_info *info = lock_sync_directory_find(style->directory, lock->id);
        json_t *object = r->at[i].is_found ? lock_object(lock, info, style->age) : missing_object(lock->id, info);

        complete = print_line(out, with(object, "fetched_at", text_of_time(style->at_ms)), JSON_COMPACT);
    }
    return complete;
}

static json_t *names_of(uint32_t bits)
{
    json_t *names = json_array();

    for (size_t i = 0; names != NULL && i < KINDS_COUNT; i++) {
        if ((bits & kinds[i].bit) != 0 && json_array_append_new(names, json_string(kinds[i].name)) != 0) {
            json_decref(names);
            names = NULL;
        }
    }
    return names;
}

bool json_print_changes(FILE *out, const lock_sync_changes *changes, int64_t at_ms, bool age)
{
    bool complete = true;

    for (size_t i = 0; complete && i < lock_sync_changes_count(changes); i++) {
        const lock_sync_change *change = lock_sync_changes_at(changes, i);
        const lock_sync_lock *before = change->before;
        const lock_sync_lock *after = change->after;
        int64_t id = (after != NULL ? after : before)->id;
        /* clang-format off */
        json_t *object = json_pack("{s:o, s:I, s:I, s:s?, s:s?, s:o, s:o, s:o}",
            "fetched_at", text_of_time(at_ms),
            "fetched_at_ms", (json_int_t)at_ms,
            "id", (json_int_t)id,
            "name", name_in(change->info),
            "serial_number", serial_number_in(change->info),
            "changes", names_of(change->kinds),
            "before", before != NULL ? lock_object(before, change->info, age) : json_null(),
            "after", after != NULL ? lock_object(after, change->info, age) : json_null());
        /* clang-format on */

        complete = print_line(out, object, JSON_COMPACT);
    }
    return complete;
}
