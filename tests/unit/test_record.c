/* One record of a response: each field in each shape that the service may send, in both versions of the state
   object. */
#include "../support/decoding.h"

#include <stdio.h>

#define ALL_FIELDS 511u
#define RECORD_FIELDS ((uint32_t)(LOCK_SYNC_FIELD_CONNECTED | LOCK_SYNC_FIELD_REVISION))
#define STATE (uint32_t) LOCK_SYNC_FIELD_DEVICE_STATE
#define CONNECTED (uint32_t) LOCK_SYNC_FIELD_CONNECTED
#define MOVED (STATE | (uint32_t)LOCK_SYNC_FIELD_LAST_STATE_CHANGED)
#define REVISION (uint32_t) LOCK_SYNC_FIELD_REVISION
#define FULL                                                                                                           \
  "{\"state\":6,\"doorState\":3,\"isCharging\":true,\"batteryLevel\":54,\"stateChangeResult\":1,"                      \
  "\"lastStateChangedDate\":\"2021-04-26T06:02:04.197Z\"}"
#define T2021 INT64_C(1619416924197)

static const lock_sync_lock full = {7, 3, T2021, ALL_FIELDS, 6, 3, 54, 1, true, true};
static const lock_sync_lock stateless = {7, 3, 0, RECORD_FIELDS, 0, 0, 0, 0, false, false};
static const lock_sync_lock bare_state = {7, 0, 0, STATE, 0, 0, 0, 0, false, false};
static const lock_sync_lock bare = {.id = 7};
static const lock_sync_lock other_state = {7, 0, 0, CONNECTED | STATE | LOCK_SYNC_FIELD_STATE, 2, 0, 0, 0, true, false};
/* the fields of FULL that stay if the lock is not known to be connected */
static const lock_sync_lock moved = {7, 0, T2021, MOVED, 0, 0, 0, 0, false, false};
static const lock_sync_lock moved_away = {7, 3, T2021, CONNECTED | REVISION | MOVED, 0, 0, 0, 0, false, false};

TEST_WITH_CTX(each_shape_of_a_record_is_decoded)
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
         "{\"id\":7,\"isConnected\":true,\"lockProperties\":" FULL ",\"deviceState\":{\"state\":2}}", &other_state},
        {"both, new first", "{\"id\":7,\"isConnected\":true,\"deviceState\":{\"state\":2},\"lockProperties\":" FULL "}",
         &other_state},
        {"new one null wins too", "{\"id\":7,\"deviceState\":null,\"lockProperties\":" FULL "}", &bare},
        {"new one of wrong type wins too", "{\"id\":7,\"deviceState\":[],\"lockProperties\":" FULL "}", &bare},
        {"new one empty wins too", "{\"id\":7,\"lockProperties\":" FULL ",\"deviceState\":{}}", &bare_state},
        {"old one null", "{\"id\":7,\"isConnected\":true,\"deviceState\":{\"state\":2},\"lockProperties\":null}",
         &other_state},
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
        {"disconnected, with an old state", "{\"id\":7,\"isConnected\":false,\"deviceState\":" FULL ",\"revision\":3}",
         &moved_away},
        {"connection not sent", "{\"id\":7,\"deviceState\":" FULL "}", &moved},
        {"connection in another case", "{\"id\":7,\"IsConnected\":true,\"deviceState\":" FULL "}", &moved},
        {"connection a text", "{\"id\":7,\"isConnected\":\"true\",\"deviceState\":" FULL "}", &moved},
        {"connection null", "{\"id\":7,\"isConnected\":null,\"deviceState\":" FULL "}", &moved},
        {"connection within the state", "{\"id\":7,\"lockProperties\":{\"isConnected\":true,\"state\":6}}",
         &bare_state},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lock_sync_results *r;
        const lock_sync_lock *lock;

        t_row("%s", table[i].name);
        lock = t_decode_record(ctx, table[i].record, &r);
        if (lock != NULL)
            CHECK(t_same_lock(lock, table[i].want));
        lock_sync_results_free(r);
    }
}

#define ABSENT (INT64_MIN + 1)

static const struct field {
    const char *name;
    uint32_t bit;
} fields[] = {
    {"state", LOCK_SYNC_FIELD_STATE},
    {"doorState", LOCK_SYNC_FIELD_DOOR_STATE},
    {"stateChangeResult", LOCK_SYNC_FIELD_STATE_CHANGE_RESULT},
    {"batteryLevel", LOCK_SYNC_FIELD_BATTERY_LEVEL},
    {"isCharging", LOCK_SYNC_FIELD_CHARGING},
    {"lastStateChangedDate", LOCK_SYNC_FIELD_LAST_STATE_CHANGED},
    {"isConnected", LOCK_SYNC_FIELD_CONNECTED},
    {"revision", LOCK_SYNC_FIELD_REVISION},
};

