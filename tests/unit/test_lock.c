/* The functions that read one lock, the names of states, and the numbers of the header. */
#include "../support/decoding.h"

#include <inttypes.h>

/* A value is known exactly if its bit is set. The decoder clears the bit if the lock is not known to be connected (see
   test_record.c). */
TEST(is_locked_over_all_states)
{
    for (int32_t state = -3; state <= 300; state++) {
        lock_sync_lock lock = {.id = 1, .state = state, .fields = LOCK_SYNC_FIELD_DEVICE_STATE};
        lock_sync_tristate want = state == 6                 ? LOCK_SYNC_YES
                                  : state >= 2 && state <= 8 ? LOCK_SYNC_NO
                                                             : LOCK_SYNC_UNKNOWN;

        t_row("state %" PRId32, state);
        CHECK_INT(lock_sync_lock_is_locked(&lock), LOCK_SYNC_UNKNOWN); /* no state was sent */
        lock.fields |= LOCK_SYNC_FIELD_STATE;
        CHECK_INT(lock_sync_lock_is_locked(&lock), want);
    }
    CHECK_INT(lock_sync_lock_is_locked(NULL), LOCK_SYNC_UNKNOWN);
}

TEST(is_jammed_over_results)
{
    static const int32_t results[] = {INT32_MIN, -1, 0, 1, 2, 255, INT32_MAX};

    for (size_t i = 0; i < COUNT_OF(results); i++) {
        lock_sync_lock lock = {
            .id = 1, .state_change_result = results[i], .fields = LOCK_SYNC_FIELD_DEVICE_STATE | LOCK_SYNC_FIELD_STATE};

        t_row("result %" PRId32, results[i]);
        CHECK_INT(lock_sync_lock_is_jammed(&lock), LOCK_SYNC_UNKNOWN); /* no result was sent */
        lock.fields |= LOCK_SYNC_FIELD_STATE_CHANGE_RESULT;
        CHECK_INT(lock_sync_lock_is_jammed(&lock), results[i] == 1 ? LOCK_SYNC_YES : LOCK_SYNC_NO);
    }
    CHECK_INT(lock_sync_lock_is_jammed(NULL), LOCK_SYNC_UNKNOWN);
}

TEST(each_state_has_its_name)
{
    static const struct {
        int32_t state;
        const char *name;
    } table[] = {
        {0, "uncalibrated"}, {1, "calibrating"}, {2, "unlocked"},  {3, "semi-locked"},
        {4, "unlocking"},    {5, "locking"},     {6, "locked"},    {7, "pulled"},
        {8, "pulling"},      {9, "unknown"},     {18, "updating"}, {255, "unpulling"},
    };

    for (int32_t state = -300; state <= 300; state++) {
        const char *want = "unknown";

        for (size_t i = 0; i < COUNT_OF(table); i++)
            if (table[i].state == state)
                want = table[i].name;
        t_row("%" PRId32, state);
        CHECK_TEXT(lock_sync_lock_state_name(state), want);
    }
    CHECK_TEXT(lock_sync_lock_state_name(INT32_MIN), "unknown");
    CHECK_TEXT(lock_sync_lock_state_name(INT32_MAX), "unknown");
}

TEST(each_door_state_has_its_name)
{
    static const char *const names[] = {"not paired", "disconnected", "opened", "closed", "uncalibrated"};

    for (int32_t state = -300; state <= 300; state++) {
        t_row("%" PRId32, state);
        CHECK_TEXT(lock_sync_door_state_name(state), state >= 0 && state <= 4 ? names[state] : "unknown");
    }
    CHECK_TEXT(lock_sync_door_state_name(INT32_MIN), "unknown");
    CHECK_TEXT(lock_sync_door_state_name(INT32_MAX), "unknown");
}

