/* One record of an answer: each field in each shape that a service may send, in both versions of the state object. */
#include "../support/decoding.h"

#include <stdio.h>

#define ALL_FIELDS 511u
#define RECORD_FIELDS ((uint32_t)(LOCK_SYNC_FIELD_CONNECTED | LOCK_SYNC_FIELD_REVISION))
#define STATE (uint32_t) LOCK_SYNC_FIELD_DEVICE_STATE
#define CONNECTED (uint32_t) LOCK_SYNC_FIELD_CONNECTED
#define MOVED (STATE | (uint32_t)LOCK_SYNC_FIELD_LAST_STATE_CHANGED)
#define REVISION (uint32_t) LOCK_SYNC_FIELD_REVISION
#define FULL                                                                                                           \
    "{\"state\":6,\"doorState\":3,\"isCharging\":true,\"batteryLevel\":54,\"stateChangeResult\":1,"                    \
    "\"lastStateChangedDate\":\"2021-04-26T06:02:04.197Z\"}"
#define T2021 INT64_C(1619416924197)

static const lock_sync_lock full = {7, 3, T2021, ALL_FIELDS, 6, 3, 54, 1, true, true};
static const lock_sync_lock stateless = {7, 3, 0, RECORD_FIELDS, 0, 0, 0, 0, false, false};
static const lock_sync_lock bare_state = {7, 0, 0, STATE, 0, 0, 0, 0, false, false};
static const lock_sync_lock bare = {.id = 7};
static const lock_sync_lock other_state = {7, 0, 0, CONNECTED | STATE | LOCK_SYNC_FIELD_STATE, 2, 0, 0, 0, true, false};
/* what is left of FULL in a lock that is not known to be connected */
static const lock_sync_lock moved = {7, 0, T2021, MOVED, 0, 0, 0, 0, false, false};
static const lock_sync_lock moved_away = {7, 3, T2021, CONNECTED | REVISION | MOVED, 0, 0, 0, 0, false, false};

TEST(shapes_of_a_record)
{
    static const struct {
        const char *name;
        const char *record;
        const lock_sync_lock *want;
    } table[] = {
        {"new shape", "{\"id\":7,\"isConnected\":true,\"deviceState\":" FULL ",\"revision\":3}", &full},
        {"old shape", "{\"id\":7,\"isConnected\":true,\"lockProperties\":" FULL ",\"revision\":3}", &full},
        {"other order", "{\"revision\":3,\"deviceState\":" FULL ",\"isConnected\":true,\"id\":7}", &full},
        {"white space", " { \"id\" : 7 ,\n\t\"isConnected\" :\r\n true , \"deviceState\" : " FULL ", \"revision\":3 } ",
         &full},
        {"escaped key", "{\"\\u0069d\":7,\"isConnected\":true,\"device\\u0053tate\":" FULL ",\"revision\":3}", &full},
        {"disconnected", "{\"id\":7,\"isConnected\":false,\"deviceState\":null,\"revision\":3}", &stateless},
        {"disconnected, old", "{\"id\":7,\"isConnected\":false,\"lockProperties\":null,\"revision\":3}", &stateless},
        {"both null", "{\"id\":7,\"isConnected\":false,\"deviceState\":null,\"lockProperties\":null,\"revision\":3}",
         &stateless},
        {"both: the new one wins",
         "{\"id\":7,\"isConnected\":true,\"lockProperties\":" FULL ",\"deviceState\":{\"state\":2}}",
         &other_state},
        {"both, new first",
         "{\"id\":7,\"isConnected\":true,\"deviceState\":{\"state\":2},\"lockProperties\":" FULL "}", &other_state},
        {"new one null wins too", "{\"id\":7,\"deviceState\":null,\"lockProperties\":" FULL "}", &bare},
        {"new one of wrong type wins too", "{\"id\":7,\"deviceState\":[],\"lockProperties\":" FULL "}", &bare},
        {"new one empty wins too", "{\"id\":7,\"lockProperties\":" FULL ",\"deviceState\":{}}", &bare_state},
        {"old one null",
         "{\"id\":7,\"isConnected\":true,\"deviceState\":{\"state\":2},\"lockProperties\":null}", &other_state},
        {"state object a string", "{\"id\":7,\"deviceState\":\"6\"}", &bare},
        {"state object an array", "{\"id\":7,\"lockProperties\":[" FULL "]}", &bare},
        {"state beside its object", "{\"id\":7,\"state\":6,\"batteryLevel\":54,\"isCharging\":true}", &bare},
        {"record fields in the state", "{\"id\":7,\"deviceState\":{\"id\":8,\"revision\":9,\"isConnected\":true}}",
         &bare_state},
        {"keys in another case", "{\"id\":7,\"ISCONNECTED\":true,\"Revision\":3,\"DeviceState\":" FULL "}", &bare},
        {"unknown keys", "{\"id\":7,\"isConnected\":false,\"revision\":3,\"a\":{\"id\":9},\"b\":[{\"state\":1}]}",
         &stateless},
        {"unknown keys in the state",
         "{\"id\":7,\"isConnected\":true,\"deviceState\":{\"x\":{\"state\":5,\"y\":[1,{\"z\":null}]},\"state\":2,"
         "\"w\":\"\\u0000\"}}",
         &other_state},
        {"deviceSettings",
         "{\"id\":7,\"isConnected\":true,\"deviceState\":{\"state\":2},\"deviceSettings\":{\"state\":6,\"x\":1}}",
         &other_state},
        {"disconnected, with the state of old",
         "{\"id\":7,\"isConnected\":false,\"deviceState\":" FULL ",\"revision\":3}",
         &moved_away},
        {"connection not sent", "{\"id\":7,\"deviceState\":" FULL "}", &moved},
        {"connection in another case", "{\"id\":7,\"IsConnected\":true,\"deviceState\":" FULL "}", &moved},
        {"connection a text", "{\"id\":7,\"isConnected\":\"true\",\"deviceState\":" FULL "}", &moved},
        {"connection null", "{\"id\":7,\"isConnected\":null,\"deviceState\":" FULL "}", &moved},
        {"connection within the state",
         "{\"id\":7,\"lockProperties\":{\"isConnected\":true,\"state\":6}}", &bare_state},
    };
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lock_sync_results *r;
        const lock_sync_lock *lock;

        t_row("%s", table[i].name);
        lock = t_decode_record(ctx, table[i].record, &r);
        if (lock != NULL)
            CHECK(t_same_lock(lock, table[i].want));
        lock_sync_results_free(r);
    }
    lock_sync_ctx_free(ctx);
}

