#include "view.h"

#include "sanitize.h"
#include "moment.h"
#include "screen.h"
#include "table.h"

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
    bool color;
    bool age;
    bool is_open;
    int64_t response_ms; /* Unix time; 0: no response yet */
    int64_t due_ms;
    char problem[256];
};

/* --- drawing --- */

/* Fits a terminal of 40 columns. */
static void print_times(FILE *out, const view *v, int width)
{
    char response[MOMENT_SIZE] = "none yet";
    char due[MOMENT_SIZE];
    char line[96];
    int64_t age_s = (unix_now_ms() - v->response_ms) / 1000;

    if (v->response_ms != 0 && v->age)
        (void)snprintf(response, sizeof response, "%lld s ago", (long long)(age_s > 0 ? age_s : 0));
    else if (v->response_ms != 0)
        (void)moment_clock(v->response_ms, response);
    (void)moment_clock(v->due_ms, due);
    (void)snprintf(line, sizeof line, "response %s, next poll %s", response, due);
    (void)fprintf(out, "%.*s" END_OF_LINE, width, line);
}

/* Returns how many bytes of the text are printed, without a part of a character at the end. */
static int cut(const char *text, int width)
{
    int size = (int)strlen(text);

    if (size <= width)
        return size;
    for (size = width; size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80; size--)
        continue;
    return size;
}

static void print_problem(FILE *out, const view *v, int width)
{
    bool colored = v->color && v->problem[0] != '\0';

    (void)fprintf(out, "%s%.*s%s" END_OF_LINE, colored ? "\033[31m" : "", cut(v->problem, width), v->problem,
                  colored ? "\033[0m" : "");
}

/* Prints what fits. Locks have priority, except over a problem, which says that their states may be old. */
static void compose(FILE *out, const view *v, int lines, int width)
{
    bool has_problem = v->problem[0] != '\0';
    bool has_times = lines > 2 || (!has_problem && (lines == 2 || v->response_ms == 0));
    bool has_problem_line = has_problem || lines >= TALL_WINDOW_LINES;
    bool has_headings = lines > 3 || (lines == 3 && !has_problem);
    table_style style = {
        .color = v->color, .age = v->age, .headings = has_headings, .width = width, .line_end = END_OF_LINE};

    style.lines = (size_t)(lines - has_times - has_problem_line - has_headings);
    (void)fputs(BEGIN, out);
    if (has_times)
        print_times(out, v, width);
    if (has_problem_line)
        print_problem(out, v, width);
    if (v->response_ms != 0)
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
    return (signals_screen){.user = v, .resized = on_resize, .stop = on_stop};
}

view *view_new(const options *o, bool color)
{
    view *v = calloc(1, sizeof *v);

    if (v == NULL || pthread_mutex_init(&v->mutex, NULL) != 0) {
        free(v);
        return NULL;
    }
    v->screen.fd = -1;
    v->color = color;
    v->age = o->age;
    v->due_ms = unix_now_ms();
    return v;
}

bool view_open(view *v)
{
    (void)pthread_mutex_lock(&v->mutex);
    v->is_open = screen_open(&v->screen);
    if (v->is_open)
        screen_enter(&v->screen);
    (void)pthread_mutex_unlock(&v->mutex);
    return v->is_open;
}

bool view_update(view *v, const lock_sync_watch *w, lock_sync_changes *changes)
{
    const lock_sync_results *results = lock_sync_watch_results(w);
    bool complete = true;

    (void)pthread_mutex_lock(&v->mutex);
    if (changes != NULL) {
        lock_sync_changes_free(v->changes);
        v->changes = v->response_ms != 0 ? changes : NULL; /* the first response is not shown as changed */
        if (v->response_ms == 0)
            lock_sync_changes_free(changes);
    }
    if (results != NULL) {
        v->response_ms = unix_now_ms() - lock_sync_watch_age_ms(w);
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
    v->due_ms = due_ms;
    (void)pthread_mutex_unlock(&v->mutex);
}

void view_close(view *v)
{
    table_style style = {.color = v->color, .age = v->age, .headings = true, .lines = SIZE_MAX, .line_end = "\n"};
    int lines;

    screen_size(&v->screen, &lines, &style.width);
    (void)pthread_mutex_lock(&v->mutex);
    screen_leave(&v->screen);
    v->is_open = false;
    (void)pthread_mutex_unlock(&v->mutex);
    if (v->response_ms != 0)
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
