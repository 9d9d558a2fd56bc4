/* One lock's record: is it locked, is it jammed, the names of its states, its getters, and its layout, which is ABI. */
#include "../support/decoding.h"

#include <inttypes.h>
#include <string.h>

/* The bit of a value alone says whether it is known: the decoder clears it for a lock that is not known to be connected
   (see the tests of records). */
static const struct {
    const char *name;
    uint32_t fields;
    bool connected;
} connections[] = {
    {"connection not sent", 0, false},
    {"connected", LOCK_SYNC_FIELD_CONNECTED, true},
};

TEST(is_locked_over_all_states_and_connections)
{
    for (size_t c = 0; c < COUNT_OF(connections); c++) {
        for (int32_t state = -3; state <= 300; state++) {
            lock_sync_lock lock = {.id = 1, .state = state, .is_connected = connections[c].connected};
            lock_sync_tristate want = state == 6                 ? LOCK_SYNC_YES
                                      : state >= 2 && state <= 8 ? LOCK_SYNC_NO
                                                                 : LOCK_SYNC_UNKNOWN;

            t_row("state %" PRId32 ", %s", state, connections[c].name);
            lock.fields = connections[c].fields | LOCK_SYNC_FIELD_DEVICE_STATE;
            CHECK_INT(lock_sync_lock_is_locked(&lock), LOCK_SYNC_UNKNOWN); /* no state was sent */
            lock.fields |= LOCK_SYNC_FIELD_STATE;
            CHECK_INT(lock_sync_lock_is_locked(&lock), want);
        }
    }
    CHECK_INT(lock_sync_lock_is_locked(NULL), LOCK_SYNC_UNKNOWN);
}

TEST(is_jammed_over_results_and_connections)
{
    static const int32_t results[] = {INT32_MIN, -1, 0, 1, 2, 255, INT32_MAX};

    for (size_t c = 0; c < COUNT_OF(connections); c++) {
        for (size_t i = 0; i < COUNT_OF(results); i++) {
            lock_sync_lock lock = {
                .id = 1, .state_change_result = results[i], .is_connected = connections[c].connected};

            t_row("result %" PRId32 ", %s", results[i], connections[c].name);
            lock.fields = connections[c].fields | LOCK_SYNC_FIELD_DEVICE_STATE | LOCK_SYNC_FIELD_STATE;
            CHECK_INT(lock_sync_lock_is_jammed(&lock), LOCK_SYNC_UNKNOWN); /* no result was sent */
            lock.fields |= LOCK_SYNC_FIELD_STATE_CHANGE_RESULT;
            CHECK_INT(lock_sync_lock_is_jammed(&lock), results[i] == 1 ? LOCK_SYNC_YES : LOCK_SYNC_NO);
        }
    }
    CHECK_INT(lock_sync_lock_is_jammed(NULL), LOCK_SYNC_UNKNOWN);
}

TEST(names_of_states)
{
    static const struct {
        int32_t state;
        const char *name;
    } table[] = {
        {0, "uncalibrated"}, {1, "calibrating"}, {2, "unlocked"}, {3, "semi-locked"}, {4, "unlocking"}, {5, "locking"},
        {6, "locked"}, {7, "pulled"}, {8, "pulling"}, {9, "unknown"}, {18, "updating"}, {255, "unpulling"},
    };

    for (int32_t state = -300; state <= 70000; state++) {
        const char *want = "unknown";

        for (size_t i = 0; i < COUNT_OF(table); i++)
            if (table[i].state == state)
                want = table[i].name;
        if (strcmp(lock_sync_lock_state_name(state), want) != 0) {
            t_row("%" PRId32, state);
            CHECK_TEXT(lock_sync_lock_state_name(state), want);
        }
    }
    CHECK_TEXT(lock_sync_lock_state_name(INT32_MIN), "unknown");
    CHECK_TEXT(lock_sync_lock_state_name(INT32_MAX), "unknown");
}

TEST(names_of_door_states)
{
    static const char *const names[] = {"not paired", "disconnected", "opened", "closed", "uncalibrated"};

    for (int32_t state = -300; state <= 300; state++) {
        t_row("%" PRId32, state);
        CHECK_TEXT(lock_sync_door_state_name(state), state >= 0 && state <= 4 ? names[state] : "unknown");
    }
    CHECK_TEXT(lock_sync_door_state_name(INT32_MIN), "unknown");
    CHECK_TEXT(lock_sync_door_state_name(INT32_MAX), "unknown");
}

