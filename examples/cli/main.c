/* locksync: shows the state of an account's locks to people and scripts. docs/locksync.md describes it. */
#include "names.h"
#include "options.h"
#include "output.h"
#include "report.h"
#include "setup.h"
#include "show.h"
#include "signals.h"
#include "utf8.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>
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

/* Rejects options whose effect depends on the output. */
static int check_live(const options *o, bool is_live)
{
    const bool is_lines = o->watch && o->format == FORMAT_TABLE && !is_live;
    const struct option_given {
        bool is_useless;
        const char *name;
        const char *output;
        const char *advice;
    } given[] = {
        {is_lines && o->columns.count > 0, "columns", "lines of changes", ""},
        {is_lines && o->no_headers, "no-headers", "lines of changes", ""},
        {is_lines && o->color != COLOR_AUTO, "color", "lines of changes", ""},
        {is_lines && o->age, "age", "lines of changes", ", or use --json-lines"},
        {is_live && o->changes_only, "changes-only", "a live table", ""},
    };

    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        if (given[i].is_useless)
            return report(EXIT_USAGE, "--%s has no effect on %s: leave it out%s", given[i].name, given[i].output,
                          given[i].advice);
    return EXIT_DONE;
}

static int run(options *o)
{
    bool color = wants_color(o->color);
    bool is_live = o->watch && o->format == FORMAT_TABLE && o->exec == NULL && is_screen();
    account a;
    names n;
    int exit_status;

    if (o->help || o->version) {
        if (o->help)
            (void)fputs(help_text, stdout);
        else
            (void)printf("locksync %s\n", lock_sync_version());
        return output_flush();
    }
    exit_status = check_live(o, is_live);
    if (exit_status == EXIT_DONE)
        exit_status = setup(o, &a);
    if (exit_status != EXIT_DONE)
        return exit_status;
    exit_status = names_begin(&n, o, a.ctx, a.names_path);
    if (exit_status == EXIT_DONE)
        exit_status = o->watch || o->until != NULL ? watch(&n, a.guard, is_live, color) : show(&n, color);
    names_end(&n);
    lock_sync_ctx_free(a.ctx);
    lock_sync_guard_unref(a.guard);
    return exit_status;
}

int main(int argc, char **argv)
{
    options o = {.lock_count = 0};
    int exit_status;
    int closed = EXIT_DONE;

    output_reserve_descriptors();
    utf8_begin();
    exit_status = options_read(&o, argc, argv);
    if (exit_status == EXIT_DONE)
        exit_status = run(&o);
    signals_reraise();
    if (exit_status != EXIT_OUTPUT)
        closed = output_close();
    return closed != EXIT_DONE ? closed : exit_status;
}
