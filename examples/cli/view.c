#include "view.h"

#include "moment.h"
#include "sanitize.h"
#include "screen.h"
#include "status.h"
#include "table.h"
#include "utf8.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN "\033[0m\033[H" /* an earlier frame may be incomplete */
#define END_OF_LINE "\033[K\r\n"
#define CLEAR_BELOW "\033[J"
/* A window of this many lines keeps an empty line for problems, so that the table does not jump. */
#define TALL_WINDOW_LINES 8

struct view {
    pthread_mutex_t mutex; /* the main thread and the signal thread draw */
    screen screen;
    rows locks;
    lock_sync_changes *changes; /* the last ones; NULL: no changes since the first response */
    table_style style;
    status status;
    bool is_open;
    char problem[256];
};

/* --- drawing --- */

static void print_line(FILE *out, const char *text, int width, bool is_red)
{
    const char *end;
    int size = (int)utf8_fit(text, &width, &end);

    (void)fprintf(out, "%s%.*s%s%s" END_OF_LINE, is_red ? "\033[31m" : "", size, text, end, is_red ? "\033[0m" : "");
}

/* Prints what fits. Locks have priority, except over a problem, which says that their states may be old. */
static void compose(FILE *out, const view *v, int lines, int width)
{
    int64_t now_ms = unix_now_ms();
    table_style style = v->style;
    char times[STATUS_SIZE];
    bool has_problem = v->problem[0] != '\0';
    bool has_times = lines > 2 || (!has_problem && (lines == 2 || v->status.response_ms == 0));
    bool has_problem_line = has_problem || lines >= TALL_WINDOW_LINES;

    style.headings = style.headings && (lines > 3 || (lines == 3 && !has_problem));
    style.is_stale = status_is_stale(&v->status, now_ms);
    style.width = width;
    style.line_end = END_OF_LINE;
    style.lines = (size_t)(lines - has_times - has_problem_line - style.headings);
    (void)fputs(BEGIN, out);
    status_write(&v->status, now_ms, times);
    if (has_times)
        print_line(out, times, width, false);
    if (has_problem_line)
        print_line(out, v->problem, width, has_problem && style.color);
    if (v->status.response_ms != 0)
        table_print(out, &v->locks, &style);
    (void)fseek(out, -2, SEEK_CUR); /* drops the last line feed, which would scroll; there is at least one line */
    (void)fputs(CLEAR_BELOW, out);
}

static bool draw(view *v)
{
    char *frame = NULL;
    size_t length = 0;
    FILE *out = v->is_open ? open_memstream(&frame, &length) : NULL;
    bool drawn = true;
    int lines;
    int width;

    if (out == NULL)
        return true; /* the next frame may succeed */
    screen_size(&v->screen, &lines, &width);
    compose(out, v, lines, width);
    if (fclose(out) == 0)
        drawn = screen_write(&v->screen, frame, length);
    free(frame);
    return drawn;
}

bool view_draw(view *v)
{
    bool drawn;

    (void)pthread_mutex_lock(&v->mutex);
    drawn = draw(v);
    (void)pthread_mutex_unlock(&v->mutex);
    return drawn;
}

/* --- life --- */

static void on_resize(void *user)
{
    (void)view_draw(user); /* the main thread will notice that the terminal is gone */
}

static void on_stop(void *user)
{
    view *v = user;

    (void)pthread_mutex_lock(&v->mutex);
    if (v->is_open)
        screen_leave(&v->screen);
    signals_stop();
    if (v->is_open)
        screen_enter(&v->screen);
    (void)draw(v);
    (void)pthread_mutex_unlock(&v->mutex);
}

signals_screen view_signals(view *v)
{
    return (signals_screen){.user = v, .keys_fd = v->screen.fd, .resized = on_resize, .stop = on_stop};
}

view *view_new(const options *o, bool color)
{
    view *v = calloc(1, sizeof *v);

    if (v == NULL || pthread_mutex_init(&v->mutex, NULL) != 0) {
        free(v);
        return NULL;
    }
    (void)screen_open(&v->screen); /* view_open() reports a failure */
    v->style = (table_style){.columns = o->columns, .color = color, .age = o->age, .headings = !o->no_headers};
    v->status = (status){.age = o->age, .interval_ms = options_interval_ms(o), .due_ms = unix_now_ms()};
    return v;
}

bool view_open(view *v)
{
    (void)pthread_mutex_lock(&v->mutex);
    v->is_open = v->screen.fd >= 0;
    if (v->is_open)
        screen_enter(&v->screen);
    (void)pthread_mutex_unlock(&v->mutex);
    return v->is_open;
}

bool view_update(view *v, const lock_sync_watch *w, const lock_sync_directory *directory, lock_sync_changes *changes)
{
    const lock_sync_results *results = lock_sync_watch_results(w);
    bool complete = true;

    (void)pthread_mutex_lock(&v->mutex);
    v->style.directory = directory;
    if (changes != NULL) {
        lock_sync_changes_free(v->changes);
        v->changes = v->status.response_ms != 0 ? changes : NULL; /* the first response is not shown as changed */
        if (v->status.response_ms == 0)
            lock_sync_changes_free(changes);
    }
    if (results != NULL) {
        v->status.response_ms = unix_now_ms() - lock_sync_watch_age_ms(w);
        complete = rows_from_watch(&v->locks, results, v->changes);
    }
    (void)pthread_mutex_unlock(&v->mutex);
    return complete;
}

void view_set_problem(view *v, const char *problem, int64_t due_ms)
{
    (void)pthread_mutex_lock(&v->mutex);
    (void)snprintf(v->problem, sizeof v->problem, "%s", problem);
    sanitize(v->problem);
    v->status.due_ms = due_ms;
    (void)pthread_mutex_unlock(&v->mutex);
}

void view_close(view *v)
{
    table_style style = v->style;
    int lines;

    style.is_stale = status_is_stale(&v->status, unix_now_ms());
    style.lines = SIZE_MAX;
    style.line_end = "\n";
    screen_size(&v->screen, &lines, &style.width);
    (void)pthread_mutex_lock(&v->mutex);
    screen_leave(&v->screen);
    v->is_open = false;
    (void)pthread_mutex_unlock(&v->mutex);
    if (v->status.response_ms != 0)
        table_print(stdout, &v->locks, &style);
}

void view_free(view *v)
{
    screen_close(&v->screen);
    lock_sync_changes_free(v->changes);
    rows_free(&v->locks);
    (void)pthread_mutex_destroy(&v->mutex);
    free(v);
}