static int64_t read_field(const lock_sync_lock *lock, uint32_t bit)
{
    const struct {
        uint32_t bit;
        int64_t value;
    } values[] = {
        {LOCK_SYNC_FIELD_STATE, lock->state},
        {LOCK_SYNC_FIELD_DOOR_STATE, lock->door_state},
        {LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, lock->state_change_result},
        {LOCK_SYNC_FIELD_BATTERY_LEVEL, lock->battery_level},
        {LOCK_SYNC_FIELD_CHARGING, lock->is_charging},
        {LOCK_SYNC_FIELD_LAST_STATE_CHANGED, lock->last_state_changed_ms},
        {LOCK_SYNC_FIELD_CONNECTED, lock->is_connected},
        {LOCK_SYNC_FIELD_REVISION, lock->revision},
    };

    for (size_t i = 0; i < COUNT_OF(values); i++)
        if (values[i].bit == bit)
            return values[i].value;
    return ABSENT;
}

static void check_field(lock_sync_ctx *ctx, const struct field *f, const char *json, int64_t value)
{
    uint32_t others = (f->bit & RECORD_FIELDS) != 0 ? 0 : CONNECTED | STATE;
    char record[300];
    lock_sync_results *r;
    const lock_sync_lock *lock;

    t_row("%s: %s", f->name, json);
    (void)(others == 0 ? snprintf(record, sizeof record, "{\"id\":7,\"%s\":%s}", f->name, json)
                       : snprintf(record, sizeof record, "{\"id\":7,\"isConnected\":true,\"deviceState\":{\"%s\":%s}}",
                                  f->name, json));
    lock = t_decode_record(ctx, record, &r);
    if (lock != NULL) {
        CHECK_INT(lock->fields, (value == ABSENT ? 0 : f->bit) | others);
        CHECK_INT(read_field(lock, f->bit), value == ABSENT ? 0 : value);
    }
    lock_sync_results_free(r);
}

TEST_WITH_CTX(each_value_of_a_field_is_decoded_or_unknown)
{
    static const struct {
        uint32_t fields; /* the value is the same in each */
        const char *json;
        int64_t value;
    } table[] = {
#define INT32S (LOCK_SYNC_FIELD_STATE | LOCK_SYNC_FIELD_DOOR_STATE | LOCK_SYNC_FIELD_STATE_CHANGE_RESULT)
        {INT32S, "0", 0},
        {INT32S, "-0", 0},
        {INT32S, "-1", -1},
        {INT32S, "255", 255},
        {INT32S, "2147483647", INT32_MAX},
        {INT32S, "2147483648", ABSENT},
        {INT32S, "-2147483648", INT32_MIN},
        {INT32S, "-2147483649", ABSENT},
        {INT32S, "4294967302", ABSENT}, /* 2^32 + 6 */
        {INT32S, "9223372036854775807", ABSENT},
        {INT32S, "6.000", 6},
        {INT32S, "-0.0", 0},
        {INT32S, "2147483647.0", INT32_MAX},
        {INT32S, "2147483648.0", ABSENT},
        {INT32S, "5.9999999999999999999", ABSENT}, /* a parser would round it to 6 */
        {INT32S, "6.0000000000000000001", ABSENT},
        {INT32S, "6.05", ABSENT},
        {INT32S, "6e0", ABSENT},
        {INT32S, "6.0e0", ABSENT},
        {INT32S, "1e-999", ABSENT},
        {INT32S, "true", ABSENT},
#define BATTERY LOCK_SYNC_FIELD_BATTERY_LEVEL
        {BATTERY, "-1", ABSENT},
        {BATTERY, "0", 0},
        {BATTERY, "100", 100},
        {BATTERY, "101", ABSENT},
        {BATTERY, "255", ABSENT},
        {BATTERY, "4294967296", ABSENT},
        {BATTERY, "54.0", 54},
        {BATTERY, "54.5", ABSENT},
        {BATTERY, "false", ABSENT},
        {REVISION, "9007199254740993", INT64_C(9007199254740993)}, /* exact, because it is not a real */
        {REVISION, "9223372036854775807", INT64_MAX},
        {REVISION, "-9223372036854775808", INT64_MIN},
        {REVISION, "3.5", ABSENT},
        {REVISION, "9223372036854775807.0", ABSENT},
        {REVISION, "-999999999999999999.0", -999999999999999999},
        {REVISION, "-1000000000000000000.0", ABSENT},
        {REVISION, "true", ABSENT},
#define BOOLS (CONNECTED | LOCK_SYNC_FIELD_CHARGING)
        {BOOLS, "true", 1},
        {BOOLS, "false", 0},
        {BOOLS, "1", 1},
        {BOOLS, "0", 0},
        {BOOLS, "1.0", 1},
        {BOOLS, "2", ABSENT},
        {BOOLS, "-1", ABSENT},
        {BOOLS, "256", ABSENT},
        {BOOLS, "0.5", ABSENT},
#define DATE LOCK_SYNC_FIELD_LAST_STATE_CHANGED
        {DATE, "\"2021-04-26T06:02:04.197Z\"", T2021},
        {DATE, "\"2022-06-23T15:56:31.44\"", INT64_C(1655999791440)},
        {DATE, "\"2021-04-26T08:02:04.197+02:00\"", T2021},
        {DATE, "\"2021-04-26\\u005406:02:04.197Z\"", T2021}, /* escaped */
        {DATE, "\"1970-01-01T00:00:00Z\"", 0},
        {DATE, "\"2021-02-29T06:02:04Z\"", ABSENT},
        {DATE, "\"2021-04-26T06:02:04.197Z\\u0000\"", ABSENT},
        {DATE, "1619416924197", ABSENT},
        {DATE, "0.0", ABSENT},
        {DATE, "true", ABSENT},
    };
    static const char *const never[] = {"null", "[]",    "{}",       "[1]",           "{\"a\":1}",
                                        "\"\"", "\"6\"", "\"true\"", "\"x\\u0000y\"", "1e300"};

    for (size_t f = 0; f < COUNT_OF(fields); f++) {
        for (size_t i = 0; i < COUNT_OF(table); i++)
            if ((table[i].fields & fields[f].bit) != 0)
                check_field(ctx, &fields[f], table[i].json, table[i].value);
        for (size_t i = 0; i < COUNT_OF(never); i++)
            check_field(ctx, &fields[f], never[i], ABSENT);
    }
}

