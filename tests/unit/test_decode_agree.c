/* A body of the documented shape is read in one pass, any other through a tree. Both decoders must agree: an unknown
   member in the envelope, which only the tree accepts, must not change the status or a record. The oracle and the
   fuzzer test random bodies. */
#include "direct.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXTRA "\"_\":0,"
#define EXTRA_SIZE (sizeof EXTRA - 1)

static void check_same(const lock_sync_results *a, const lock_sync_results *b)
{
    size_t n = lock_sync_results_count(a);
    size_t missing = lock_sync_results_missing_count(a);

    CHECK_INT(lock_sync_results_missing_count(b), missing);
    for (size_t i = 0; i < missing; i++)
        CHECK_INT(lock_sync_results_missing_at(a, i), lock_sync_results_missing_at(b, i));
    if (!CHECK_INT(lock_sync_results_count(b), n))
        return;
    for (size_t i = 0; i < n; i++) {
        const lock_sync_lock *lock = lock_sync_results_at(a, i);

        CHECK(t_same_lock(lock, lock_sync_results_at(b, i)));
        CHECK(lock_sync_results_find(a, lock->id) == lock);
    }
}

/* Decodes a body unchanged, and with the unknown member after its first byte, a '{'. */
static void check_both_ways(lock_sync_ctx *ctx, const t_response *request, const char *body, lock_sync_status want)
{
    size_t size = strlen(body);
    char *with_extra = malloc(size + EXTRA_SIZE);
    t_response a = *request;
    lock_sync_results *one;
    lock_sync_results *other;

    MUST(with_extra != NULL);
    memcpy(with_extra, "{" EXTRA, 1 + EXTRA_SIZE);
    memcpy(with_extra + 1 + EXTRA_SIZE, body + 1, size - 1);
    a.body = body;
    a.size = size;
    CHECK_INT(t_decode(ctx, &a, &one), want);
    a.body = with_extra;
    a.size = size + EXTRA_SIZE;
    CHECK_INT(t_decode(ctx, &a, &other), want);
    check_same(one, other);
    lock_sync_results_free(one);
    lock_sync_results_free(other);
    free(with_extra);
}