TEST(texts_know_whether_there_is_a_value)
{
    static const struct {
        const char *name;
        lock_sync_lock lock;
        const char *state, *door;
    } table[] = {
        {"nothing sent", {.id = 1}, "unknown", "unknown"},
        {"members without bits", {.id = 1, .state = 6, .door_state = 3}, "unknown", "unknown"},
        {"zero is a value", {.fields = LOCK_SYNC_FIELD_STATE | LOCK_SYNC_FIELD_DOOR_STATE}, "uncalibrated",
         "not paired"},
        {"state only", {.fields = LOCK_SYNC_FIELD_STATE, .state = 6, .door_state = 3}, "locked", "unknown"},
        {"door only", {.fields = LOCK_SYNC_FIELD_DOOR_STATE, .state = 6, .door_state = 3}, "unknown", "closed"},
        {"without a name", {.fields = LOCK_SYNC_FIELD_STATE | LOCK_SYNC_FIELD_DOOR_STATE, .state = 77,
         .door_state = -1}, "unknown", "unknown"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        CHECK_TEXT(lock_sync_lock_state_text(&table[i].lock), table[i].state);
        CHECK_TEXT(lock_sync_lock_door_text(&table[i].lock), table[i].door);
    }
    CHECK_TEXT(lock_sync_lock_state_text(NULL), "unknown");
    CHECK_TEXT(lock_sync_lock_door_text(NULL), "unknown");
}

TEST(numbers_of_the_header_are_abi)
{
    static const struct {
        const char *name;
        int64_t value, want;
    } table[] = {
        {"NO", LOCK_SYNC_NO, 0}, {"YES", LOCK_SYNC_YES, 1}, {"UNKNOWN", LOCK_SYNC_UNKNOWN, 2},
        {"LOG_ERROR", LOCK_SYNC_LOG_ERROR, 0}, {"LOG_WARNING", LOCK_SYNC_LOG_WARNING, 1},
        {"LOG_INFO", LOCK_SYNC_LOG_INFO, 2}, {"LOG_DEBUG", LOCK_SYNC_LOG_DEBUG, 3},
        {"FIELD_CONNECTED", LOCK_SYNC_FIELD_CONNECTED, 1}, {"FIELD_REVISION", LOCK_SYNC_FIELD_REVISION, 2},
        {"FIELD_DEVICE_STATE", LOCK_SYNC_FIELD_DEVICE_STATE, 4}, {"FIELD_STATE", LOCK_SYNC_FIELD_STATE, 8},
        {"FIELD_DOOR_STATE", LOCK_SYNC_FIELD_DOOR_STATE, 16}, {"FIELD_CHARGING", LOCK_SYNC_FIELD_CHARGING, 32},
        {"FIELD_BATTERY_LEVEL", LOCK_SYNC_FIELD_BATTERY_LEVEL, 64},
        {"FIELD_STATE_CHANGE_RESULT", LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, 128},
        {"FIELD_LAST_STATE_CHANGED", LOCK_SYNC_FIELD_LAST_STATE_CHANGED, 256},
        {"STATE_UNCALIBRATED", LOCK_SYNC_STATE_UNCALIBRATED, 0}, {"STATE_CALIBRATING", LOCK_SYNC_STATE_CALIBRATING, 1},
        {"STATE_UNLOCKED", LOCK_SYNC_STATE_UNLOCKED, 2}, {"STATE_SEMI_LOCKED", LOCK_SYNC_STATE_SEMI_LOCKED, 3},
        {"STATE_UNLOCKING", LOCK_SYNC_STATE_UNLOCKING, 4}, {"STATE_LOCKING", LOCK_SYNC_STATE_LOCKING, 5},
        {"STATE_LOCKED", LOCK_SYNC_STATE_LOCKED, 6}, {"STATE_PULLED", LOCK_SYNC_STATE_PULLED, 7},
        {"STATE_PULLING", LOCK_SYNC_STATE_PULLING, 8}, {"STATE_UNKNOWN", LOCK_SYNC_STATE_UNKNOWN, 9},
        {"STATE_UPDATING", LOCK_SYNC_STATE_UPDATING, 18}, {"STATE_UNPULLING", LOCK_SYNC_STATE_UNPULLING, 255},
        {"DOOR_NOT_PAIRED", LOCK_SYNC_DOOR_NOT_PAIRED, 0}, {"DOOR_DISCONNECTED", LOCK_SYNC_DOOR_DISCONNECTED, 1},
        {"DOOR_OPENED", LOCK_SYNC_DOOR_OPENED, 2}, {"DOOR_CLOSED", LOCK_SYNC_DOOR_CLOSED, 3},
        {"DOOR_UNCALIBRATED", LOCK_SYNC_DOOR_UNCALIBRATED, 4},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        CHECK_INT(table[i].value, table[i].want);
    }
    CHECK_INT(sizeof(lock_sync_status), 4);
    CHECK_INT(sizeof(lock_sync_tristate), 4);
    CHECK_INT(sizeof(lock_sync_log_level), 4);
}

#if UINTPTR_MAX == UINT64_MAX
TEST(the_layout_of_public_structs_is_abi)
{
    static const struct {
        const char *member;
        size_t offset, want;
    } table[] = {
        {"lock.id", offsetof(lock_sync_lock, id), 0},
        {"lock.revision", offsetof(lock_sync_lock, revision), 8},
        {"lock.last_state_changed_ms", offsetof(lock_sync_lock, last_state_changed_ms), 16},
        {"lock.fields", offsetof(lock_sync_lock, fields), 24},
        {"lock.state", offsetof(lock_sync_lock, state), 28},
        {"lock.door_state", offsetof(lock_sync_lock, door_state), 32},
        {"lock.battery_level", offsetof(lock_sync_lock, battery_level), 36},
        {"lock.state_change_result", offsetof(lock_sync_lock, state_change_result), 40},
        {"lock.is_connected", offsetof(lock_sync_lock, is_connected), 44},
        {"lock.is_charging", offsetof(lock_sync_lock, is_charging), 45},
        {"sizeof lock", sizeof(lock_sync_lock), 48},
        {"allocator.struct_size", offsetof(lock_sync_allocator, struct_size), 0},
        {"allocator.user", offsetof(lock_sync_allocator, user), 8},
        {"allocator.allocate", offsetof(lock_sync_allocator, allocate), 16},
        {"allocator.reallocate", offsetof(lock_sync_allocator, reallocate), 24},
        {"allocator.release", offsetof(lock_sync_allocator, release), 32},
        {"sizeof allocator", sizeof(lock_sync_allocator), 40},
        {"transport.struct_size", offsetof(lock_sync_transport, struct_size), 0},
        {"transport.user", offsetof(lock_sync_transport, user), 8},
        {"transport.perform", offsetof(lock_sync_transport, perform), 16},
        {"transport.cancel", offsetof(lock_sync_transport, cancel), 24},
        {"transport.destroy", offsetof(lock_sync_transport, destroy), 32},
        {"sizeof transport", sizeof(lock_sync_transport), 40},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].member);
        CHECK_INT(table[i].offset, table[i].want);
    }
}
#endif