/* A value in its field: what comes of it. A row without `there` is absent. */
typedef struct value_row {
    const char *json;
    bool there;
    int64_t value;
} value_row;

/* Values that no field can take. */
static const char *const never[] = {"null",       "[]",  "{}",     "[1]",           "{\"a\":1}",
                                    "\"\"",       "\"6\"", "\"true\"", "\"x\\u0000y\"", "1e300"};

static int64_t read_field(const lock_sync_lock *lock, uint32_t bit)
{
    switch (bit) {
    case LOCK_SYNC_FIELD_CONNECTED:
        return lock->is_connected;
    case LOCK_SYNC_FIELD_REVISION:
        return lock->revision;
    case LOCK_SYNC_FIELD_STATE:
        return lock->state;
    case LOCK_SYNC_FIELD_DOOR_STATE:
        return lock->door_state;
    case LOCK_SYNC_FIELD_CHARGING:
        return lock->is_charging;
    case LOCK_SYNC_FIELD_BATTERY_LEVEL:
        return lock->battery_level;
    case LOCK_SYNC_FIELD_STATE_CHANGE_RESULT:
        return lock->state_change_result;
    default:
        return lock->last_state_changed_ms;
    }
}

static void check_field(lock_sync_ctx *ctx, const char *name, uint32_t bit, const char *json, bool there, int64_t value)
{
    bool of_record = (bit & RECORD_FIELDS) != 0;
    uint32_t others = of_record ? 0 : CONNECTED | STATE;
    char record[300];
    lock_sync_results *r;
    const lock_sync_lock *lock;

    t_row("%s: %s", name, json);
    (void)snprintf(record, sizeof record, of_record ? "{\"id\":7,\"%s\":%s}"
                             : "{\"id\":7,\"isConnected\":true,\"deviceState\":{\"%s\":%s}}",
                   name, json);
    lock = t_decode_record(ctx, record, &r);
    if (lock != NULL) {
        CHECK_INT(lock->fields, (there ? bit : 0) | others);
        CHECK_INT(read_field(lock, bit), there ? value : 0);
    }
    lock_sync_results_free(r);
}

