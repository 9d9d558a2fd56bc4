/* The directory: the simulator's endpoints, my/lock and my/lock/{id}, and fetches of it. */
#include "client.h"

#include <stdlib.h>
#include <string.h>

#define AUTHORIZATION "Authorization: PersonalKey " KEY "\r\n"
#define LONG_NAME_SIZE 200

static void free_sim(void *s)
{
    sim_stop(s, NULL);
}

/* Starts a simulator whose locks do not change. `more` are two more arguments, or NULL. */
static sim *start(const char *version, const char *locks, const char *more, const char *value)
{
    const char *const arguments[] = {
        "--static", "--personal-key", KEY, "--api-version", version, "--locks", locks, more, value, NULL};

    return t_later(free_sim, sim_start(arguments));
}

/* Returns the response to an authorized request; it stays until the test ends. */
static const char *get(const sim *s, const char *target)
{
    return t_later(free, sim_get(s, target, AUTHORIZATION));
}

static const char *body_of(const char *response)
{
    const char *end = strstr(response, "\r\n\r\n");

    MUST(end != NULL);
    return end + 4;
}

/* Returns the record of a lock in a response; it ends where the next one begins, or at the end of the list. */
static const char *record_of(const char *response, int64_t id)
{
    char *begin = kit_text("{\"id\":%d,", (int)id);
    const char *from = strstr(response, begin);
    const char *next;

    free(begin);
    MUST(from != NULL);
    next = strstr(from + 1, ",{\"id\":");
    return t_later(free, kit_text("%.*s", next == NULL ? (int)strlen(from) : (int)(next - from), from));
}

static size_t records_in(const char *response)
{
    return kit_count(response, "{\"id\":");
}

/* --- the endpoints --- */

TEST(each_version_has_its_name_of_the_state_object)
{
    static const struct {
        const char *version;
        const char *in_directory;
        const char *in_sync;
    } rows[] = {
        {"v1.32", "\"lockProperties\":{\"state\":", "\"lockProperties\":{\"state\":"},
        {"v1.33", "\"lockProperties\":{\"state\":", "\"lockProperties\":{\"state\":"},
        {"v1.34", "\"deviceState\":{\"state\":", "\"lockProperties\":{\"state\":"},
        {"v1.35", "\"deviceState\":{\"state\":", "\"deviceState\":{\"state\":"},
        {"v37", "\"deviceState\":{\"state\":", "\"deviceState\":{\"state\":"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const sim *s = start(rows[i].version, "4", NULL, NULL);
        char *base = t_later(free, kit_text("/api/%s/my/lock", rows[i].version));
        char *one = t_later(free, kit_text("%s/1001", base));
        char *sync = t_later(free, kit_text("%s/sync", base));

        t_row("%s", rows[i].version);
        CHECK_INT(records_in(get(s, base)), 4);
        CHECK_HOLDS(record_of(get(s, base), 1001), rows[i].in_directory);
        CHECK_HOLDS(get(s, one), rows[i].in_directory);
        CHECK_HOLDS(get(s, sync), rows[i].in_sync);
    }
}

TEST(a_record_has_the_facts_of_its_lock)
{
    static const char *const parts[] = {"{\"id\":1001,\"name\":\"Front door\",\"serialNumber\":\"",
                                        ",\"type\":",
                                        ",\"beaconMajor\":56,\"beaconMinor\":1,",
                                        ",\"connectedToId\":9",
                                        ",\"organizationId\":null,\"timeZone\":\"Europe/Warsaw\",",
                                        "\"revision\":",
                                        ",\"deviceRevision\":",
                                        ",\"targetDeviceRevision\":",
                                        ",\"accessDetails\":null,",
                                        ",\"softwareVersions\":[{\"softwareType\":0,",
                                        ",\"deviceSettings\":{\"",
                                        ",\"isConnected\":true,",
                                        "\"accessLevel\":",
                                        ",\"created\":\"20",
                                        "\",\"deviceState\":{\"state\":"};
    const sim *s = start("v37", "4", NULL, NULL);
    const char *all = get(s, "/api/v37/my/lock");
    const char *one = get(s, "/api/v37/my/lock/1001");
    const char *created = strstr(one, "\"created\":");

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        CHECK_HOLDS(record_of(all, 1001), parts[i]);
        CHECK_HOLDS(one, parts[i]);
    }
    MUST(created != NULL);
    CHECK(strcspn(created, "Z+") > strcspn(created, ",")); /* it has no zone */
    CHECK_HOLDS(one, "{\"result\":{\"id\":1001,");
    CHECK_HOLDS(record_of(all, 1002), "\"isConnected\":false,");
    CHECK_HOLDS(record_of(all, 1002), "\"deviceState\":null}");
    CHECK_TEXT(body_of(get(s, "/api/v37/my/lock")), body_of(all));
    CHECK_TEXT(body_of(get(s, "/api/v37/my/lock/1001")), body_of(one));
}

