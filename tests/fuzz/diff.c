/* The difference of two random answers, against a model that looks at each id on its own.

   Input: a digit n > 0 for a heap whose n-th allocation fails, then two answers. An answer: the ids asked for as bits
   (0: all), two bytes; the number of records; of each an id, its fields (two bytes), and a byte that all its values
   come of. */
#include "fuzz.h"
#include "watch/diff.h"
#include "wire/results.h"

#include <stdlib.h>
#include <string.h>

#define IDS 16 /* 1 .. IDS: few, so that the answers meet */

/* What the model knows of an answer: public facts alone. */
typedef struct answer {
    unsigned asked; /* a bit for each id; 0: all */
    lock_sync_results *r;
} answer;

static lock_sync_lock read_lock(fuzz_input *in)
{
    lock_sync_lock lock = {.id = fuzz_byte(in) % IDS + 1, .fields = (uint32_t)fuzz_number(in, 2) & 511};
    uint8_t value = fuzz_byte(in);

    lock.is_connected = (lock.fields & LOCK_SYNC_FIELD_CONNECTED) != 0 && (value & 1) != 0;
    lock.revision = (lock.fields & LOCK_SYNC_FIELD_REVISION) != 0 ? value % 3 : 0;
    lock.state = (lock.fields & LOCK_SYNC_FIELD_STATE) != 0 ? value % 5 : 0;
    lock.door_state = (lock.fields & LOCK_SYNC_FIELD_DOOR_STATE) != 0 ? value % 7 : 0;
    lock.is_charging = (lock.fields & LOCK_SYNC_FIELD_CHARGING) != 0 && (value & 2) != 0;
    lock.battery_level = (lock.fields & LOCK_SYNC_FIELD_BATTERY_LEVEL) != 0 ? value % 11 : 0;
    lock.state_change_result = (lock.fields & LOCK_SYNC_FIELD_STATE_CHANGE_RESULT) != 0 ? value % 2 : 0;
    lock.last_state_changed_ms = (lock.fields & LOCK_SYNC_FIELD_LAST_STATE_CHANGED) != 0 ? value : 0;
    return lock;
}

static answer read_answer(fuzz_input *in, const lock_sync_allocator *memory)
{
    answer a = {.asked = (unsigned)fuzz_number(in, 2)};
    uint8_t records = fuzz_byte(in) % 40;
    int64_t ids[IDS];
    lsync_scope scope = {ids, NULL, 0};

    for (int id = 1; id <= IDS; id++)
        if ((a.asked >> (id - 1) & 1) != 0)
            ids[scope.count++] = id;
    a.r = lsync_results_new(memory, &scope, records, 1);
    if (a.r == NULL)
        abort();
    for (uint8_t i = 0; i < records; i++) {
        lock_sync_lock lock = read_lock(in);

        lsync_results_add(a.r, &lock);
    }
    (void)lsync_results_finish(a.r);
    return a;
}

/* The bit of a value that was and is, or that is known on one side only. */
static uint32_t bit_of(const lock_sync_lock *before, const lock_sync_lock *after, uint32_t field, int64_t was,
                       int64_t is, uint32_t bit)
{
    bool there = (after->fields & field) == field;
    bool was_there = (before->fields & field) == field;

    return there != was_there || (there && was != is) ? bit : 0;
}

static uint32_t kinds_of(const lock_sync_lock *b, const lock_sync_lock *a)
{
    static const lock_sync_lock nothing = {0};
    uint32_t kinds = b == NULL ? LOCK_SYNC_CHANGE_ADDED : a == NULL ? LOCK_SYNC_CHANGE_REMOVED : 0;

    if (b == NULL && a == NULL)
        return 0;
    b = b == NULL ? &nothing : b;
    a = a == NULL ? &nothing : a;
    return kinds |
           bit_of(b, a, LOCK_SYNC_FIELD_CONNECTED, b->is_connected, a->is_connected,
                  a->is_connected ? LOCK_SYNC_CHANGE_CONNECTED : LOCK_SYNC_CHANGE_DISCONNECTED) |
           bit_of(b, a, LOCK_SYNC_FIELD_STATE, b->state, a->state, LOCK_SYNC_CHANGE_STATE) |
           bit_of(b, a, LOCK_SYNC_FIELD_DOOR_STATE, b->door_state, a->door_state, LOCK_SYNC_CHANGE_DOOR) |
           bit_of(b, a, LOCK_SYNC_FIELD_BATTERY_LEVEL, b->battery_level, a->battery_level, LOCK_SYNC_CHANGE_BATTERY) |
           bit_of(b, a, LOCK_SYNC_FIELD_CHARGING, b->is_charging, a->is_charging, LOCK_SYNC_CHANGE_CHARGING) |
           bit_of(b, a, LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, b->state_change_result, a->state_change_result,
                  LOCK_SYNC_CHANGE_RESULT) |
           bit_of(b, a, LOCK_SYNC_FIELD_REVISION, b->revision, a->revision, LOCK_SYNC_CHANGE_CONFIG);
}