TEST(texts_are_unknown_without_the_bit_of_the_value)
{
    static const struct {
        const char *name;
        lock_sync_lock lock;
        const char *state, *door;
    } table[] = {
        {"nothing sent", {.id = 1}, "unknown", "unknown"},
        {"members without bits", {.id = 1, .state = 6, .door_state = 3}, "unknown", "unknown"},
        {"zero is a value",
         {.fields = LOCK_SYNC_FIELD_STATE | LOCK_SYNC_FIELD_DOOR_STATE},
         "uncalibrated",
         "not paired"},
        {"state only", {.fields = LOCK_SYNC_FIELD_STATE, .state = 6, .door_state = 3}, "locked", "unknown"},
        {"door only", {.fields = LOCK_SYNC_FIELD_DOOR_STATE, .state = 6, .door_state = 3}, "unknown", "closed"},
        {"without a name",
         {.fields = LOCK_SYNC_FIELD_STATE | LOCK_SYNC_FIELD_DOOR_STATE, .state = 77, .door_state = -1},
         "unknown",
         "unknown"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        CHECK_TEXT(lock_sync_lock_state_text(&table[i].lock), table[i].state);
        CHECK_TEXT(lock_sync_lock_door_text(&table[i].lock), table[i].door);
    }
    CHECK_TEXT(lock_sync_lock_state_text(NULL), "unknown");
    CHECK_TEXT(lock_sync_lock_door_text(NULL), "unknown");
}

TEST(numbers_in_the_header_are_abi)
{
    static const struct {
        const char *name;
        int64_t value, want;
    } table[] = {
        {"NO", LOCK_SYNC_NO, 0},
        {"YES", LOCK_SYNC_YES, 1},
        {"UNKNOWN", LOCK_SYNC_UNKNOWN, 2},
        {"LOG_ERROR", LOCK_SYNC_LOG_ERROR, 0},
        {"LOG_WARNING", LOCK_SYNC_LOG_WARNING, 1},
        {"LOG_INFO", LOCK_SYNC_LOG_INFO, 2},
        {"LOG_DEBUG", LOCK_SYNC_LOG_DEBUG, 3},
        {"FIELD_CONNECTED", LOCK_SYNC_FIELD_CONNECTED, 1},
        {"FIELD_REVISION", LOCK_SYNC_FIELD_REVISION, 2},
        {"FIELD_DEVICE_STATE", LOCK_SYNC_FIELD_DEVICE_STATE, 4},
        {"FIELD_STATE", LOCK_SYNC_FIELD_STATE, 8},
        {"FIELD_DOOR_STATE", LOCK_SYNC_FIELD_DOOR_STATE, 16},
        {"FIELD_CHARGING", LOCK_SYNC_FIELD_CHARGING, 32},
        {"FIELD_BATTERY_LEVEL", LOCK_SYNC_FIELD_BATTERY_LEVEL, 64},
        {"FIELD_STATE_CHANGE_RESULT", LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, 128},
        {"FIELD_LAST_STATE_CHANGED", LOCK_SYNC_FIELD_LAST_STATE_CHANGED, 256},
        {"STATE_UNCALIBRATED", LOCK_SYNC_STATE_UNCALIBRATED, 0},
        {"STATE_CALIBRATING", LOCK_SYNC_STATE_CALIBRATING, 1},
        {"STATE_UNLOCKED", LOCK_SYNC_STATE_UNLOCKED, 2},
        {"STATE_SEMI_LOCKED", LOCK_SYNC_STATE_SEMI_LOCKED, 3},
        {"STATE_UNLOCKING", LOCK_SYNC_STATE_UNLOCKING, 4},
        {"STATE_LOCKING", LOCK_SYNC_STATE_LOCKING, 5},
        {"STATE_LOCKED", LOCK_SYNC_STATE_LOCKED, 6},
        {"STATE_PULLED", LOCK_SYNC_STATE_PULLED, 7},
        {"STATE_PULLING", LOCK_SYNC_STATE_PULLING, 8},
        {"STATE_UNKNOWN", LOCK_SYNC_STATE_UNKNOWN, 9},
        {"STATE_UPDATING", LOCK_SYNC_STATE_UPDATING, 18},
        {"STATE_UNPULLING", LOCK_SYNC_STATE_UNPULLING, 255},
        {"DOOR_NOT_PAIRED", LOCK_SYNC_DOOR_NOT_PAIRED, 0},
        {"DOOR_DISCONNECTED", LOCK_SYNC_DOOR_DISCONNECTED, 1},
        {"DOOR_OPENED", LOCK_SYNC_DOOR_OPENED, 2},
        {"DOOR_CLOSED", LOCK_SYNC_DOOR_CLOSED, 3},
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

TEST(getters_return_the_members)
{
    static const lock_sync_lock lock = {INT64_MAX, INT64_MIN, -3,        UINT32_MAX, -5,
                                        INT32_MAX, 100,       INT32_MIN, true,       true};

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

TEST(getters_accept_null)
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
