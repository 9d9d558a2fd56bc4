#include "show.h"

#include "condition.h"
#include "json.h"
#include "output.h"
#include "report.h"
#include "rows.h"
#include "signals.h"
#include "table.h"
#include "turn.h"

#include <sys/ioctl.h>
#include <unistd.h>

static int fetch(const names *n, lock_sync_results **results)
{
    /* try again after an interval at most: another program's fetch may end early and refund its slot */
    int64_t most_ms = options_interval_ms(n->o);
    lock_sync_status status;

    do
        status = lock_sync_fetch(n->ctx, n->ids, n->id_count, results);
    while (status == LOCK_SYNC_E_TOO_SOON && n->o->wait && turn_wait(n->ctx, most_ms));
    if (status == LOCK_SYNC_OK || signals_caught() != 0)
        return exit_status_of(status);
    return report_error(n->ctx, status);
}

/* Finds the locks and fetches their states. If these show that the names are old, other locks may be found. No states
   are fetched if a directory is asked for in this run, because it has them. */
static int fetch_by_name(names *n, lock_sync_results **fetched)
{
    int exit_status = names_resolve(n, NULL);
    bool is_over = false;

    while (exit_status == EXIT_DONE && !is_over && !names_are_new(n)) {
        lock_sync_results_free(*fetched);
        *fetched = NULL;
        exit_status = fetch(n, fetched);
        is_over = exit_status != EXIT_DONE || !names_are_old(n, *fetched);
        if (!is_over) {
            exit_status = names_resolve(n, *fetched);
            is_over = !n->has_moved; /* these states are of the right locks */
        }
    }
    return exit_status;
}

static int fill(names *n, rows *r, int64_t *at_ms)
{
    lock_sync_results *fetched = NULL;
    int exit_status = fetch_by_name(n, &fetched);
    const lock_sync_results *results = names_are_new(n) ? lock_sync_directory_results(n->directory) : fetched;

    *at_ms = lock_sync_results_fetched_at_ms(results);
    if (exit_status == EXIT_DONE && !(rows_from_results(r, results) && rows_select(r, n->ids, n->id_count)))
        exit_status = report(EXIT_INTERNAL, "out of memory");
    lock_sync_results_free(fetched);
    return exit_status;
}

static void print_table(const names *n, const rows *r, bool color)
{
    const options *o = n->o;
    struct winsize size = {.ws_col = 0};
    table_style style = {.columns = o->columns,
                         .directory = n->directory,
                         .color = color,
                         .age = o->age,
                         .headings = !o->no_headers,
                         .lines = SIZE_MAX,
                         .line_end = "\n"};

    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size); /* fails if it is not a terminal */
    style.width = size.ws_col;
    table_print(stdout, r, &style);
}

static int print(const names *n, const rows *r, int64_t at_ms, bool color)
{
    json_style style = {.directory = n->directory, .at_ms = at_ms, .age = n->o->age};
    bool complete = true;
    int exit_status;

    switch (n->o->format) {
    case FORMAT_JSON: complete = json_print_document(stdout, r, &style); break;
    case FORMAT_JSON_LINES: complete = json_print_lines(stdout, r, &style); break;
    default: print_table(n, r, color); break;
    }
    exit_status = output_flush();
    if (!complete)
        return report(EXIT_INTERNAL, "out of memory");
    return exit_status;
}

int show(names *n, bool color)
{
    rows r = {.at = NULL};
    int64_t at_ms;
    int exit_status;

    if (!signals_begin(n->ctx, NULL))
        return report(EXIT_INTERNAL, "a thread could not be started: try again");
    exit_status = fill(n, &r, &at_ms);
    signals_end(); /* a signal can now interrupt output that nobody reads */
    if (exit_status == EXIT_DONE && signals_caught() == 0) {
        exit_status = n->o->check != NULL ? condition_status(n->o->check, &r) : print(n, &r, at_ms, color);
        if (exit_status != EXIT_OUTPUT)
            names_warn(n);
        for (size_t i = 0; exit_status != EXIT_OUTPUT && i < r.count; i++)
            if (!r.at[i].is_found)
                exit_status = names_report_missing(n, r.at[i].lock.id);
    }
    rows_free(&r);
    return exit_status;
}
