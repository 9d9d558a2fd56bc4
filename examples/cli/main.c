/* locksync: shows the state of an account's locks to people and scripts. docs/locksync.md describes it. */
#include "report.h"
#include "json.h"
#include "moment.h"
#include "options.h"
#include "output.h"
#include "rows.h"
#include "setup.h"
#include "signals.h"
#include "table.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Returns whether the output is a terminal that understands control sequences. */
static bool is_screen(void)
{
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

static bool wants_color(color_choice choice)
{
    const char *no_color = getenv("NO_COLOR");

    if (choice != COLOR_AUTO)
        return choice == COLOR_ALWAYS;
    return is_screen() && (no_color == NULL || *no_color == '\0');
}

/* --wait does not use the guard's mode WAIT, because that wait counts in the fetch's timeout. Here the timeout is for
   the request only. */
static lock_sync_status fetch(const options *o, lock_sync_ctx *ctx, lock_sync_results **results)
{
    /* try again after an interval at most: another program's fetch may end early and refund its slot */
    int64_t most_ms = options_interval_ms(o);
    bool reported = !isatty(STDERR_FILENO);

    for (;;) {
        lock_sync_status status = lock_sync_fetch(ctx, o->ids, o->id_count, results);
        int64_t wait_ms = lock_sync_error_retry_after_ms(lock_sync_last_error(ctx));
        char span[MOMENT_SIZE];

        if (status != LOCK_SYNC_E_TOO_SOON || !o->wait)
            return status;
        moment_span(wait_ms, span);
        if (!reported)
            (void)report(EXIT_DONE,
                         "waiting %s for the account's rate limit, longer if other programs fetch; Ctrl-C ends it",
                         span);
        reported = true;
        if (!signals_sleep(wait_ms < 0 || wait_ms > most_ms ? most_ms : wait_ms))
            return LOCK_SYNC_E_CANCELLED;
    }
}

static bool print_table(const options *o, const lock_sync_results *results, bool color)
{
    table_style style = {.columns = o->columns,
                         .color = color,
                         .age = o->age,
                         .headings = !o->no_headers,
                         .lines = SIZE_MAX,
                         .line_end = "\n"};
    struct winsize size = {.ws_col = 0};
    rows r = {.at = NULL};
    bool complete = rows_from_results(&r, results);

    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size); /* fails if it is not a terminal */
    style.width = size.ws_col;
    if (complete)
        table_print(stdout, &r, &style);
    rows_free(&r);
    return complete;
}

static int print_results(const options *o, const lock_sync_results *results, bool color)
{
    bool complete;
    int exit_status;

    switch (o->format) {
    case FORMAT_JSON: complete = json_print_document(stdout, results, o->age); break;
    case FORMAT_JSON_LINES: complete = json_print_lines(stdout, results, o->age); break;
    default: complete = print_table(o, results, color); break;
    }
    exit_status = output_flush();
    if (!complete)
        return report(EXIT_INTERNAL, "out of memory");
    for (size_t i = 0; exit_status != EXIT_OUTPUT && i < lock_sync_results_missing_count(results); i++)
        exit_status = report_missing(lock_sync_results_missing_at(results, i));
    return exit_status;
}

static int show(const options *o, lock_sync_ctx *ctx, bool color)
{
    lock_sync_results *results = NULL;
    lock_sync_status status;
    int exit_status = EXIT_DONE;

    if (!signals_begin(ctx, NULL))
        return report(EXIT_INTERNAL, "a thread could not be started: try again");
    status = fetch(o, ctx, &results);
    signals_end(); /* a signal can now interrupt output that nobody reads */
    if (signals_caught() == 0)
        exit_status = status == LOCK_SYNC_OK ? print_results(o, results, color) : report_error(ctx, status);
    lock_sync_results_free(results);
    return exit_status;
}

static int run(options *o)
{
    bool color = wants_color(o->color);
    bool is_live = o->watch && o->format == FORMAT_TABLE && is_screen();
    lock_sync_ctx *ctx;
    lock_sync_guard *guard;
    int exit_status;

    if (o->help || o->version) {
        if (o->help)
            (void)fputs(help_text, stdout);
        else
            (void)printf("locksync %s\n", lock_sync_version());
        return output_flush();
    }
    if (o->age && o->watch && o->format == FORMAT_TABLE && !is_live)
        return report(EXIT_USAGE, "--age has no effect on lines of changes: leave it out, or use --json-lines");
    exit_status = setup(o, &ctx, &guard);
    if (exit_status != EXIT_DONE)
        return exit_status;
    exit_status = o->watch ? watch(o, ctx, guard, is_live, color) : show(o, ctx, color);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(guard);
    return exit_status;
}

int main(int argc, char **argv)
{
    options o = {.ids = NULL};
    int exit_status;
    int closed = EXIT_DONE;

    output_reserve_descriptors();
    exit_status = options_read(&o, argc, argv);
    if (exit_status == EXIT_DONE)
        exit_status = run(&o);
    options_free(&o);
    signals_reraise();
    if (exit_status != EXIT_OUTPUT)
        closed = output_close();
    return closed != EXIT_DONE ? closed : exit_status;
}
