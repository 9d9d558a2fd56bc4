#include "names.h"

#include "folders.h"
#include "moment.h"
#include "names_file.h"
#include "names_rules.h"
#include "report.h"
#include "sanitize.h"
#include "signals.h"
#include "turn.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MS 1000 /* how often a run that waits looks whether another run has asked */
#define FITTING_SIZE 1024
#define UNUSED_S INT64_C(7776000) /* 90 days: the files of old keys and tokens would stay forever */

static void read_file(names *n)
{
    const char *problem = *n->path != '\0' ? names_file_read(n->ctx, n->path, &n->directory) : NULL;

    n->settled_ms = 0;
    if (problem != NULL)
        notice("the kept names of the locks cannot be read from %s (%s)", n->path, problem);
}

static void write_file(const names *n)
{
    const char *problem = *n->path != '\0' ? names_file_write(n->path, n->directory) : NULL;

    if (problem != NULL)
        notice("the names of the locks cannot be kept in %s (%s)", n->path, problem);
    else if (*n->path != '\0')
        folders_delete_old(n->path, UNUSED_S);
}

int names_begin(names *n, const options *o, lock_sync_ctx *ctx, const char *path)
{
    *n = (names){.o = o, .ctx = ctx, .path = path};
    n->ids = o->lock_count > 0 ? calloc(o->lock_count, sizeof *n->ids) : NULL;
    if (o->lock_count > 0 && n->ids == NULL)
        return report(EXIT_INTERNAL, "out of memory");
    read_file(n);
    return EXIT_DONE;
}

void names_end(names *n)
{
    lock_sync_directory_free(n->directory);
    lock_sync_directory_free(n->replaced);
    free(n->ids);
}

/* --- asking --- */

bool names_are_new(const names *n)
{
    return n->has_asked && n->status == LOCK_SYNC_OK;
}

bool names_are_old(const names *n, const lock_sync_results *results)
{
    return lock_sync_results_fetched_at_ms(results) != n->settled_ms &&
           names_differ(n->directory, results, n->ids, n->id_count);
}

/* Describes the failure of the request. The rate limit denies only this request: the states may be allowed. */
static void describe(names *n)
{
    char span[MOMENT_SIZE];

    moment_span(lock_sync_error_retry_after_ms(lock_sync_last_error(n->ctx)), span);
    if (n->status == LOCK_SYNC_E_TOO_SOON)
        (void)snprintf(n->problem, sizeof n->problem, "the next request for them is allowed in %s", span);
    else
        (void)snprintf(n->problem, sizeof n->problem, "%s", message_of(n->ctx, n->status));
}

/* Asks the service. Does not record a denial as a problem if nothing shows that the known names are old. */
static void ask(names *n, const names_facts *f, const lock_sync_results *results)
{
    lock_sync_directory *directory;

    n->status = lock_sync_fetch_directory(n->ctx, &directory);
    n->has_asked = true;
    n->problem[0] = '\0';
    if (n->status == LOCK_SYNC_OK) {
        lock_sync_directory_free(n->directory);
        n->directory = directory;
        n->settled_ms = lock_sync_results_fetched_at_ms(results);
        write_file(n);
    } else if (n->status != LOCK_SYNC_E_TOO_SOON || n->directory == NULL || f->is_wanted || f->is_old) {
        describe(n);
    }
}

bool names_keep(names *n, const lock_sync_directory *directory, const lock_sync_results *results)
{
    lock_sync_directory *copy = NULL;

    if (lock_sync_directory_fetched_at_ms(directory) != lock_sync_directory_fetched_at_ms(n->directory))
        copy = names_file_copy(n->ctx, directory);
    if (copy == NULL)
        return false;
    lock_sync_directory_free(n->replaced);
    n->replaced = n->directory;
    n->directory = copy;
    n->settled_ms = lock_sync_results_fetched_at_ms(results);
    n->has_asked = true;
    n->status = LOCK_SYNC_OK;
    write_file(n);
    return true;
}

/* --- the arguments --- */

/* Returns how many locks an argument fits, and whether it is an id. */
static size_t find(const names *n, size_t argument, bool *is_id)
{
    const lock_sync_lock_info *first;
    fit best;
    size_t count = names_find(n->directory, n->o->locks[argument], &best, &first);

    *is_id = count == 0 ? names_id(n->o->locks[argument]) > 0 : best == FIT_ID;
    return count;
}

bool names_are_used(const names *n)
{
    bool is_id = true;

    for (size_t i = 0; is_id && i < n->o->lock_count; i++)
        (void)find(n, i, &is_id);
    return !is_id;
}

bool names_are_clear(const names *n)
{
    bool is_clear = true;

    for (size_t i = 0; is_clear && i < n->o->lock_count; i++) {
        bool is_id;
        size_t count = find(n, i, &is_id);

        is_clear = count == 1 || (count == 0 && is_id);
    }
    return is_clear;
}

