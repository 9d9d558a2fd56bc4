/* Keeps log lines; see log_lines.h. Callable from any thread, because contexts may share one. */
#include "log_lines.h"
#include "kit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct line {
    lock_sync_log_level level;
    char *text;
} line;

struct log_lines {
    pthread_mutex_t mutex;
    line *lines;
    size_t count;
};

log_lines *log_lines_new(void)
{
    log_lines *l = kit_zeros(sizeof *l);

    if (pthread_mutex_init(&l->mutex, NULL) != 0)
        kit_die("no mutex");
    return l;
}

void log_lines_free(log_lines *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->count; i++)
        free(l->lines[i].text);
    free(l->lines);
    (void)pthread_mutex_destroy(&l->mutex);
    free(l);
}

void log_lines_keep(void *lines, lock_sync_log_level level, const char *message)
{
    log_lines *l = lines;

    (void)pthread_mutex_lock(&l->mutex);
    l->lines = kit_resize(l->lines, (l->count + 1) * sizeof *l->lines);
    l->lines[l->count++] = (line){level, kit_text("%s", message)};
    (void)pthread_mutex_unlock(&l->mutex);
}

const char *log_lines_at(log_lines *l, lock_sync_log_level level, size_t i)
{
    const char *text = NULL;

    (void)pthread_mutex_lock(&l->mutex);
    for (size_t k = 0; k < l->count && text == NULL; k++)
        if (l->lines[k].level == level && i-- == 0)
            text = l->lines[k].text;
    (void)pthread_mutex_unlock(&l->mutex);
    return text;
}

size_t log_lines_count(log_lines *l, lock_sync_log_level level)
{
    size_t count = 0;

    while (log_lines_at(l, level, count) != NULL)
        count++;
    return count;
}

bool log_lines_contain(log_lines *l, const char *text)
{
    bool found = false;

    (void)pthread_mutex_lock(&l->mutex);
    for (size_t i = 0; i < l->count && !found; i++)
        found = strstr(l->lines[i].text, text) != NULL;
    (void)pthread_mutex_unlock(&l->mutex);
    return found;
}
