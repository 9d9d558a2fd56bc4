#include "watch.h"

#include "changes.h"
#include "exec.h"
#include "names_file.h"
#include "report.h"
#include "json.h"
#include "moment.h"
#include "output.h"
#include "signals.h"
#include "view.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROBLEM_SIZE 512
#define NAMES_ARE_OLD                                                                                                  \
  "the names of the locks are old, so an argument may mean another lock now: they are asked for again"
#define TICK_MS 1000 /* how often ages are redrawn and a closed pipe is detected */

typedef struct watching {
    const options *o;
    lock_sync_ctx *ctx;
    names *names;
    lock_sync_guard *guard;
    lock_sync_watch *w;
    view *v; /* NULL: lines */
    int64_t interval_ms;
    lock_sync_status problem;  /* why responses do not arrive, as reported; OK: they arrive */
    int64_t reported_until_ms; /* the reported time of the next poll, as Unix time */
    bool has_reported;         /* the first response */
    bool has_waited;           /* for names, since the watch was made */
    bool follows;              /* the directory */
    bool uses_names;           /* an argument is a name or a serial number */
    bool is_unclear;           /* an argument means no lock or several now: reported after the screen is left */
    bool is_reached;           /* --until: all locks are in the state */
    lock_sync_status end;      /* the error that ended it */
} watching;

/* Returns whether an error ends the watch. Before the first good response each permanent error does, because a setting
   may be wrong. Later only an error that the user must correct does: others may come from the network, or from a
   service that is being changed. */
static bool is_end(const watching *s, lock_sync_status status)
{
    switch (status) {
    case LOCK_SYNC_E_INVALID_ARGUMENT:
    case LOCK_SYNC_E_NO_CREDENTIAL:
    case LOCK_SYNC_E_NO_TRANSPORT:
    case LOCK_SYNC_E_UNAUTHORIZED:
    case LOCK_SYNC_E_FORBIDDEN:
    case LOCK_SYNC_E_BUSY: return true;
    default: return lock_sync_watch_results(s->w) == NULL && !lock_sync_status_is_retryable(status);
    }
}

/* Returns the time until the next poll: the watch's wait, or the guard's if that is longer. */
static int64_t next_poll_in_ms(const watching *s)
{
    int64_t due_ms = lock_sync_watch_due_in_ms(s->w);
    int64_t guard_wait_ms = lock_sync_watch_last_status(s->w) == LOCK_SYNC_E_TOO_SOON
                                ? lock_sync_error_retry_after_ms(lock_sync_last_error(s->ctx))
                                : 0;

    return guard_wait_ms > due_ms ? guard_wait_ms : due_ms;
}

/* Describes a problem in sentences. A problem of the guard includes the cause, because the status does not name it and
   the user may be able to correct it. A wait of the guard has only the reason, because the time passes. */
static void describe(const watching *s, lock_sync_status problem, char text[PROBLEM_SIZE])
{
    const char *sentence = lock_sync_status_message(problem);
    const char *message = lock_sync_error_message(lock_sync_last_error(s->ctx));
    size_t length = strlen(sentence);
    const char *reason = strncmp(message, sentence, length) == 0 ? message + length : message;
    const char *wait = strstr(reason, " The next request is allowed in ");
    char why[PROBLEM_SIZE / 2];

    if (problem == LOCK_SYNC_OK)
        text[0] = '\0';
    else if (problem == LOCK_SYNC_E_GUARD && lock_sync_guard_error_message(s->guard, why, sizeof why) > 0)
        (void)snprintf(text, PROBLEM_SIZE, "%s (%s)", sentence, why);
    else if (problem == LOCK_SYNC_E_TOO_SOON && wait > reason)
        (void)snprintf(text, PROBLEM_SIZE, "%.*s", (int)(wait - reason - 1), reason + 1);
    else
        (void)snprintf(text, PROBLEM_SIZE, "%s", sentence);
}

/* Reports once on stderr why responses do not arrive, and when the next poll is. */
static void report_problem(watching *s, lock_sync_status problem, int64_t next_ms)
{
    int64_t now_ms = unix_now_ms();
    int64_t at_ms = now_ms + next_ms;
    bool is_put_off = problem == LOCK_SYNC_E_TOO_SOON && at_ms > s->reported_until_ms + s->interval_ms;
    char message[PROBLEM_SIZE];
    char at[MOMENT_SIZE];
    char zone[MOMENT_SIZE];
    char span[MOMENT_SIZE];

    if (problem == s->problem && !is_put_off)
        return;
    s->reported_until_ms = at_ms;
    describe(s, problem, message);
    (void)moment_clock(at_ms, now_ms, at);
    (void)moment_zone(at_ms, zone);
    moment_span(next_ms, span);
    if (problem == LOCK_SYNC_OK)
        notice("the service responds again");
    else if (problem == LOCK_SYNC_E_TOO_SOON || next_ms > 2 * s->interval_ms)
        notice("%s The next poll is in %s, at %s %s.", message, span, at, zone);
    else
        notice("%s Polling continues.", message);
}

