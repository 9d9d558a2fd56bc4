#include "watch.h"

#include "cells.h"
#include "changes.h"
#include "complain.h"
#include "json.h"
#include "output.h"
#include "signals.h"
#include "view.h"

#include <poll.h>
#include <unistd.h>

#define TICK_MS 1000 /* how often the screen's ages are drawn, and a reader that went away is looked for */

typedef struct watching {
    const options *o;
    lock_sync_ctx *ctx;
    lock_sync_watch *w;
    view *v; /* NULL: lines */
    lock_sync_status trouble; /* what the last poll failed with; OK after a good one */
    lock_sync_status end;     /* the error that ended it */
} watching;

/* Errors that do not pass are the end at the start, when something is set wrong. Later an answer that is none (the page
   of a hotel's network) is not; a refused credential is. */
static bool is_end(const watching *s, lock_sync_status status)
{
    switch (status) {
    case LOCK_SYNC_E_TLS:
    case LOCK_SYNC_E_TOO_LARGE:
    case LOCK_SYNC_E_MALFORMED:
    case LOCK_SYNC_E_HTTP:
    case LOCK_SYNC_E_API:
        return lock_sync_watch_age_ms(s->w) < 0;
    default:
        return !lock_sync_status_is_retryable(status);
    }
}

/* Tells without a screen that answers fail, and that they come again; not each time. */
static void tell_trouble(const watching *s, lock_sync_status trouble)
{
    if (s->v != NULL || trouble == s->trouble)
        return;
    if (trouble == LOCK_SYNC_OK)
        (void)complain(EXIT_DONE, "there is an answer again");
    else
        (void)complain(EXIT_DONE, "%s It is tried again.", lock_sync_status_message(trouble));
}

static int tell_changes(const watching *s, const lock_sync_changes *changes)
{
    int64_t at_ms = unix_now_ms() - lock_sync_watch_age_ms(s->w);
    bool whole = true;

    if (s->v != NULL)
        whole = view_apply(s->v, changes);
    else if (s->o->format == FORMAT_JSON_LINES)
        whole = json_print_changes(stdout, changes, at_ms, s->o->age);
    else
        changes_print(stdout, changes, at_ms);
    if (!whole)
        return complain(EXIT_INTERNAL, "out of memory");
    return s->v != NULL ? EXIT_DONE : output_flush();
}

/* A reader that went away would be noticed only when something is written, which may be never. */
static bool has_reader(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, 0) <= 0 || (out.revents & POLLERR) == 0;
}

/* Ids that the first answer is without: later ones are told as removed. */
static void tell_missing(const watching *s, const lock_sync_changes *first)
{
    for (size_t i = 0; i < s->o->id_count; i++) {
        bool answered = false;

        for (size_t j = 0; !answered && j < lock_sync_changes_count(first); j++)
            answered = lock_sync_changes_at(first, j)->after->id == s->o->ids[i];
        if (!answered)
            (void)complain_missing(s->o->ids[i]);
    }
}

/* One step: a poll if it is time to, and what came of it. */
static int step(watching *s, bool *first)
{
    lock_sync_changes *changes = NULL;
    lock_sync_status status = lock_sync_watch_next(s->w, TICK_MS, &changes);
    lock_sync_status trouble = lock_sync_watch_last_status(s->w);
    int exit_status = EXIT_DONE;

    if (status == LOCK_SYNC_OK) {
        exit_status = tell_changes(s, changes);
        if (*first && s->v == NULL)
            tell_missing(s, changes);
        *first = false;
    } else if (status != LOCK_SYNC_E_TIMEOUT && status != LOCK_SYNC_E_CANCELLED && is_end(s, status)) {
        s->end = status;
        exit_status = exit_status_of(status);
    }
    lock_sync_changes_free(changes);
    if (exit_status != EXIT_DONE || signals_caught() != 0)
        return exit_status;
    tell_trouble(s, trouble);
    s->trouble = trouble;
    if (s->v == NULL)
        return has_reader() ? EXIT_DONE : output_lost();
    view_note(s->v, s->w, trouble);
    return view_draw(s->v) ? EXIT_DONE : EXIT_OUTPUT;
}

static int follow(watching *s)
{
    bool first = true;
    int exit_status = EXIT_DONE;

    while (exit_status == EXIT_DONE && signals_caught() == 0)
        exit_status = step(s, &first);
    return exit_status;
}

static int follow_on_screen(watching *s)
{
    signals_screen screen = view_signals(s->v);
    int exit_status;

    if (!signals_begin(s->ctx, &screen))
        return complain(EXIT_INTERNAL, "no thread could be started");
    view_open(s->v);
    (void)view_draw(s->v);
    exit_status = follow(s);
    view_close(s->v);
    signals_end();
    return exit_status;
}

static int follow_in_lines(watching *s)
{
    int exit_status;

    if (!signals_begin(s->ctx, NULL))
        return complain(EXIT_INTERNAL, "no thread could be started");
    exit_status = follow(s);
    signals_end();
    return exit_status;
}

int watch(const options *o, lock_sync_ctx *ctx, bool on_screen, bool color)
{
    watching s = {.o = o, .ctx = ctx, .v = on_screen ? view_new(o, color) : NULL};
    lock_sync_status status = lock_sync_watch_new(ctx, o->ids, o->id_count, &s.w);
    int exit_status;

    if (status == LOCK_SYNC_OK && o->interval_ms != 0)
        status = lock_sync_watch_set_interval_ms(s.w, o->interval_ms);
    if (status != LOCK_SYNC_OK)
        exit_status = complain_of(ctx, status);
    else if (on_screen && s.v == NULL)
        exit_status = complain(EXIT_INTERNAL, "out of memory");
    else
        exit_status = on_screen ? follow_on_screen(&s) : follow_in_lines(&s);
    if (s.end != LOCK_SYNC_OK)
        exit_status = complain_of(ctx, s.end);
    lock_sync_watch_free(s.w);
    if (s.v != NULL)
        view_free(s.v);
    return exit_status;
}