TEST(user_settings_are_sent_only_if_asked_for)
{
    const sim *s = start("v37", "4", NULL, NULL);

    CHECK_LACKS(get(s, "/api/v37/my/lock"), "userSettings");
    CHECK_LACKS(get(s, "/api/v37/my/lock?IncludeUserSettings=false"), "userSettings");
    CHECK_INT(kit_count(get(s, "/api/v37/my/lock?IncludeUserSettings=true"), "\"userSettings\":{"), 4);
    CHECK_LACKS(get(s, "/api/v37/my/lock/1001"), "userSettings");
    CHECK_HOLDS(get(s, "/api/v37/my/lock/1001?IncludeUserSettings=true"), "\"userSettings\":{");
}

TEST(a_lock_that_was_never_paired_has_null_in_the_directory_and_false_in_sync)
{
    const sim *s = start("v37", "8", NULL, NULL);
    const char *record = record_of(get(s, "/api/v37/my/lock"), 1008);

    CHECK_HOLDS(record, "\"connectedToId\":null,");
    CHECK_HOLDS(record, "\"beaconMajor\":null,\"beaconMinor\":null,");
    CHECK_HOLDS(record, "\"isConnected\":null,");
    CHECK_HOLDS(record, "\"deviceState\":null}");
    CHECK_LACKS(record, "timeZone");
    CHECK_HOLDS(get(s, "/api/v37/my/lock/sync?id=1008"), "{\"id\":1008,\"isConnected\":false,\"deviceState\":null,");
}

TEST(pages_begin_at_1_and_have_the_asked_number_of_locks)
{
    static const struct {
        const char *query;
        size_t locks;
        int64_t first;
    } rows[] = {
        {"", 10, 1001},
        {"?ItemsPerPage=4", 4, 1001},
        {"?ItemsPerPage=4&Page=1", 4, 1001},
        {"?Page=2&ItemsPerPage=4", 4, 1005},
        {"?ItemsPerPage=4&Page=3", 2, 1009},
        {"?ItemsPerPage=4&Page=4", 0, 0},
        {"?ItemsPerPage=5&Page=2", 5, 1006},
        {"?ItemsPerPage=5&Page=3", 0, 0},
        {"?ItemsPerPage=100", 10, 1001},
        {"?ItemsPerPage=9000000000000000000&Page=9000000000000000000", 0, 0},
        {"?Page=1", 10, 1001},
        {"?Page=2", 0, 0},
    };
    static const char *const bad[] = {"?Page=0", "?Page=-1",        "?Page=x",
                                      "?Page=",  "?ItemsPerPage=0", "?ItemsPerPage=10x"};
    const sim *s = start("v37", "10", NULL, NULL);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *target = t_later(free, kit_text("/api/v37/my/lock%s", rows[i].query));
        const char *response = get(s, target);

        t_row("%s", rows[i].query);
        CHECK_INT(records_in(response), rows[i].locks);
        CHECK_HOLDS(response, "\"success\":true");
        if (rows[i].locks > 0) {
            char *begin = t_later(free, kit_text("{\"result\":[{\"id\":%d,", (int)rows[i].first));

            CHECK_HOLDS(response, begin);
        }
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char *target = t_later(free, kit_text("/api/v37/my/lock%s", bad[i]));

        t_row("%s", bad[i]);
        CHECK_HOLDS(get(s, target), "HTTP/1.1 400 ");
    }
}