/* Shows or reports a problem. A wait of the guard that ends within an interval is no problem, but a screen without
   locks shows the reason. */
static void update_problem(watching *s)
{
    lock_sync_status problem = lock_sync_watch_last_status(s->w);
    int64_t next_ms = next_poll_in_ms(s);
    char message[PROBLEM_SIZE];

    if (problem == LOCK_SYNC_E_TOO_SOON && next_ms <= s->interval_ms)
        problem = s->problem;
    if (s->v != NULL) {
        describe(s, problem, message);
        if (problem == LOCK_SYNC_OK && next_ms > 0 && lock_sync_watch_results(s->w) == NULL)
            (void)snprintf(message, sizeof message,
                           "Waiting for the rate limit that all programs of the account share.");
        else if (problem == LOCK_SYNC_OK && s->has_waited)
            (void)snprintf(message, sizeof message, "%s", NAMES_ARE_OLD);
        view_set_problem(s->v, message, unix_now_ms() + next_ms);
    } else {
        report_problem(s, problem, next_ms);
    }
    s->problem = problem;
}

static int out_of_memory(watching *s)
{
    s->end = LOCK_SYNC_E_NO_MEMORY; /* reported after the screen is left */
    return exit_status_of(s->end);
}

/* Reports ids that were not found in the first response; later ones are reported as removed. */
static void report_missing_ids(const watching *s, const lock_sync_results *first)
{
    for (size_t i = 0; i < lock_sync_results_missing_count(first); i++)
        (void)names_report_missing(s->names, lock_sync_results_missing_at(first, i));
}

static bool print_changes(const watching *s, const lock_sync_changes *changes)
{
    int64_t at_ms = unix_now_ms() - lock_sync_watch_age_ms(s->w);

    if (s->o->format == FORMAT_JSON_LINES)
        return json_print_changes(stdout, changes, at_ms, s->o->age);
    changes_print(stdout, changes, at_ms);
    return true;
}

/* Prints changes, and runs the command for them. */
static int process_changes(watching *s, const lock_sync_changes *changes)
{
    bool is_first = !s->has_reported;
    int exit_status;

    s->has_reported = true;
    if (!(is_first && (s->o->changes_only || s->o->exec != NULL)) && !print_changes(s, changes))
        return out_of_memory(s);
    exit_status = output_flush();
    if (exit_status == EXIT_DONE && is_first) {
        if (lock_sync_watch_directory(s->w) == NULL)
            notice("the service did not send the names of the locks: they are asked for again");
        report_missing_ids(s, lock_sync_watch_results(s->w));
    }
    if (exit_status == EXIT_DONE && !is_first && s->o->exec != NULL && !exec_changes(s->o->exec, changes))
        return out_of_memory(s);
    return exit_status;
}

/* Gives the watch the known directory, or lets it begin with a new one. */
static lock_sync_status follow_directory(const watching *s, lock_sync_directory *known)
{
    lock_sync_status status = known != NULL ? lock_sync_watch_use_directory(s->w, known)
                                            : lock_sync_watch_set_directory(s->w, true);

    if (status != LOCK_SYNC_OK)
        lock_sync_directory_free(known);
    return status;
}

/* Makes the watch: if possible by serial numbers, because then it follows a lock that gets another id. */
static lock_sync_status make_following(watching *s)
{
    names *n = s->names;
    const char **serials = calloc(n->id_count + 1, sizeof *serials);
    lock_sync_directory *known = n->o->refresh && !names_are_new(n) ? NULL : names_file_copy(n->ctx, n->directory);
    lock_sync_status status = LOCK_SYNC_E_NO_MEMORY;
    size_t count = 0;

    for (size_t i = 0; serials != NULL && i < n->id_count; i++) {
        const lock_sync_lock_info *info = lock_sync_directory_find(known, n->ids[i]);

        if (info != NULL && info->serial_number != NULL)
            serials[count++] = info->serial_number;
    }
    if (serials != NULL && count > 0 && count == n->id_count)
        status = lock_sync_watch_new_by_serial(n->ctx, serials, count, &s->w);
    else if (serials != NULL)
        status = lock_sync_watch_new(n->ctx, n->ids, n->id_count, &s->w);
    if (status == LOCK_SYNC_OK)
        status = follow_directory(s, known);
    else
        lock_sync_directory_free(known);
    free(serials);
    return status;
}