static names_facts facts_of(const names *n, const lock_sync_results *results)
{
    names_facts f = {.age_ms = -1,
                     .is_wanted = n->o->refresh && !names_are_new(n),
                     .is_old = results != NULL && names_are_old(n, results),
                     .waits = n->o->wait,
                     .is_polling = n->o->watch || n->o->until != NULL,
                     .has_asked = n->has_asked,
                     .status = n->status};

    if (n->directory != NULL)
        f.age_ms = unix_now_ms() - lock_sync_directory_fetched_at_ms(n->directory);
    for (size_t i = 0; i < n->o->lock_count; i++) {
        bool is_id;
        bool is_found = find(n, i, &is_id) > 0;

        f.is_lacking |= !is_found;
        f.is_needed |= !is_id && (f.is_old || !is_found);
    }
    return f;
}

static int report_several(const names *n, size_t argument, fit best)
{
    char list[FITTING_SIZE] = "";
    char more[32] = "";
    size_t used = 0;
    size_t left_out = 0;
    const char *between = "";

    for (size_t i = 0; i < lock_sync_directory_count(n->directory); i++) {
        const lock_sync_lock_info *info = lock_sync_directory_at(n->directory, i);

        if (names_fit(info, n->o->locks[argument]) != best)
            continue;
        (void)snprintf(list + used, sizeof list - used, "%s%s (id %" PRId64 ")", between,
                       info->serial_number != NULL ? info->serial_number : "no serial number", info->id);
        left_out += left_out > 0 || strlen(list) == sizeof list - 1; /* then the last one may be cut */
        if (left_out == 0)
            used = strlen(list);
        between = ", ";
    }
    list[used] = '\0';
    if (left_out > 0)
        (void)snprintf(more, sizeof more, " and %zu more", left_out);
    return report(EXIT_USAGE, "argument %zu is the name of several locks: use one of the serial numbers %s%s",
                  argument + 1, list, more);
}

static bool has_id(const names *n, int64_t id)
{
    size_t i = 0;

    while (i < n->id_count && n->ids[i] != id)
        i++;
    return i < n->id_count;
}

static int find_ids(names *n)
{
    size_t count_before = n->id_count;

    n->id_count = 0;
    n->has_moved = false;
    for (size_t i = 0; i < n->o->lock_count; i++) {
        const lock_sync_lock_info *first;
        fit best;
        size_t count = names_find(n->directory, n->o->locks[i], &best, &first);
        int64_t id;

        if (count > 1)
            return report_several(n, i, best);
        id = count == 1 ? first->id : names_id(n->o->locks[i]);
        if (id == 0) /* not repeated: it may be a key in the wrong place */
            return report(EXIT_MISSING,
                          "argument %zu is no name, serial number or id of a lock: run locksync without arguments to "
                          "list the account's locks",
                          i + 1);
        if (has_id(n, id))
            continue;
        n->has_moved |= n->id_count >= count_before || n->ids[n->id_count] != id;
        n->ids[n->id_count++] = id;
    }
    n->has_moved |= n->id_count < count_before;
    return EXIT_DONE;
}

/* Waits after a failure, then reads what another run may have kept. Returns false if a signal arrived. */
static bool wait_for_names(names *n)
{
    bool waited;

    if (n->status == LOCK_SYNC_E_TOO_SOON) {
        waited = turn_wait(n->ctx, RUNS_MS);
    } else {
        notice("%s The names of the locks are asked for again.", n->problem);
        waited = signals_sleep(options_interval_ms(n->o));
    }
    n->has_asked = false;
    n->problem[0] = '\0';
    lock_sync_directory_free(n->directory);
    n->directory = NULL;
    read_file(n);
    return waited;
}

static int report_failure(const names *n, bool are_old)
{
    if (!are_old)
        return report_error(n->ctx, n->status);
    return report(exit_status_of(n->status),
                  "the names of the locks are old, so an argument may mean another lock now (use --wait or ids): %s",
                  n->problem);
}

int names_resolve(names *n, const lock_sync_results *results)
{
    names_facts f;
    names_step step;

    if (n->status == LOCK_SYNC_E_TOO_SOON)
        n->has_asked = false; /* to ask the guard again sends nothing */
    do {
        f = facts_of(n, results);
        step = names_next(&f);
        if (step == NAMES_ASK)
            ask(n, &f, results);
    } while (step == NAMES_ASK || (step == NAMES_WAIT && wait_for_names(n)));
    if (step == NAMES_USE)
        return find_ids(n);
    return signals_caught() != 0 ? EXIT_INTERNAL : report_failure(n, f.is_old);
}

/* --- showing --- */

void names_text(const lock_sync_lock_info *info, char text[NAMES_TEXT_SIZE])
{
    (void)snprintf(text, NAMES_TEXT_SIZE, "%s", info != NULL && info->name != NULL ? info->name : "");
    sanitize(text);
}

void names_warn(const names *n)
{
    if (*n->problem != '\0')
        notice("the names of the locks %s: %s", n->directory != NULL ? "may be old" : "are not known", n->problem);
}

int names_report_missing(const names *n, int64_t id)
{
    char name[NAMES_TEXT_SIZE];

    names_text(lock_sync_directory_find(n->directory, id), name);
    return *name == '\0' ? report_missing(id)
                         : report(EXIT_MISSING,
                                  "lock %s (id %" PRId64
                                  ") was not found: run locksync without arguments to list the "
                                  "account's locks",
                                  name, id);
}
