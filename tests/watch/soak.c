/* The watch at length: polls of locks that live fast, with faults mixed in and an outage, in pull style and in a pool
   at once. Each change that is visible between two good answers is told exactly once, with the later of them; after
   each poll the watch holds the records of the last good answer; and the service's rule is never broken.
   watch-soak [POLLS], of each; 1,000 if not said. */
#include "model.h"
#include "recorder.h"

#include "../support/sim.h"
#include "../support/kit.h"
#include "../support/decoding.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MS 20 /* the service's and the guard's; the watches would be faster */
#define TIMEOUT_MS (500 * kit_slack())
#define OUTAGE_POLLS 6
#define ALL_KINDS 1023

/* One account and its watch, on a thread of its own. */
typedef struct watched {
    const char *name;
    recorder *between;
    lock_sync_ctx *ctx;
    lock_sync_watch *w;
    size_t polls; /* that have ended, as the log tells */
    size_t good;
    size_t failing; /* in a row */
    char id[MODEL_ID_MAX]; /* of the last answer */
    char good_id[MODEL_ID_MAX]; /* of the last good one */
    size_t looked; /* how many were good when its records were looked at */
    FILE *good_ids, *told, *held; /* texts */
    char *good_ids_text, *told_text, *held_text;
    size_t good_ids_size, told_size, held_size;
    size_t batches;
    size_t errors; /* that were told */
    uint32_t kinds;
} watched;

static size_t polls_wanted = 1000;
static sim *service;

/* --- what the library says --- */

/* Each poll is one line: "GET URL: STATUS, ..., correlation id ID". */
static void on_log(void *user, lock_sync_log_level level, const char *message)
{
    static const char name[] = ", correlation id ";
    watched *x = user;
    const char *id = strstr(message, name);

    (void)level;
    if (strncmp(message, "GET ", 4) != 0 || id == NULL)
        return;
    id += strlen(name);
    (void)snprintf(x->id, sizeof x->id, "%.*s", (int)strcspn(id, ": "), id);
    x->polls++;
    x->failing++;
    if (strstr(message, ": LOCK_SYNC_OK,") == NULL)
        return;
    x->good++;
    x->failing = 0;
    fprintf(x->good_ids, "%s\n", x->id);
    memcpy(x->good_id, x->id, sizeof x->good_id);
}

/* Between two polls: the records that the watch holds. */
static void look(watched *x)
{
    if (x->looked != x->good)
        model_write_records(x->held, x->good_id, lock_sync_watch_results(x->w));
    x->looked = x->good;
}

static void take(watched *x, lock_sync_status status, const lock_sync_changes *changes)
{
    if (status == LOCK_SYNC_OK) {
        x->batches++;
        model_write_told(x->told, x->id, changes);
        for (size_t i = 0; i < lock_sync_changes_count(changes); i++)
            x->kinds |= lock_sync_changes_at(changes, i)->kinds;
    } else if (status == LOCK_SYNC_E_MALFORMED || status == LOCK_SYNC_E_FORBIDDEN) {
        x->errors++;
    } else if (status != LOCK_SYNC_E_TIMEOUT) {
        kit_die("%s: %s", x->name, lock_sync_error_message(lock_sync_last_error(x->ctx)));
    }
}

static void must(lock_sync_status status)
{
    if (status != LOCK_SYNC_OK)
        kit_die("%s", lock_sync_status_name(status));
}

static void begin(watched *x, const char *name)
{
    lock_sync_guard *guard;

    *x = (watched){.name = name, .between = recorder_start(sim_port(service))};
    x->good_ids = open_memstream(&x->good_ids_text, &x->good_ids_size);
    x->told = open_memstream(&x->told_text, &x->told_size);
    x->held = open_memstream(&x->held_text, &x->held_size);
    if (x->good_ids == NULL || x->told == NULL || x->held == NULL)
        kit_die("out of memory");
    must(lock_sync_guard_new(&guard));
    must(lock_sync_guard_set_min_interval_ms(guard, INTERVAL_MS));
    must(lock_sync_guard_set_hourly_budget(guard, 1000000, 0));
    must(lock_sync_ctx_new(&x->ctx));
    must(lock_sync_set_personal_key(x->ctx, name));
    must(lock_sync_set_base_url(x->ctx, recorder_url(x->between)));
    must(lock_sync_set_timeout_ms(x->ctx, TIMEOUT_MS));
    must(lock_sync_set_guard(x->ctx, guard));
    must(lock_sync_set_logger(x->ctx, on_log, x));
    must(lock_sync_watch_new(x->ctx, NULL, 0, &x->w));
    must(lock_sync_watch_set_interval_ms(x->w, INTERVAL_MS / 4));
    lock_sync_guard_unref(guard);
}

static void end(watched *x)
{
    recorder_free(x->between);
    lock_sync_watch_free(x->w);
    lock_sync_ctx_free(x->ctx);
    (void)fclose(x->good_ids);
    (void)fclose(x->told);
    (void)fclose(x->held);
    free(x->held_text);
    free(x->good_ids_text);
    free(x->told_text);
}

/* --- the two ways to run it --- */

static void *pull(void *user)
{
    watched *x = user;

    while (x->polls < polls_wanted) {
        lock_sync_changes *changes;
        lock_sync_status status = lock_sync_watch_next(x->w, INTERVAL_MS / 4, &changes);

        take(x, status, changes);
        lock_sync_changes_free(changes);
        look(x);
    }
    return NULL;
}

static void on_change(void *user, lock_sync_watch *w, lock_sync_status status, const lock_sync_changes *changes)
{
    (void)w;
    take(user, status, changes);
}