TEST(no_directory_without_a_credential_or_of_what_is_not_there)
{
    static const char *const missing[] = {"/api/v37/my/lock/999",   "/api/v37/my/lock/1005", "/api/v37/my/lock/",
                                          "/api/v37/my/lock/1001/", "/api/v37/my/locks",     "/api/v36/my/lock"};
    static const char *const targets[] = {"/api/v37/my/lock", "/api/v37/my/lock/1001", "/api/v37/my/lock/999"};
    const sim *s = start("v37", "4", NULL, NULL);

    for (size_t i = 0; i < COUNT_OF(missing); i++) {
        t_row("%s", missing[i]);
        CHECK_HOLDS(get(s, missing[i]), "HTTP/1.1 404 ");
    }
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        t_row("%s", targets[i]);
        CHECK_HOLDS(t_later(free, sim_get(s, targets[i], "")), "HTTP/1.1 401 ");
        CHECK_HOLDS(t_later(free, sim_get(s, targets[i], "Authorization: PersonalKey another\r\n")), "HTTP/1.1 401 ");
    }
    CHECK_INT(sim_ask_stats(s).unauthorized, 6);
    CHECK_INT(sim_ask_stats(s).directories, 2); /* of locks that do not exist */
}

TEST(every_response_lists_the_versions)
{
    static const char *const faults[] = {"401",  "403",   "404",      "429",        "500",          "503",
                                         "html", "empty", "bad-json", "wrong-type", "success-false"};
    static const char *const targets[] = {"/api/v1.32/my/lock",      "/api/v1.32/my/lock/1001",
                                          "/api/v1.32/my/lock/sync", "/api/v1.32/my/lock/999",
                                          "/api/v37/my/lock",        "/api/v1.32/my/lock?Page=0"};
    const sim *s = start("v1.32", "4", NULL, NULL);

    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        t_row("%s", targets[i]);
        CHECK_HOLDS(get(s, targets[i]), "\r\nAPI-Supported-Versions: 1.32, 1.35, 1.36, 37\r\n");
    }
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        t_row("%s", faults[i]);
        sim_fault(s, faults[i], 1);
        CHECK_HOLDS(get(s, "/api/v1.32/my/lock"), "\r\nAPI-Supported-Versions: 1.32, 1.35, 1.36, 37\r\n");
        sim_fault(s, faults[i], 0);
    }
    CHECK_HOLDS(get(start("v1.36", "1", NULL, NULL), "/api/v1.36/my/lock"),
                "\r\nAPI-Supported-Versions: 1.35, 1.36, 37\r\n");
}

/* --- the rules --- */

TEST(directories_beyond_their_budget_are_limited_and_syncs_are_not)
{
    const sim *s = start("v37", "4", "--directory-budget", "3");
    sim_stats stats;
    const char *limited;
    const char *wait;

    CHECK_HOLDS(get(s, "/api/v37/my/lock"), "HTTP/1.1 200 ");
    CHECK_HOLDS(get(s, "/api/v37/my/lock/1001"), "HTTP/1.1 200 ");
    CHECK_HOLDS(get(s, "/api/v37/my/lock?ItemsPerPage=1"), "HTTP/1.1 200 ");
    limited = get(s, "/api/v37/my/lock");
    CHECK_HOLDS(limited, "HTTP/1.1 429 ");
    wait = strstr(limited, "Retry-After: ");
    MUST(wait != NULL);
    CHECK_BETWEEN(atoi(wait + strlen("Retry-After: ")), 500, 600);
    CHECK_HOLDS(get(s, "/api/v37/my/lock/sync"), "HTTP/1.1 200 ");
    stats = sim_ask_stats(s);
    CHECK_INT(stats.directories, 4);
    CHECK_INT(stats.directory_violations, 1);
    CHECK_INT(stats.syncs, 1);
    CHECK_INT(stats.window_violations, 0);
    sim_reset(s);
    CHECK_INT(sim_ask_stats(s).directories, 0);
    CHECK_HOLDS(get(s, "/api/v37/my/lock"), "HTTP/1.1 200 ");
}

