#include "names.h"

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

static void read_file(names *n)
{
    const char *problem = *n->path != '\0' ? names_file_read(n->ctx, n->path, &n->directory) : NULL;

    if (problem != NULL)
        notice("the kept names of the locks cannot be read from %s (%s)", n->path, problem);
}

static void write_file(const names *n)
{
    const char *problem = *n->path != '\0' ? names_file_write(n->path, n->directory) : NULL;

    if (problem != NULL)
        notice("the names of the locks cannot be kept in %s (%s)", n->path, problem);
}

int names_begin(names *n, const options *o, lock_sync_ctx *ctx, const char *path)
{
    *n = (names){.o = o, .ctx = ctx, .path = path};
    n->is_polling = o->watch || o->until != NULL;
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

static bool must_ask(const names *n, bool is_lacking)
{
    names_facts facts = {.age_ms = -1, .is_wanted = n->o->refresh && !n->is_asked, .is_lacking = is_lacking};

    if (n->directory != NULL)
        facts.age_ms = unix_now_ms() - lock_sync_directory_fetched_at_ms(n->directory);
    return names_must_ask(&facts);
}

static lock_sync_status ask(names *n)
{
    lock_sync_directory *directory;
    lock_sync_status status = lock_sync_fetch_directory(n->ctx, &directory);

    n->problem[0] = '\0';
    if (status == LOCK_SYNC_OK) {
        lock_sync_directory_free(n->directory);
        n->directory = directory;
        n->is_asked = true;
        write_file(n);
    } else if (status != LOCK_SYNC_E_TOO_SOON || n->directory == NULL || n->o->refresh) {
        (void)snprintf(n->problem, sizeof n->problem, "%s", message_of(n->ctx, status));
    }
    return status;
}

bool names_update(names *n, const lock_sync_results *results)
{
    return must_ask(n, names_differ(n->directory, results)) && ask(n) == LOCK_SYNC_OK;
}

void names_keep(names *n, const lock_sync_directory *directory)
{
    if (lock_sync_directory_fetched_at_ms(directory) == lock_sync_directory_fetched_at_ms(n->directory))
        return;
    lock_sync_directory_free(n->replaced);
    n->replaced = n->directory;
    n->directory = names_file_copy(n->ctx, directory);
    if (n->directory != NULL)
        write_file(n);
}

/* --- the arguments --- */

/* Returns whether an argument fits no lock of the directory. One that is an id can be used. */
static bool is_lacking(const names *n, bool even_ids)
{
    bool found = true;

    for (size_t i = 0; found && i < n->o->lock_count; i++) {
        const char *word = n->o->locks[i];
        const lock_sync_lock_info *first;
        fit best;

        found = names_find(n->directory, word, &best, &first) > 0 || (!even_ids && names_id(word) > 0);
    }
    return !found;
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
    n->id_count = 0;
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
        if (!has_id(n, id))
            n->ids[n->id_count++] = id;
    }
    return EXIT_DONE;
}

/* Returns whether the states may be available although the names are not: the rate limit or the service denied only
   this request. All other failures would be the same for the states, but --watch and --until survive some. */
static bool is_survived(const names *n, lock_sync_status status)
{
    switch (status) {
    case LOCK_SYNC_E_TOO_SOON:
    case LOCK_SYNC_E_FORBIDDEN:
    case LOCK_SYNC_E_NOT_FOUND:
    case LOCK_SYNC_E_SERVER:
    case LOCK_SYNC_E_HTTP:
    case LOCK_SYNC_E_API:
    case LOCK_SYNC_E_MALFORMED:
    case LOCK_SYNC_E_TOO_LARGE: return true;
    default: return n->is_polling && lock_sync_status_is_retryable(status);
    }
}

/* Waits after a failure, then reads what another run may have kept. Returns false if it must not wait. */
static bool wait_for_names(names *n, lock_sync_status status)
{
    bool waited = false;

    if (status == LOCK_SYNC_E_TOO_SOON) {
        waited = (n->o->wait || n->is_polling) && turn_wait(n->ctx, RUNS_MS);
    } else if (n->is_polling && lock_sync_status_is_retryable(status)) {
        notice("%s The names of the locks are asked for again.", n->problem);
        waited = signals_sleep(options_interval_ms(n->o));
    }
    if (waited) {
        lock_sync_directory_free(n->directory);
        n->problem[0] = '\0';
        read_file(n);
    }
    return waited;
}

int names_resolve(names *n)
{
    lock_sync_status status;

    do
        status = must_ask(n, is_lacking(n, true)) ? ask(n) : LOCK_SYNC_OK;
    while (status != LOCK_SYNC_OK && is_lacking(n, false) && wait_for_names(n, status));
    if (status == LOCK_SYNC_OK || (is_survived(n, status) && !is_lacking(n, false)))
        return find_ids(n);
    return signals_caught() != 0 ? EXIT_INTERNAL : report_error(n->ctx, status);
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