/* Half way through, all goes wrong for a while. */
static void make_outage(const watched *x)
{
    static enum { BEFORE, DURING, AFTER } outage;

    if (outage == BEFORE && x->polls >= polls_wanted / 2) {
        sim_fault(service, "500", 1);
        outage = DURING;
    } else if (outage == DURING && x->failing >= OUTAGE_POLLS) {
        sim_fault(service, "500", 9);
        outage = AFTER;
    }
}

static void run_pool(watched *x)
{
    lock_sync_pool *pool;
    size_t polls;

    must(lock_sync_pool_new(&pool));
    must(lock_sync_pool_watch(pool, x->w, on_change, x));
    while (x->polls < polls_wanted) {
        must(lock_sync_pool_wait(pool, 1000));
        look(x);
        make_outage(x);
    }
    /* from the end of the next poll on, so that none is broken off */
    must(lock_sync_watch_set_interval_ms(x->w, 3600000));
    for (polls = x->polls; x->polls == polls;)
        must(lock_sync_pool_wait(pool, 1000));
    look(x);
    lock_sync_watch_free(x->w);
    x->w = NULL;
    lock_sync_pool_free(pool);
}

/* --- the judgement --- */

static bool heard_good(const watched *x, const char *id)
{
    const char *at = id[0] == '\0' ? NULL : strstr(x->good_ids_text, id);

    return at != NULL && at[strlen(id)] == '\n';
}

static void show_difference(const char *want, const char *got)
{
    size_t line = 1;

    while (*want == *got && *want != '\0') {
        const char *end = strchr(want, '\n');
        size_t size = (size_t)(end - want) + 1;

        if (strncmp(want, got, size) != 0)
            break;
        want += size;
        got += size;
        line++;
    }
    print_error("batch %zu should be\n%.*s\nand is\n%.*s\n", line, (int)strcspn(want, "\n"), want,
                (int)strcspn(got, "\n"), got);
}

/* Goes through all that the simulator answered, and compares what follows from it with what was told. */
static void judge(watched *x)
{
    model before = {0};
    char *want, *records;
    size_t size, records_size, good = 0, unheard = 0, batches = 0;
    FILE *to = open_memstream(&want, &size);
    FILE *all = open_memstream(&records, &records_size);

    t_row("%s", x->name);
    (void)fflush(x->told);
    (void)fflush(x->good_ids);
    (void)fflush(x->held);
    for (size_t i = 0; i < recorder_count(x->between); i++) {
        size_t bytes;
        const char *answer = recorder_answer(x->between, i, &bytes);
        char id[MODEL_ID_MAX];
        model after;
        bool is_good = model_read(answer, bytes, &after);

        model_id_of(answer, id);
        unheard += is_good && !heard_good(x, id);
        CHECK(is_good || !heard_good(x, id));
        if (!is_good || !heard_good(x, id))
            continue;
        good++;
        batches += model_write(to, id, &before, &after);
        model_write_all(all, id, &after);
        before = after;
    }
    (void)fclose(to);
    (void)fclose(all);
    if (!CHECK(strcmp(records, x->held_text) == 0))
        show_difference(records, x->held_text);
    if (!CHECK(strcmp(want, x->told_text) == 0))
        show_difference(want, x->told_text);
    CHECK_INT(x->good, good);
    CHECK_INT(x->batches, batches);
    CHECK(batches < good); /* most answers bring a change, some bring none */
    CHECK(unheard <= 3); /* an answer may be whole here just when its deadline passes there */
    CHECK(x->polls >= polls_wanted);
    CHECK(x->good > polls_wanted / 3 && x->good < x->polls - OUTAGE_POLLS);
    CHECK(x->errors > 0);
    print_message("%s: %zu polls, %zu good, %zu batches of changes, %zu errors told, %zu answers too late\n", x->name,
                  x->polls, x->good, x->batches, x->errors, unheard);
    free(want);
    free(records);
}

TEST(each_change_between_two_good_answers_is_told_once)
{
    static const char *const arguments[] = {
        "--any-key", "--locks", "20",          "--time-scale", "60",     "--min-interval-ms", "20",
        "--fault",   "500:9",   "--fault",     "reset:13",     "--fault", "truncated:17",     "--fault",
        "html:23",   "--fault", "bad-json:29", "--fault",      "empty:31", "--fault",         "success-false:37",
        "--fault",   "slow:151", "--fault",     "429:1300",     NULL};
    watched pulled, pooled;
    pthread_t thread;
    sim_stats rules;

    service = sim_start(arguments);
    begin(&pulled, "pull");
    begin(&pooled, "pool");
    MUST_INT(pthread_create(&thread, NULL, pull, &pulled), 0);
    run_pool(&pooled);
    (void)pthread_join(thread, NULL);
    recorder_stop(pulled.between);
    recorder_stop(pooled.between);
    rules = sim_ask_stats(service);
    judge(&pulled);
    judge(&pooled);
    t_row("both");
    CHECK_INT(rules.interval_violations, 0);
    CHECK_INT(rules.syncs, recorder_count(pulled.between) + recorder_count(pooled.between));
    CHECK(rules.closest_us >= INTERVAL_MS * 1000);
    CHECK_INT(pulled.kinds | pooled.kinds, ALL_KINDS & ~LOCK_SYNC_CHANGE_REMOVED); /* the simulator's locks stay */
    print_message("%" PRId64 " polls in all, the closest %" PRId64 " us apart\n", rules.syncs, rules.closest_us);
    end(&pulled);
    end(&pooled);
    sim_stop(service, NULL);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {T(each_change_between_two_good_answers_is_told_once)};

    if (argc > 1)
        polls_wanted = strtoul(argv[1], NULL, 10);
    return T_MAIN(tests);
}