TEST(directories_count_in_the_hour)
{
    const sim *s = start("v37", "4", "--hourly-budget", "2");
    sim_stats stats;

    CHECK_HOLDS(get(s, "/api/v37/my/lock"), "HTTP/1.1 200 ");
    CHECK_HOLDS(get(s, "/api/v37/my/lock/sync"), "HTTP/1.1 200 ");
    CHECK_HOLDS(get(s, "/api/v37/my/lock/sync"), "HTTP/1.1 429 ");
    CHECK_HOLDS(get(s, "/api/v37/my/lock"), "HTTP/1.1 429 ");
    stats = sim_ask_stats(s);
    CHECK_INT(stats.window_violations, 2);
    CHECK_INT(stats.budget_violations, 2);
    CHECK_INT(stats.directory_violations, 0);
}

TEST(directories_do_not_count_in_the_interval_of_syncs)
{
    const sim *s = start("v37", "4", "--min-interval-ms", "60000");

    CHECK_HOLDS(get(s, "/api/v37/my/lock"), "HTTP/1.1 200 ");
    CHECK_HOLDS(get(s, "/api/v37/my/lock/sync"), "HTTP/1.1 200 ");
    CHECK_HOLDS(get(s, "/api/v37/my/lock"), "HTTP/1.1 200 ");
    CHECK_HOLDS(get(s, "/api/v37/my/lock/sync"), "HTTP/1.1 429 ");
    CHECK_INT(sim_ask_stats(s).interval_violations, 1);
}

/* --- fetches --- */

/* Fetches the directory of all locks, then the states by the ids found. */
static void check_many_locks(const char *version)
{
    sim *s = start(version, "250", "--directory-budget", "3");
    client c = client_new(sim_url(s));
    lock_sync_directory *d;
    lock_sync_results *r;
    int64_t ids[250];
    sim_stats stats;

    t_row("%s", version);
    MUST_OK(lock_sync_set_api_version(c.ctx, version));
    expect_status(&c, lock_sync_fetch_directory(c.ctx, &d), LOCK_SYNC_OK);
    MUST_INT(lock_sync_directory_count(d), COUNT_OF(ids));
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        const lock_sync_lock_info *info = lock_sync_directory_at(d, i);

        ids[i] = info->id;
        CHECK_INT(info->id, 1001 + (int64_t)i);
        CHECK_INT(strlen(info->serial_number), strlen("111111-11111"));
        CHECK_INT(strspn(info->serial_number, "0123456789"), strlen("111111"));
        CHECK(info->serial_number[strlen("111111")] == '-');
        CHECK(lock_sync_directory_find_serial(d, info->serial_number) == info); /* so that no two are alike */
        CHECK(info->type == LOCK_SYNC_DEVICE_LOCK_PRO || info->type == LOCK_SYNC_DEVICE_LOCK_GO);
    }
    expect_status(&c, lock_sync_fetch(c.ctx, ids, COUNT_OF(ids), &r), LOCK_SYNC_OK);
    CHECK_INT(lock_sync_results_count(r), COUNT_OF(ids));
    CHECK_INT(lock_sync_results_missing_count(r), 0);
    CHECK_INT(lock_sync_results_at(r, 9)->state, lock_sync_results_at(lock_sync_directory_results(d), 9)->state);
    lock_sync_results_free(r);
    lock_sync_directory_free(d);
    client_free(&c);
    stats = sim_ask_stats(s);
    CHECK_INT(stats.directories, 3);
    CHECK_INT(stats.directory_violations, 0);
    CHECK_INT(stats.syncs, 1);
    CHECK_INT(stats.connections, 1);
}

