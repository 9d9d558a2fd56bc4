/* Helpers for tests with real sockets: time, waiting for a condition, temporary files, texts. They do not need
   cmocka, so benchmarks use them too. A failure in the kit itself ends the process with a message. */
#ifndef KIT_KIT_H
#define KIT_KIT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIT_PATIENCE_MS 20000 /* for events that are certain: only a broken test waits so long */

_Noreturn void kit_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

int64_t kit_now_us(void); /* monotonic */
int64_t kit_now_ms(void);

/* Returns the factor for an upper bound on a time: 1, but more under a sanitizer or valgrind. */
int64_t kit_slack(void);

/* Calls `met` every millisecond until it returns true, for at most `ms`. Returns whether it did. */
bool kit_wait(bool (*met)(void *user), void *user, int64_t ms);

/* Formats a text like printf; free() it. */
char *kit_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *kit_text_of(const char *format, va_list values) __attribute__((format(printf, 1, 0)));

/* Do what calloc() and realloc() do, but never return NULL; free() the memory. */
void *kit_zeros(size_t size);
void *kit_resize(void *block, size_t size);

/* Allocates zeroed memory that child processes share, and frees it. */
void *kit_shared(size_t size);
void kit_shared_free(void *memory, size_t size);

/* Makes an empty directory. kit_remove_dir() removes it with all its files, and frees the path. */
char *kit_temp_dir(void);
void kit_remove_dir(char *dir);

void kit_write_file(const char *path, const void *data, size_t size);
char *kit_read_file(const char *path); /* "" if there is no such file; free() it */

/* Counts the occurrences of `needle` in `text`. */
size_t kit_count(const char *text, const char *needle);

/* Lets this process open only `spare` more descriptors, until kit_free_descriptors(). */
void kit_limit_descriptors(size_t spare);
void kit_free_descriptors(void);

/* Return how many open file descriptors and how many threads this process has. */
size_t kit_descriptors(void);
size_t kit_threads(void);

/* Waits until the process has only one thread, because the threads that libcurl started have ended. */
void kit_wait_for_one_thread(void);

#endif
