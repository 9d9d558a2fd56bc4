/* What a watch should tell; see model.h. */
#include "model.h"

#include "../support/kit.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* --- reading an answer --- */

void model_id_of(const char *answer, char id[MODEL_ID_MAX])
{
    static const char name[] = "\r\nX-Correlation-ID: ";
    const char *at = strstr(answer, name);
    size_t size = at == NULL ? 0 : strcspn(at + strlen(name), "\r\n");

    if (size >= MODEL_ID_MAX)
        kit_die("a correlation id is too long");
    if (size > 0)
        memcpy(id, at + strlen(name), size);
    id[size] = '\0';
}

static int64_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : json_is_boolean(value) ? json_is_true(value) : -1;
}

static model_lock lock_of(const json_t *record)
{
    const json_t *state = number(record, "isConnected") == 1 ? json_object_get(record, "deviceState") : NULL;

    return (model_lock){
        .id = number(record, "id"),
        .connected = number(record, "isConnected"),
        .revision = number(record, "revision"),
        .state = number(state, "state"),
        .door = number(state, "doorState"),
        .battery = number(state, "batteryLevel"),
        .charging = number(state, "isCharging"),
        .result = number(state, "stateChangeResult"),
    };
}

static bool read_body(const char *body, size_t size, model *m)
{
    json_t *root = json_loadb(body, size, 0, NULL);
    const json_t *list = json_object_get(root, "result");
    bool good = json_is_array(list) && !json_is_false(json_object_get(root, "success"));

    if (good) {
        *m = (model){.is_known = true, .count = json_array_size(list)};
        if (m->count > MODEL_LOCKS_MAX)
            kit_die("more locks than the model has room for");
        for (size_t i = 0; i < m->count; i++)
            m->locks[i] = lock_of(json_array_get(list, i));
    }
    json_decref(root);
    return good;
}

bool model_read(const char *answer, size_t size, model *m)
{
    static const char ok[] = "HTTP/1.1 200 ", length[] = "\r\nContent-Length: ";
    const char *end = strstr(answer, "\r\n\r\n");
    const char *at = strstr(answer, length);

    if (end == NULL || at == NULL || at > end || strncmp(answer, ok, strlen(ok)) != 0)
        return false;
    end += 4;
    if (strtoull(at + strlen(length), NULL, 10) != size - (size_t)(end - answer))
        return false; /* cut */
    return read_body(end, size - (size_t)(end - answer), m);
}

/* --- changes as text --- */

static void write_lock(FILE *to, const model_lock *l)
{
    if (l == NULL)
        fputs("none", to);
    else
        fprintf(to, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64, l->connected,
                l->state, l->door, l->battery, l->charging, l->result, l->revision);
}

static void write_change(FILE *to, uint32_t kinds, const model_lock *before, const model_lock *after)
{
    fprintf(to, " %" PRId64 ":%" PRIu32 "(", before != NULL ? before->id : after->id, kinds);
    write_lock(to, before);
    fputs(" > ", to);
    write_lock(to, after);
    fputs(")", to);
}

static const model_lock *look_for(const model *m, int64_t id)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->locks[i].id == id)
            return &m->locks[i];
    return NULL;
}

/* Of a lock that is not there, nothing is known. */
static uint32_t kinds_of(const model_lock *b, const model_lock *a)
{
    static const model_lock nothing = {-1, -1, -1, -1, -1, -1, -1, -1};
    uint32_t kinds = b == NULL ? LOCK_SYNC_CHANGE_ADDED : a == NULL ? LOCK_SYNC_CHANGE_REMOVED : 0;

    b = b == NULL ? &nothing : b;
    a = a == NULL ? &nothing : a;
    if (b->connected != a->connected)
        kinds |= a->connected == 1 ? LOCK_SYNC_CHANGE_CONNECTED : LOCK_SYNC_CHANGE_DISCONNECTED;
    kinds |= b->state != a->state ? LOCK_SYNC_CHANGE_STATE : 0u;
    kinds |= b->door != a->door ? LOCK_SYNC_CHANGE_DOOR : 0u;
    kinds |= b->battery != a->battery ? LOCK_SYNC_CHANGE_BATTERY : 0u;
    kinds |= b->charging != a->charging ? LOCK_SYNC_CHANGE_CHARGING : 0u;
    kinds |= b->result != a->result ? LOCK_SYNC_CHANGE_RESULT : 0u;
    kinds |= b->revision != a->revision ? LOCK_SYNC_CHANGE_CONFIG : 0u;
    return kinds;
}

bool model_write(FILE *to, const char *id, const model *before, const model *after)
{
    bool any = !before->is_known;

    if (any)
        fputs(id, to);
    for (int64_t lock = 1001; lock <= 1001 + MODEL_LOCKS_MAX; lock++) { /* the simulator's, by id */
        const model_lock *b = look_for(before, lock);
        const model_lock *a = look_for(after, lock);
        uint32_t kinds = b == NULL && a == NULL ? 0 : kinds_of(b, a);

        if (kinds == 0)
            continue;
        if (!any)
            fputs(id, to);
        any = true;
        write_change(to, kinds, b, a);
    }
    if (any)
        fputs("\n", to);
    return any;
}

void model_write_all(FILE *to, const char *id, const model *m)
{
    fputs(id, to);
    for (size_t i = 0; i < m->count; i++) {
        fprintf(to, " %" PRId64 ":", m->locks[i].id);
        write_lock(to, &m->locks[i]);
    }
    fputs("\n", to);
}

/* --- what was told --- */

static int64_t told(const lock_sync_lock *lock, uint32_t field, int64_t value)
{
    return (lock->fields & field) != 0 ? value : -1;
}

static const model_lock *of_record(model_lock *l, const lock_sync_lock *lock)
{
    if (lock == NULL)
        return NULL;
    *l = (model_lock){
        .id = lock->id,
        .connected = told(lock, LOCK_SYNC_FIELD_CONNECTED, lock->is_connected),
        .state = told(lock, LOCK_SYNC_FIELD_STATE, lock->state),
        .door = told(lock, LOCK_SYNC_FIELD_DOOR_STATE, lock->door_state),
        .battery = told(lock, LOCK_SYNC_FIELD_BATTERY_LEVEL, lock->battery_level),
        .charging = told(lock, LOCK_SYNC_FIELD_CHARGING, lock->is_charging),
        .result = told(lock, LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, lock->state_change_result),
        .revision = told(lock, LOCK_SYNC_FIELD_REVISION, lock->revision),
    };
    return l;
}

void model_write_records(FILE *to, const char *id, const lock_sync_results *results)
{
    model m = {.is_known = true, .count = lock_sync_results_count(results)};

    if (m.count > MODEL_LOCKS_MAX)
        kit_die("more locks than the model has room for");
    for (size_t i = 0; i < m.count; i++)
        (void)of_record(&m.locks[i], lock_sync_results_at(results, i));
    model_write_all(to, id, &m);
}

void model_write_told(FILE *to, const char *id, const lock_sync_changes *changes)
{
    fputs(id, to);
    for (size_t i = 0; i < lock_sync_changes_count(changes); i++) {
        const lock_sync_change *c = lock_sync_changes_at(changes, i);
        model_lock b, a;

        write_change(to, c->kinds, of_record(&b, c->before), of_record(&a, c->after));
    }
    fputs("\n", to);
}