static void check_fields(const char *name, uint32_t bit, const value_row *table, size_t n)
{
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < n; i++)
        check_field(ctx, name, bit, table[i].json, table[i].there, table[i].value);
    for (size_t i = 0; i < COUNT_OF(never); i++)
        check_field(ctx, name, bit, never[i], false, 0);
    lock_sync_ctx_free(ctx);
}

TEST(integers_of_32_bits)
{
    static const value_row table[] = {
        {"0", true, 0}, {"6", true, 6}, {"-0", true, 0}, {"-1", true, -1}, {"255", true, 255}, {"17", true, 17},
        {"2147483647", true, INT32_MAX}, {"2147483648", false, 0}, {"-2147483648", true, INT32_MIN},
        {"-2147483649", false, 0}, {"4294967302", false, 0}, /* 2^32 + 6 */
        {"9223372036854775807", false, 0}, {"-9223372036854775808", false, 0},
        {"6.0", true, 6}, {"6.000", true, 6}, {"-0.0", true, 0}, {"2147483647.0", true, INT32_MAX},
        /* a parser would round: what is nearly 6 would be 6 */
        {"5.9999999999999999999", false, 0}, {"6.0000000000000000001", false, 0}, {"54.5", false, 0}, {"6.05", false, 0},
        {"0.6e1", false, 0}, {"6e0", false, 0}, {"6.0e0", false, 0}, {"60E-1", false, 0}, {"1e-999", false, 0},
        {"2147483648.0", false, 0}, {"\"6.0\"", false, 0}, {"true", false, 0}, {"false", false, 0},
    };

    check_fields("state", LOCK_SYNC_FIELD_STATE, table, COUNT_OF(table));
    check_fields("doorState", LOCK_SYNC_FIELD_DOOR_STATE, table, COUNT_OF(table));
    check_fields("stateChangeResult", LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, table, COUNT_OF(table));
}

TEST(battery_levels_outside_0_to_100_are_absent)
{
    static const value_row table[] = {
        {"-2147483648", false, 0}, {"-1", false, 0}, {"0", true, 0}, {"1", true, 1}, {"54", true, 54}, {"99", true, 99},
        {"100", true, 100}, {"101", false, 0}, {"254", false, 0}, {"255", false, 0}, {"256", false, 0},
        {"4294967296", false, 0}, {"9223372036854775807", false, 0}, {"54.0", true, 54}, {"54.5", false, 0},
        {"0.0", true, 0}, {"true", false, 0}, {"false", false, 0}, {"\"54\"", false, 0},
    };

    check_fields("batteryLevel", LOCK_SYNC_FIELD_BATTERY_LEVEL, table, COUNT_OF(table));
}

TEST(revisions_of_64_bits)
{
    static const value_row table[] = {
        {"0", true, 0}, {"-1", true, -1}, {"2147483648", true, INT64_C(2147483648)},
        {"9007199254740993", true, INT64_C(9007199254740993)}, /* exact, as it is no real */
        {"9223372036854775807", true, INT64_MAX}, {"-9223372036854775808", true, INT64_MIN},
        {"3.0", true, 3}, {"3.5", false, 0}, {"1e15", false, 0}, {"9223372036854775807.0", false, 0},
        {"-999999999999999999.0", true, -999999999999999999}, {"-1000000000000000000.0", false, 0},
        {"1e308", false, 0}, {"true", false, 0},
    };

    check_fields("revision", LOCK_SYNC_FIELD_REVISION, table, COUNT_OF(table));
}

TEST(booleans_may_be_0_and_1)
{
    static const value_row table[] = {
        {"true", true, 1}, {"false", true, 0}, {"1", true, 1}, {"0", true, 0}, {"1.0", true, 1}, {"0.0", true, 0},
        {"-0", true, 0}, {"2", false, 0}, {"-1", false, 0}, {"256", false, 0}, {"4294967296", false, 0},
        {"0.5", false, 0}, {"1.5", false, 0}, {"\"false\"", false, 0}, {"\"1\"", false, 0},
    };

    check_fields("isConnected", LOCK_SYNC_FIELD_CONNECTED, table, COUNT_OF(table));
    check_fields("isCharging", LOCK_SYNC_FIELD_CHARGING, table, COUNT_OF(table));
}

