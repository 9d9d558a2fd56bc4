#include "watch.h"

#include "changes.h"
#include "complain.h"
#include "json.h"
#include "moment.h"
#include "output.h"
#include "signals.h"
#include "view.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define TROUBLE_SIZE 512
#define TICK_MS 1000 /* how often the screen's ages are drawn, and a reader that went away is looked for */

typedef struct watching {
    const options *o;
    lock_sync_ctx *ctx;
    lock_sync_guard *guard;
    lock_sync_watch *w;
    view *v; /* NULL: lines */
    int64_t interval_ms;
    lock_sync_status trouble; /* what was told to keep responses from coming; OK: nothing */
    int64_t told_until_ms;    /* and until when, as Unix time */
    bool has_told;            /* a first response */
    lock_sync_status end;     /* the error that ended it */
} watching;

/* At the start, an error that does not pass ends the watch, because a setting may be wrong. After a good response, only
   one that nobody but the user can mend does: any other may come from a network on the way, or from a service that is
   being changed. */
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

/* How long until the next poll: longer than the watch itself waits where the guard lets none through. */
static int64_t next_poll_in_ms(const watching *s)
{
    int64_t due_ms = lock_sync_watch_due_in_ms(s->w);
    int64_t held_ms = lock_sync_watch_last_status(s->w) == LOCK_SYNC_E_TOO_SOON
                          ? lock_sync_error_retry_after_ms(lock_sync_last_error(s->ctx))
                          : 0;

    return held_ms > due_ms ? held_ms : due_ms;
}

/* What keeps responses from coming, as sentences. Of the guard it says why: it is the only one that may be mended here,
   and what its refusal hangs on is not in its status. */
static void describe(const watching *s, lock_sync_status trouble, char text[TROUBLE_SIZE])
{
    const char *sentence = lock_sync_status_message(trouble);
    const char *message = lock_sync_error_message(lock_sync_last_error(s->ctx));
    size_t length = strlen(sentence);
    char why[TROUBLE_SIZE / 2];

    if (trouble == LOCK_SYNC_OK)
        text[0] = '\0';
    else if (trouble == LOCK_SYNC_E_GUARD && lock_sync_guard_error_message(s->guard, why, sizeof why) > 0)
        (void)snprintf(text, TROUBLE_SIZE, "%s (%s)", sentence, why);
    else if (trouble == LOCK_SYNC_E_TOO_SOON && strncmp(message, sentence, length) == 0 && message[length] == ' ')
        (void)snprintf(text, TROUBLE_SIZE, "%s", message + length + 1);
    else
        (void)snprintf(text, TROUBLE_SIZE, "%s", sentence);
}

/* On stderr that responses fail or the guard lets no request through, and when the next poll is; not each time. */
static void tell_trouble(watching *s, lock_sync_status trouble, int64_t next_ms)
{
    int64_t at_ms = unix_now_ms() + next_ms;
    bool is_put_off = trouble == LOCK_SYNC_E_TOO_SOON && at_ms > s->told_until_ms + s->interval_ms;
    char message[TROUBLE_SIZE];
    char at[MOMENT_SIZE];
    char span[MOMENT_SIZE];

    if (trouble == s->trouble && !is_put_off)
        return;
    s->told_until_ms = at_ms;
    describe(s, trouble, message);
    (void)moment_clock(at_ms, at);
    moment_span(next_ms, span);
    if (trouble == LOCK_SYNC_OK)
        (void)complain(EXIT_DONE, "there is an answer again");
    else if (trouble == LOCK_SYNC_E_TOO_SOON) /* the guard's message has the span */
        (void)complain(EXIT_DONE, "%s%s The next poll is at %s.", message, full_stop_after(message), at);
    else if (next_ms > 2 * s->interval_ms)
        (void)complain(EXIT_DONE, "%s The next poll is in %s, at %s.", message, span, at);
    else
        (void)complain(EXIT_DONE, "%s It is tried again.", message);
}

