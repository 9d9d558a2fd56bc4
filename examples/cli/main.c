/* locksync: the state of the locks of an account, for people and for scripts. docs/locksync.md is its page. */
#include "complain.h"
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

/* Whether the output is a terminal that knows what to do with control sequences. */
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

/* --wait is not the guard's: its waiting counts in the fetch's timeout, which here is that of the request alone. */
static lock_sync_status fetch(const options *o, lock_sync_ctx *ctx, lock_sync_results **results)
{
    /* the turn comes sooner than was said when another's fetch, which holds it now, ends early */
    int64_t most_ms = options_interval_ms(o);
    bool told = !isatty(STDERR_FILENO);

    for (;;) {
        lock_sync_status status = lock_sync_fetch(ctx, o->ids, o->id_count, results);
        int64_t wait_ms = lock_sync_error_retry_after_ms(lock_sync_last_error(ctx));
        char span[MOMENT_SIZE];

        if (status != LOCK_SYNC_E_TOO_SOON || !o->wait)
            return status;
        moment_span(wait_ms, span);
        if (!told)
            (void)complain(EXIT_DONE, "waiting for the account's turn, %s if nobody else asks; Ctrl-C ends it", span);
        told = true;
        if (!signals_sleep(wait_ms < 0 || wait_ms > most_ms ? most_ms : wait_ms))
            return LOCK_SYNC_E_CANCELLED;
    }
}

static bool print_table(const options *o, const lock_sync_results *results, bool color)
{
    table_style style = {.color = color, .age = o->age, .headings = true, .lines = SIZE_MAX, .line_end = "\n"};
    struct winsize size = {.ws_col = 0};
    rows r = {.at = NULL};
    bool whole = rows_from_results(&r, results);

    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size); /* fails where it is no terminal */
    style.width = size.ws_col;
    if (whole)
        table_print(stdout, &r, &style);
    rows_free(&r);
    return whole;
}

static int print_results(const options *o, const lock_sync_results *results, bool color)
{
    bool whole;
    int exit_status;

    switch (o->format) {
    case FORMAT_JSON: whole = json_print_document(stdout, results, o->age); break;
    case FORMAT_JSON_LINES: whole = json_print_lines(stdout, results, o->age); break;
    default: whole = print_table(o, results, color); break;
    }
    exit_status = output_flush();
    if (!whole)
        return complain(EXIT_INTERNAL, "out of memory");
    for (size_t i = 0; exit_status != EXIT_OUTPUT && i < lock_sync_results_missing_count(results); i++)
        exit_status = complain_missing(lock_sync_results_missing_at(results, i));
    return exit_status;
}

static int show(const options *o, lock_sync_ctx *ctx, bool color)
{
    lock_sync_results *results = NULL;
    lock_sync_status status;
    int exit_status = EXIT_DONE;

    if (!signals_begin(ctx, NULL))
        return complain(EXIT_INTERNAL, "no thread could be started");
    status = fetch(o, ctx, &results);
    signals_end(); /* whoever does not read what follows can be interrupted as usual */
    if (signals_caught() == 0)
        exit_status = status == LOCK_SYNC_OK ? print_results(o, results, color) : complain_of(ctx, status);
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
        return complain(EXIT_USAGE,
                        "--age goes with a table or JSON, and these would be lines of changes: leave it "
                        "out, or use --json-lines");
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

    output_hold_descriptors();
    exit_status = options_read(&o, argc, argv);
    if (exit_status == EXIT_DONE)
        exit_status = run(&o);
    options_free(&o);
    signals_obey();
    if (exit_status != EXIT_OUTPUT)
        closed = output_close();
    return closed != EXIT_DONE ? closed : exit_status;
}