TEST(times_of_a_record)
{
    static const value_row table[] = {
        {"\"2021-04-26T06:02:04.197Z\"", true, T2021},
        {"\"2022-06-23T15:56:31.44\"", true, INT64_C(1655999791440)},
        {"\"2021-04-26T06:02:04.1971234\"", true, T2021},
        {"\"2021-04-26T06:02:04.197+00:00\"", true, T2021},
        {"\"2021-04-26T08:02:04.197+02:00\"", true, T2021},
        {"\"2021-04-26\\u005406:02:04.197Z\"", true, T2021}, /* escaped */
        {"\"1970-01-01T00:00:00Z\"", true, 0},
        {"\"2021-04-26T06:02:60Z\"", false, 0},
        {"\"2021-02-29T06:02:04Z\"", false, 0},
        {"\"0001-01-01T00:00:00\"", true, INT64_C(-62135596800000)},
        {"\"2021-04-26T06:02:04.197Z\\u0000\"", false, 0},
        {"\"string\"", false, 0},
        {"1619416924197", false, 0},
        {"0", false, 0},
        {"0.0", false, 0},
        {"true", false, 0},
        {"false", false, 0},
    };

    check_fields("lastStateChangedDate", LOCK_SYNC_FIELD_LAST_STATE_CHANGED, table, COUNT_OF(table));
}

TEST(ids_that_can_be_used)
{
    static const value_row table[] = {
        {"1", true, 1}, {"9223372036854775807", true, INT64_MAX}, {"9007199254740993", true, INT64_C(9007199254740993)},
        {"9007199254740993.0", true, INT64_C(9007199254740993)}, {"999999999999999999.0", true, 999999999999999999},
    };
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char record[100];
        lock_sync_results *r;

        t_row("%s", table[i].json);
        (void)snprintf(record, sizeof record, "{\"id\":%s}", table[i].json);
        CHECK_INT(lock_sync_lock_id(t_decode_record(ctx, record, &r)), table[i].value);
        lock_sync_results_free(r);
    }
    lock_sync_ctx_free(ctx);
}

/* A record without a usable id never vanishes: the answer is refused, and the record named by its number. */
TEST(a_record_without_a_usable_id_is_named)
{
    static const char *const records[] = {
        "{}", "{\"ID\":1}", "{\"id\":null}", "{\"id\":\"7\"}", "{\"id\":true}", "{\"id\":0}", "{\"id\":-1}",
        "{\"id\":0.0}", "{\"id\":-0.0}", "{\"id\":1.5}", "{\"id\":1e300}", "{\"id\":1000000000000000000.0}",
        "{\"id\":-9223372036854775808}", "{\"id\":[7]}", "{\"id\":{\"id\":7}}", "{\"deviceState\":{\"id\":7}}",
        "{\"id\":7.5}", "{\"id\":\"2021-04-26T06:02:04Z\"}", "null", "7", "\"7\"", "[]", "[7]", "true",
    };
    /* where the record stands: the bodies up to it */
    static const struct {
        const char *text;
        const char *says;
    } before[] = {
        {"{\"result\":[", "record 1 of 2 has no usable id"},
        {"{ \"x\" : [ {\"result\":[1]} ], \"result\" :\n [\t{\"id\":1} , ", "record 2 of 3 has no usable id"},
        {"{\"success\":true,\"result\":[{\"id\":5,\"a\":\"]}\\\"\"},{\"id\":6,\"deviceState\":" FULL "},",
         "record 3 of 4 has no usable id"},
    };
    lock_sync_ctx *ctx = t_ctx();
    char body[700];

    for (size_t i = 0; i < COUNT_OF(records); i++) {
        for (size_t k = 0; k < COUNT_OF(before); k++) {
            t_row("%s%s", before[k].text, records[i]);
            (void)snprintf(body, sizeof body, "%s%s , {\"id\":9} ] , \"statusCode\":200 }", before[k].text, records[i]);
            CHECK_INT(t_decode_status(ctx, &(t_answer){.body = body}), LOCK_SYNC_E_MALFORMED);
            CHECK_INT(t_error_offset(ctx), -1);
            CHECK_HOLDS(t_error_message(ctx), before[k].says);
            CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(ctx)), 200);
        }
    }
    lock_sync_ctx_free(ctx);
}

int main(void)
{
    return t_run_all();
}