TEST_WITH_CTX(every_positive_integer_is_an_id)
{
    static const struct {
        const char *json;
        int64_t value;
    } table[] = {
        {"1", 1},
        {"9223372036854775807", INT64_MAX},
        {"9007199254740993.0", INT64_C(9007199254740993)},
        {"999999999999999999.0", 999999999999999999},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char record[100];
        lock_sync_results *r;

        t_row("%s", table[i].json);
        (void)snprintf(record, sizeof record, "{\"id\":%s}", table[i].json);
        CHECK_INT(lock_sync_lock_id(t_decode_record(ctx, record, &r)), table[i].value);
        lock_sync_results_free(r);
    }
}

/* A record without a usable id is never dropped: the response is rejected, and the message has the record's number. */
TEST_WITH_CTX(a_record_without_a_usable_id_is_reported_by_its_number)
{
    static const char *const records[] = {
        "{}",
        "{\"ID\":1}",
        "{\"id\":null}",
        "{\"id\":\"7\"}",
        "{\"id\":true}",
        "{\"id\":0}",
        "{\"id\":-1}",
        "{\"id\":0.0}",
        "{\"id\":-0.0}",
        "{\"id\":1.5}",
        "{\"id\":1e300}",
        "{\"id\":1000000000000000000.0}",
        "{\"id\":-9223372036854775808}",
        "{\"id\":[7]}",
        "{\"id\":{\"id\":7}}",
        "{\"deviceState\":{\"id\":7}}",
        "{\"id\":7.5}",
        "{\"id\":\"2021-04-26T06:02:04Z\"}",
        "null",
        "7",
        "\"7\"",
        "[]",
        "[7]",
        "true",
    };
    /* the bodies up to the record */
    static const struct {
        const char *text;
        const char *says;
    } before[] = {
        {"{\"result\":[", "record 1 of 2 has no usable id"},
        {"{ \"x\" : [ {\"result\":[1]} ], \"result\" :\n [\t{\"id\":1} , ", "record 2 of 3 has no usable id"},
        {"{\"success\":true,\"result\":[{\"id\":5,\"a\":\"]}\\\"\"},{\"id\":6,\"deviceState\":" FULL "},",
         "record 3 of 4 has no usable id"},
    };
    char body[700];

    for (size_t i = 0; i < COUNT_OF(records); i++) {
        for (size_t k = 0; k < COUNT_OF(before); k++) {
            t_row("%s%s", before[k].text, records[i]);
            (void)snprintf(body, sizeof body, "%s%s , {\"id\":9} ] , \"statusCode\":200 }", before[k].text, records[i]);
            CHECK_INT(t_decode_status(ctx, &(t_response){.body = body}), LOCK_SYNC_E_MALFORMED);
            CHECK_INT(t_error_offset(ctx), -1);
            CHECK_HOLDS(t_error_message(ctx), before[k].says);
            CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(ctx)), 200);
        }
    }
}