static lock_sync_status make(watching *s)
{
    names *n = s->names;
    lock_sync_status status = s->follows ? make_following(s) : lock_sync_watch_new(n->ctx, n->ids, n->id_count, &s->w);

    return status == LOCK_SYNC_OK ? lock_sync_watch_set_interval_ms(s->w, s->interval_ms) : status;
}

/* Makes a new watch. Its first response has all its locks. */
static int make_anew(watching *s)
{
    lock_sync_watch_free(s->w);
    s->w = NULL;
    s->has_waited = false;
    s->end = make(s);
    return exit_status_of(s->end);
}

/* Returns whether the watch has the locks that the arguments mean. If it is by serial numbers, it has found new ids. */
static bool has_locks(const watching *s)
{
    const lock_sync_results *results = lock_sync_watch_results(s->w);
    bool has = lock_sync_results_count(results) == s->names->id_count;

    for (size_t i = 0; has && i < s->names->id_count; i++)
        has = lock_sync_results_find(results, s->names->ids[i]) != NULL;
    return has;
}

/* Finds the locks in a new directory, and watches others if the arguments mean others now. */
static int follow_names(watching *s)
{
    int exit_status;

    s->is_unclear = !names_are_clear(s->names);
    if (s->is_unclear)
        return EXIT_MISSING;
    exit_status = names_resolve(s->names, NULL);
    return exit_status == EXIT_DONE && s->names->has_moved && !has_locks(s) ? make_anew(s) : exit_status;
}

/* Returns whether the names are known to be old, and says so once. */
static bool waits_for_names(watching *s, const lock_sync_results *results)
{
    bool waits = s->uses_names && names_are_old(s->names, results);

    if (waits && !s->has_waited && s->v == NULL)
        notice("%s", NAMES_ARE_OLD);
    s->has_waited = s->has_waited || waits;
    return waits;
}

/* --until: sets `is_reached` if all locks are in the state. A lock that is not found ends it too. */
static int check_reached(watching *s, bool is_new_directory)
{
    int exit_status = is_new_directory ? follow_names(s) : EXIT_DONE;
    const lock_sync_results *results = lock_sync_watch_results(s->w);
    const names *n = s->names;
    rows r = {.at = NULL};

    if (exit_status != EXIT_DONE || results == NULL || waits_for_names(s, results))
        return exit_status;
    exit_status = rows_from_results(&r, results) && rows_select(&r, n->ids, n->id_count)
                      ? condition_status(s->o->until, &r)
                      : out_of_memory(s);
    s->is_reached = exit_status == EXIT_DONE;
    for (size_t i = 0; exit_status == EXIT_MISSING && i < r.count; i++)
        if (!r.at[i].is_found)
            (void)names_report_missing(n, r.at[i].lock.id);
    rows_free(&r);
    return exit_status == EXIT_NO || exit_status == EXIT_UNKNOWN ? EXIT_DONE : exit_status;
}

/* Returns whether the output still has a reader. A write would notice a closed pipe, but may never happen. */
static bool has_reader(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, 0) <= 0 || (out.revents & POLLERR) == 0;
}

/* --watch: shows the last response and its changes (NULL: none), which are transferred. */
static int update(watching *s, lock_sync_changes *changes)
{
    int exit_status = EXIT_DONE;

    if (s->v != NULL) {
        s->has_reported = lock_sync_watch_results(s->w) != NULL;
        return view_update(s->v, s->w, s->names->directory, changes) ? EXIT_DONE : out_of_memory(s);
    }
    if (changes != NULL)
        exit_status = process_changes(s, changes);
    lock_sync_changes_free(changes);
    return exit_status;
}

/* --watch: shows the first response, as soon as the names are not known to be old. Changes as above. */
static int begin(watching *s, lock_sync_changes *changes)
{
    const lock_sync_results *results = lock_sync_watch_results(s->w);
    bool waits = results == NULL || waits_for_names(s, results);

    if (!waits && !s->has_waited)
        return update(s, changes);
    lock_sync_changes_free(changes);
    if (s->v != NULL) /* the directory that it draws may be freed */
        (void)view_update(s->v, NULL, s->names->directory, NULL);
    return waits ? EXIT_DONE : make_anew(s);
}