TEST(getters_give_the_members)
{
    static const lock_sync_lock lock = {INT64_MAX, INT64_MIN, -3, UINT32_MAX, -5, INT32_MAX, 100, INT32_MIN,
                                        true,      true};

    CHECK_INT(lock_sync_lock_id(&lock), INT64_MAX);
    CHECK_INT(lock_sync_lock_revision(&lock), INT64_MIN);
    CHECK_INT(lock_sync_lock_last_state_changed_ms(&lock), -3);
    CHECK_INT(lock_sync_lock_fields(&lock), UINT32_MAX);
    CHECK_INT(lock_sync_lock_state(&lock), -5);
    CHECK_INT(lock_sync_lock_door_state(&lock), INT32_MAX);
    CHECK_INT(lock_sync_lock_battery_level(&lock), 100);
    CHECK_INT(lock_sync_lock_state_change_result(&lock), INT32_MIN);
    CHECK(lock_sync_lock_is_connected(&lock));
    CHECK(lock_sync_lock_is_charging(&lock));
}

TEST(getters_take_null)
{
    CHECK_INT(lock_sync_lock_id(NULL), 0);
    CHECK_INT(lock_sync_lock_revision(NULL), 0);
    CHECK_INT(lock_sync_lock_last_state_changed_ms(NULL), 0);
    CHECK_INT(lock_sync_lock_fields(NULL), 0);
    CHECK_INT(lock_sync_lock_state(NULL), 0);
    CHECK_INT(lock_sync_lock_door_state(NULL), 0);
    CHECK_INT(lock_sync_lock_battery_level(NULL), 0);
    CHECK_INT(lock_sync_lock_state_change_result(NULL), 0);
    CHECK(!lock_sync_lock_is_connected(NULL));
    CHECK(!lock_sync_lock_is_charging(NULL));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(is_locked_over_all_states_and_connections),
        T(is_jammed_over_results_and_connections),
        T(names_of_states),
        T(names_of_door_states),
        T(texts_know_whether_there_is_a_value),
        T(numbers_of_the_header_are_abi),
#if UINTPTR_MAX == UINT64_MAX
        T(the_layout_of_public_structs_is_abi),
#endif
        T(getters_give_the_members),
        T(getters_take_null),
    };

    return T_MAIN(tests);
}