/* The record of an id, looked for from the front; NULL: not answered. */
static const lock_sync_lock *record_of(const answer *a, int64_t id)
{
    for (size_t i = 0; i < lock_sync_results_count(a->r); i++)
        if (lock_sync_results_at(a->r, i)->id == id)
            return lock_sync_results_at(a->r, i);
    return NULL;
}

static bool is_asked(const answer *a, int64_t id)
{
    return a->asked == 0 || (a->asked >> (id - 1) & 1) != 0;
}

static bool same_record(const lock_sync_lock *a, const lock_sync_lock *b)
{
    return a == NULL || b == NULL ? a == b : memcmp(a, b, sizeof *a) == 0;
}

/* `before` without results: nothing was known. */
static void check_changes(const answer *before, const answer *after, const lock_sync_changes *changes)
{
    size_t place = 0;

    for (int64_t id = 1; id <= IDS; id++) {
        const lock_sync_lock *b = record_of(before, id);
        const lock_sync_lock *a = record_of(after, id);
        const lock_sync_change *c = lock_sync_changes_at(changes, place);

        if (!is_asked(before, id) || !is_asked(after, id) || kinds_of(b, a) == 0)
            continue;
        FUZZ_CHECK(c != NULL && lock_sync_change_kinds(c) == kinds_of(b, a));
        FUZZ_CHECK(same_record(lock_sync_change_before(c), b) && (b == NULL || c->before != b));
        FUZZ_CHECK(same_record(lock_sync_change_after(c), a) && (a == NULL || c->after != a));
        place++;
    }
    FUZZ_CHECK(lock_sync_changes_count(changes) == place && lock_sync_changes_at(changes, place) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const answer nothing = {0, NULL};
    fuzz_input in = {data, size};
    fuzz_heap heap = {0, 0};
    lock_sync_allocator memory = fuzz_heap_allocator(&heap);
    size_t fail_in = fuzz_byte(&in) % 3;
    answer one = read_answer(&in, &memory);
    answer two = read_answer(&in, &memory);
    lock_sync_changes *changes;
    lock_sync_status status;
    bool failed;

    heap.fail_in = fail_in;
    status = lock_sync_diff(one.r, two.r, &changes);
    failed = fail_in != 0 && heap.fail_in == 0;
    heap.fail_in = 0;
    FUZZ_CHECK(status == (failed ? LOCK_SYNC_E_NO_MEMORY : LOCK_SYNC_OK));
    FUZZ_CHECK(failed || fail_in != 1);
    FUZZ_CHECK((changes == NULL) == failed);
    if (changes != NULL)
        check_changes(&one, &two, changes);
    lock_sync_changes_free(changes);

    FUZZ_CHECK(lock_sync_diff(two.r, two.r, &changes) == LOCK_SYNC_OK);
    FUZZ_CHECK(lock_sync_changes_count(changes) == 0);
    lock_sync_changes_free(changes);

    FUZZ_CHECK(lsync_diff(NULL, one.r, &changes) == LOCK_SYNC_OK);
    check_changes(&nothing, &one, changes);
    lock_sync_results_free(one.r);
    lock_sync_results_free(two.r);
    for (size_t i = 0; i < lock_sync_changes_count(changes); i++) /* they outlive what they came of */
        FUZZ_CHECK(lock_sync_changes_at(changes, i)->after->id > 0);
    lock_sync_changes_free(changes);
    FUZZ_CHECK(heap.blocks == 0);
    return 0;
}