/* --watch: begins with the locks that the arguments mean in the newest directory. Later it keeps to these locks, even
   if they get other names. */
static int process_watch(watching *s, lock_sync_changes *changes, bool is_new_directory)
{
    int exit_status = EXIT_DONE;

    if (s->has_reported)
        return update(s, changes);
    if (is_new_directory && s->uses_names)
        exit_status = follow_names(s);
    if (exit_status == EXIT_DONE)
        return begin(s, changes);
    lock_sync_changes_free(changes);
    return exit_status;
}

/* Processes the outcome of a call. `changes` (NULL: no changes) are transferred. */
static int process(watching *s, lock_sync_changes *changes)
{
    const lock_sync_directory *directory = lock_sync_watch_directory(s->w);
    bool is_new = directory != NULL && names_keep(s->names, directory, lock_sync_watch_results(s->w));

    if (s->o->until == NULL)
        return process_watch(s, changes, is_new);
    lock_sync_changes_free(changes);
    return check_reached(s, is_new);
}

/* Polls if a poll is due, and processes the outcome. */
static int step(watching *s)
{
    lock_sync_changes *changes = NULL;
    lock_sync_status status = lock_sync_watch_next(s->w, TICK_MS, &changes);
    int exit_status = EXIT_DONE;

    if (status != LOCK_SYNC_OK && status != LOCK_SYNC_E_TIMEOUT && status != LOCK_SYNC_E_CANCELLED &&
        is_end(s, status)) {
        s->end = status;
        return exit_status_of(status);
    }
    exit_status = process(s, changes);
    if (exit_status != EXIT_DONE || s->is_reached || signals_caught() != 0)
        return exit_status;
    update_problem(s);
    if (s->v == NULL)
        return has_reader() ? EXIT_DONE : output_broken_pipe();
    return view_draw(s->v) ? EXIT_DONE : EXIT_OUTPUT;
}

static int follow(watching *s)
{
    int exit_status = EXIT_DONE;

    while (exit_status == EXIT_DONE && !s->is_reached && signals_caught() == 0)
        exit_status = step(s);
    return exit_status;
}

static int follow_on_screen(watching *s)
{
    signals_screen screen = view_signals(s->v);
    int exit_status;

    if (!signals_begin(s->ctx, &screen))
        return report(EXIT_INTERNAL, "a thread could not be started: try again");
    if (view_open(s->v)) {
        (void)view_draw(s->v);
        exit_status = follow(s);
        view_close(s->v);
    } else {
        exit_status = report(EXIT_INTERNAL,
                             "the terminal could not be opened: leave out --watch, or send the output to a file");
    }
    signals_end();
    return exit_status;
}

static int follow_in_lines(watching *s)
{
    int exit_status;

    if (!signals_begin(s->ctx, NULL))
        return report(EXIT_INTERNAL, "a thread could not be started: try again");
    exit_status = follow(s);
    signals_end();
    return exit_status;
}

/* Finds the locks before the watch begins, because it keeps their ids. */
static int resolve(names *n)
{
    int exit_status;

    if (!signals_begin(n->ctx, NULL))
        return report(EXIT_INTERNAL, "a thread could not be started: try again");
    exit_status = names_resolve(n, NULL);
    signals_end();
    return exit_status;
}

int watch(names *n, lock_sync_guard *guard, bool on_screen, bool color)
{
    watching s = {.o = n->o, .ctx = n->ctx, .names = n, .guard = guard, .interval_ms = options_interval_ms(n->o)};
    lock_sync_status status;
    int exit_status = n->o->lock_count > 0 ? resolve(n) : EXIT_DONE;

    if (exit_status != EXIT_DONE || signals_caught() != 0)
        return exit_status;
    s.uses_names = names_are_used(n);
    s.follows = n->o->watch || s.uses_names;
    status = make(&s);
    if (on_screen)
        s.v = view_new(n->o, color);
    if (status != LOCK_SYNC_OK)
        exit_status = report_error(n->ctx, status);
    else if (on_screen && s.v == NULL)
        exit_status = report(EXIT_INTERNAL, "out of memory");
    else
        exit_status = on_screen ? follow_on_screen(&s) : follow_in_lines(&s);
    if (s.end != LOCK_SYNC_OK)
        exit_status = report_error(n->ctx, s.end);
    else if (s.is_unclear)
        exit_status = resolve(n);
    lock_sync_watch_free(s.w);
    if (s.v != NULL)
        view_free(s.v);
    return exit_status;
}
