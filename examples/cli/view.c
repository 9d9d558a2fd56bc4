#include "view.h"

#include "cells.h"
#include "table.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l" /* the other screen; no cursor */
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define END_OF_LINE "\033[K\r\n"
#define CLEAR_BELOW "\033[J"
#define HEAD_LINES 4 /* times, trouble or an empty line, headings, and the last line, where the screen would scroll */

struct view {
    pthread_mutex_t mutex; /* the main thread and that of the signals draw */
    rows locks;
    bool asked;
    bool color;
    bool age;
    bool is_open;
    bool is_saved; /* what follows */
    struct termios as_it_was;
    int64_t answered_ms; /* Unix time; 0: no answer yet */
    int64_t due_ms;
    lock_sync_status trouble;
};

/* --- the terminal --- */

static bool write_all(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(STDOUT_FILENO, bytes, size);

        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0) {
            bytes += put;
            size -= (size_t)put;
        }
    }
    return true;
}

/* Keys typed by the way shall not spoil the picture. */
static void take_terminal(view *v)
{
    struct termios quiet;

    v->is_saved = tcgetattr(STDOUT_FILENO, &v->as_it_was) == 0;
    if (v->is_saved) {
        quiet = v->as_it_was;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
        (void)tcsetattr(STDOUT_FILENO, TCSANOW, &quiet);
    }
    (void)write_all(ENTER, strlen(ENTER));
}

static void give_terminal_back(view *v)
{
    (void)write_all(LEAVE, strlen(LEAVE));
    if (v->is_saved)
        (void)tcsetattr(STDOUT_FILENO, TCSAFLUSH, &v->as_it_was); /* keys typed by the way are not the shell's */
}

/* --- drawing --- */

static void clock_time(int64_t unix_ms, char *text, size_t size)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;

    if (localtime_r(&seconds, &parts) == NULL || strftime(text, size, "%H:%M:%S", &parts) == 0)
        text[0] = '\0';
}

/* Fits a terminal of 40 columns. */
static void print_times(FILE *out, const view *v, int width)
{
    char answered[32] = "none yet";
    char due[16];
    char line[96];
    int64_t age_s = (unix_now_ms() - v->answered_ms) / 1000;

    if (v->answered_ms != 0 && v->age)
        (void)snprintf(answered, sizeof answered, "%lld s ago", (long long)(age_s > 0 ? age_s : 0));
    else if (v->answered_ms != 0)
        clock_time(v->answered_ms, answered, sizeof answered);
    clock_time(v->due_ms, due, sizeof due);
    (void)snprintf(line, sizeof line, "answer %s, next poll %s", answered, due);
    (void)fprintf(out, "%.*s" END_OF_LINE, width, line);
}

static void print_trouble(FILE *out, const view *v, int width)
{
    bool troubled = v->trouble != LOCK_SYNC_OK;

    (void)fprintf(out, "%s%.*s%s" END_OF_LINE, troubled && v->color ? "\033[31m" : "", width,
                  troubled ? lock_sync_status_message(v->trouble) : "", troubled && v->color ? "\033[0m" : "");
}

static bool draw(view *v)
{
    struct winsize size = {.ws_row = 0};
    char *picture = NULL;
    size_t length = 0;
    FILE *out = v->is_open ? open_memstream(&picture, &length) : NULL;
    table_style style = {.color = v->color, .age = v->age, .line_end = END_OF_LINE};
    bool drawn = true;

    if (out == NULL)
        return true; /* the next one may do */
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    if (size.ws_row == 0 || size.ws_col == 0) { /* a terminal that does not know */
        size.ws_row = 24;
        size.ws_col = 80;
    }
    style.width = size.ws_col;
    style.rows_max = size.ws_row > HEAD_LINES ? (size_t)size.ws_row - HEAD_LINES : 0;
    (void)fputs(HOME, out);
    print_times(out, v, style.width);
    print_trouble(out, v, style.width);
    if (v->answered_ms != 0)
        table_print(out, &v->locks, &style);
    (void)fputs(CLEAR_BELOW, out);
    if (fclose(out) == 0)
        drawn = write_all(picture, length);
    free(picture);
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
    (void)view_draw(user); /* whether the terminal is gone, the next drawing tells */
}

static void on_stop(void *user)
{
    view *v = user;

    (void)pthread_mutex_lock(&v->mutex);
    if (v->is_open)
        give_terminal_back(v);
    signals_stop();
    if (v->is_open)
        take_terminal(v);
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
    v->asked = o->id_count > 0;
    v->color = color;
    v->age = o->age;
    v->due_ms = unix_now_ms();
    if (!rows_from_ids(&v->locks, o->ids, o->id_count)) {
        view_free(v);
        return NULL;
    }
    return v;
}

void view_open(view *v)
{
    (void)pthread_mutex_lock(&v->mutex);
    take_terminal(v);
    v->is_open = true;
    (void)pthread_mutex_unlock(&v->mutex);
}

bool view_apply(view *v, const lock_sync_changes *changes)
{
    bool applied;

    (void)pthread_mutex_lock(&v->mutex);
    applied = rows_apply(&v->locks, changes, v->asked, v->answered_ms == 0);
    (void)pthread_mutex_unlock(&v->mutex);
    return applied;
}

void view_note(view *v, const lock_sync_watch *w, lock_sync_status trouble)
{
    int64_t now_ms = unix_now_ms();
    int64_t age_ms = lock_sync_watch_age_ms(w);

    (void)pthread_mutex_lock(&v->mutex);
    v->answered_ms = age_ms >= 0 ? now_ms - age_ms : 0;
    v->due_ms = now_ms + lock_sync_watch_due_in_ms(w);
    v->trouble = trouble;
    (void)pthread_mutex_unlock(&v->mutex);
}

void view_close(view *v)
{
    table_style style = {.color = v->color, .age = v->age, .rows_max = SIZE_MAX, .line_end = "\n"};
    struct winsize size = {.ws_col = 0};

    (void)pthread_mutex_lock(&v->mutex);
    give_terminal_back(v);
    v->is_open = false;
    (void)pthread_mutex_unlock(&v->mutex);
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    style.width = size.ws_col;
    if (v->answered_ms != 0)
        table_print(stdout, &v->locks, &style);
}

void view_free(view *v)
{
    rows_free(&v->locks);
    (void)pthread_mutex_destroy(&v->mutex);
    free(v);
}