TEST(a_directory_of_three_pages_is_fetched_and_its_ids_are_those_of_syncs)
{
    check_many_locks("v1.32");
    check_many_locks("v37");
}

TEST(names_of_every_writing_are_found_as_they_are)
{
    static const struct {
        const char *name;
        size_t count;
        int64_t id;
    } rows[] = {
        {"Front door", 2, 1001},
        {"Garage", 1, 1002},
        {"Haust\u00fcr M\u00fcller, \u00d6lm\u00fchle", 1, 1003},
        {"\u05d3\u05dc\u05ea \u05db\u05e0\u05d9\u05e1\u05d4", 1, 1004},
        {"\u7384\u95a2\U0001f511", 1, 1005},
        {"Lock 8", 1, 1008},
        {"Lock 1", 0, 0},
    };
    sim *s = start("v37", "8", NULL, NULL);
    client c = client_new(sim_url(s));
    const lock_sync_lock_info *info;
    lock_sync_directory *d;

    expect_status(&c, lock_sync_fetch_directory(c.ctx, &d), LOCK_SYNC_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%s", rows[i].name);
        CHECK_INT(lock_sync_directory_find_name(d, rows[i].name, &info), rows[i].count);
        CHECK_INT(info == NULL ? 0 : info->id, rows[i].id);
    }
    CHECK_INT(strlen(lock_sync_directory_find(d, 1006)->name), LONG_NAME_SIZE);
    lock_sync_directory_free(d);
    client_free(&c);
}

TEST(a_lock_that_was_never_paired_has_an_unknown_connection)
{
    sim *s = start("v37", "8", NULL, NULL);
    client c = client_new(sim_url(s));
    const lock_sync_lock_info *info;
    lock_sync_directory *d;

    expect_status(&c, lock_sync_fetch_directory(c.ctx, &d), LOCK_SYNC_OK);
    info = lock_sync_directory_find(d, 1008);
    MUST(info != NULL);
    CHECK_INT(info->bridge_id, 0);
    CHECK(info->time_zone == NULL);
    CHECK_INT(lock_sync_results_find(lock_sync_directory_results(d), 1008)->fields, LOCK_SYNC_FIELD_REVISION);
    info = lock_sync_directory_find(d, 1001);
    CHECK(info->bridge_id > 0);
    CHECK_TEXT(info->time_zone, "Europe/Warsaw");
    CHECK(lock_sync_results_find(lock_sync_directory_results(d), 1001)->is_connected);
    lock_sync_directory_free(d);
    client_free(&c);
}

TEST(serial_numbers_depend_on_the_seed_only)
{
    static const char *const seeds[] = {"1", "1", "2"};
    char *serials[COUNT_OF(seeds)];

    for (size_t i = 0; i < COUNT_OF(seeds); i++) {
        const char *one = get(start("v37", i == 0 ? "4" : "9", "--seed", seeds[i]), "/api/v37/my/lock/1003");
        const char *serial = strstr(one, "\"serialNumber\":");

        MUST(serial != NULL);
        serials[i] = t_later(free, kit_text("%.30s", serial));
    }
    CHECK_TEXT(serials[1], serials[0]);
    CHECK(strcmp(serials[2], serials[0]) != 0);
}

TEST(a_directory_that_the_service_limits_is_an_error_with_its_wait)
{
    sim *s = start("v37", "250", "--directory-budget", "2");
    client c = client_new(sim_url(s));
    lock_sync_directory *d;

    expect_status(&c, lock_sync_fetch_directory(c.ctx, &d), LOCK_SYNC_E_RATE_LIMITED);
    CHECK(d == NULL);
    CHECK_BETWEEN(lock_sync_error_retry_after_ms(lock_sync_last_error(c.ctx)), 500000, 600000);
    CHECK_INT(sim_ask_stats(s).directories, 3);
    expect_fetch(&c, LOCK_SYNC_OK);
    client_free(&c);
}