TEST_WITH_CTX(the_documented_shapes_are_read_in_one_pass)
{
    static const int64_t some[] = {12, 7, 99};
    static const struct {
        const char *name;
        t_response request;
        const char *body;
    } table[] = {
        {"all locks",
         {0},
         "{\"result\":[{\"id\":12,\"isConnected\":true,\"deviceState\":{\"state\":6,\"doorState\":3,"
         "\"isCharging\":false,\"batteryLevel\":54,\"stateChangeResult\":0,"
         "\"lastStateChangedDate\":\"2021-04-26T06:02:04.197Z\"},"
         "\"revision\":1},{\"id\":7,\"isConnected\":false,\"deviceState\":null,\"revision\":22},"
         "{\"id\":8,\"isConnected\":0}],\"success\":true,\"errorMessages\":[],\"statusCode\":200}"},
        {"old shape, asked by id",
         {.ids = some, .n = 3},
         "{ \"statusCode\": 200, \"success\": true,\n \"result\": [ { \"revision\": 5, \"lockProperties\":\n"
         "{ \"state\": 2, \"x\": \"y\", \"isCharging\": 1, \"batteryLevel\": 255,\n"
         "\"lastStateChangedDate\": \"2022-06-23T15:56:31.44\" },\n"
         "\"isConnected\": true, \"id\": 12, \"name\": null }, { \"id\": 8 }, { \"id\": 7, \"n\": -15 } ] }"},
        {"one lock",
         {.single = 7},
         "{\"result\":{\"id\":7,\"isConnected\":true,"
         "\"deviceState\":{\"state\":255,\"batteryLevel\":0,\"doorState\":null},"
         "\"revision\":3},\"success\":true,\"errorMessages\":[],\"statusCode\":200}"},
        {"white space everywhere",
         {0},
         " \t\r\n{ \"result\"\t:\r\n[ { \"id\" : 1 , \"deviceState\" : { \"state\" : 6 } , \"isConnected\" : true } ]"
         "\n, \"errorMessages\" : [ ] , \"success\" : true } \r\n\t"},
        {"nothing", {0}, "{\"result\":[]}"},
        {"a record twice", {0}, "{\"result\":[{\"id\":1},{\"id\":1}]}"},
        {"18 digits", {0}, "{\"result\":[{\"id\":999999999999999999,\"revision\":-999999999999999999}]}"},
        {"unknown keys with plain values",
         {0},
         "{\"result\":[{\"x\":true,\"id\":5,\"\":false,\"ids\":\"[{,}]\",\"i\":0,\"isConnecteD\":-1}]}"},
        {"values that count as absent",
         {0},
         "{\"result\":[{\"id\":5,\"isConnected\":null,\"revision\":null,\"lockProperties\":{\"state\":null,"
         "\"isCharging\":null,\"batteryLevel\":101,\"lastStateChangedDate\":null,\"doorState\":2147483648}}]}"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_response a = table[i].request;
        lock_sync_results *direct;
        lock_sync_results *r;

        t_row("%s", table[i].name);
        a.body = table[i].body;
        a.size = strlen(a.body);
        direct = direct_decode(ctx, &a);
        CHECK(direct != NULL);
        CHECK_OK(t_decode(ctx, &a, &r));
        check_same(direct, r);
        lock_sync_results_free(direct);
        lock_sync_results_free(r);
        if (a.body[0] == '{')
            check_both_ways(ctx, &table[i].request, table[i].body, LOCK_SYNC_OK);
    }
}

#define SIXTEEN                                                                                                        \
  "\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,"                                                   \
  "\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1"

/* Members of a record, each with two keys that are equal or only look equal. */
TEST_WITH_CTX(a_key_twice_is_malformed_for_both_decoders)
{
    static const struct {
        const char *members;
        lock_sync_status want;
    } table[] = {
        {"\"revision\":3,\"revision\":null", LOCK_SYNC_E_MALFORMED},
        {"\"isConnected\":true,\"isConnected\":null", LOCK_SYNC_E_MALFORMED},
        {"\"id\":7", LOCK_SYNC_E_MALFORMED},
        {"\"i\\u0064\":7", LOCK_SYNC_E_MALFORMED},
        {"\"deviceState\":{\"state\":6},\"deviceState\":null", LOCK_SYNC_E_MALFORMED},
        {"\"deviceState\":{\"state\":6,\"state\":null}", LOCK_SYNC_E_MALFORMED},
        {"\"deviceState\":{\"x\":6,\"x\":6}", LOCK_SYNC_E_MALFORMED},
        {"\"lockProperties\":{},\"lockProperties\":{}", LOCK_SYNC_E_MALFORMED},
        {"\"x\":null,\"revision\":1,\"x\":\"\"", LOCK_SYNC_E_MALFORMED},
        {"\"x\":[[{\"y\":[],\"z\":0,\"y\":{}}]]", LOCK_SYNC_E_MALFORMED},
        {SIXTEEN ",\"a\":2", LOCK_SYNC_E_MALFORMED},
        {SIXTEEN ",\"p\":2", LOCK_SYNC_E_MALFORMED},
        {SIXTEEN ",\"q\":2,\"q\":2", LOCK_SYNC_E_MALFORMED},
        {SIXTEEN ",\"q\":2,\"r\":2", LOCK_SYNC_OK},
        {SIXTEEN ",\"deviceState\":{" SIXTEEN "}", LOCK_SYNC_OK},
        {"\"deviceState\":null,\"lockProperties\":{\"state\":6}", LOCK_SYNC_OK},
        {"\"deviceState\":{\"id\":7,\"revision\":1},\"revision\":1", LOCK_SYNC_OK},
        {"\"ID\":7,\"Id\":7,\"x\":1,\"xx\":1,\"X\":1", LOCK_SYNC_OK},
        {"\"\\u0069\":7,\"x\":1", LOCK_SYNC_OK},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char body[700];

        t_row("%s", table[i].members);
        (void)snprintf(body, sizeof body, "{\"result\":[{\"id\":7,%s}]}", table[i].members);
        check_both_ways(ctx, &(t_response){.n = 0}, body, table[i].want);
    }
}