/* What keeps responses from coming. A turn that comes within an interval is nothing to tell. */
static void note_trouble(watching *s)
{
    lock_sync_status trouble = lock_sync_watch_last_status(s->w);
    int64_t next_ms = next_poll_in_ms(s);
    char message[TROUBLE_SIZE];

    if (trouble == LOCK_SYNC_E_TOO_SOON && next_ms <= s->interval_ms)
        trouble = s->trouble;
    if (s->v != NULL) {
        describe(s, trouble, message);
        view_note(s->v, message, unix_now_ms() + next_ms);
    } else {
        tell_trouble(s, trouble, next_ms);
    }
    s->trouble = trouble;
}

static int out_of_memory(watching *s)
{
    s->end = LOCK_SYNC_E_NO_MEMORY; /* told when the screen is given back */
    return exit_status_of(s->end);
}

/* Ids that the first response is without; later ones are told as removed. */
static void tell_missing(const lock_sync_results *first)
{
    for (size_t i = 0; i < lock_sync_results_missing_count(first); i++)
        (void)complain_missing(lock_sync_results_missing_at(first, i));
}

static int tell_changes(watching *s, const lock_sync_changes *changes)
{
    const lock_sync_results *results = lock_sync_watch_results(s->w);
    int64_t at_ms = unix_now_ms() - lock_sync_watch_age_ms(s->w);
    int exit_status;

    if (s->o->format != FORMAT_JSON_LINES)
        changes_print(stdout, changes, at_ms);
    else if (!json_print_changes(stdout, changes, at_ms, s->o->age))
        return out_of_memory(s);
    exit_status = output_flush();
    if (exit_status == EXIT_DONE && !s->has_told)
        tell_missing(results);
    s->has_told = true;
    return exit_status;
}

/* A reader that went away would be noticed only when something is written, which may be never. */
static bool has_reader(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, 0) <= 0 || (out.revents & POLLERR) == 0;
}

/* What came of a call: changes (NULL: none) are transferred. */
static int take(watching *s, lock_sync_changes *changes)
{
    int exit_status = EXIT_DONE;

    if (s->v != NULL)
        return view_take(s->v, s->w, changes) ? EXIT_DONE : out_of_memory(s);
    if (changes != NULL)
        exit_status = tell_changes(s, changes);
    lock_sync_changes_free(changes);
    return exit_status;
}

/* One step: a poll if it is time to, and what came of it. */
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
    exit_status = take(s, changes);
    if (exit_status != EXIT_DONE || signals_caught() != 0)
        return exit_status;
    note_trouble(s);
    if (s->v == NULL)
        return has_reader() ? EXIT_DONE : output_lost();
    return view_draw(s->v) ? EXIT_DONE : EXIT_OUTPUT;
}

static int follow(watching *s)
{
    int exit_status = EXIT_DONE;

    while (exit_status == EXIT_DONE && signals_caught() == 0)
        exit_status = step(s);
    return exit_status;
}

static int follow_on_screen(watching *s)
{
    signals_screen screen = view_signals(s->v);
    int exit_status;

    if (!signals_begin(s->ctx, &screen))
        return complain(EXIT_INTERNAL, "no thread could be started");
    if (view_open(s->v)) {
        (void)view_draw(s->v);
        exit_status = follow(s);
        view_close(s->v);
    } else {
        exit_status = complain(EXIT_INTERNAL, "the terminal could not be opened");
    }
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

int watch(const options *o, lock_sync_ctx *ctx, lock_sync_guard *guard, bool on_screen, bool color)
{
    watching s = {.o = o,
                  .ctx = ctx,
                  .guard = guard,
                  .v = on_screen ? view_new(o, color) : NULL,
                  .interval_ms = options_interval_ms(o)};
    lock_sync_status status = lock_sync_watch_new(ctx, o->ids, o->id_count, &s.w);
    int exit_status;

    if (status == LOCK_SYNC_OK)
        status = lock_sync_watch_set_interval_ms(s.w, s.interval_ms);
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
