/* The small things that every test of real sockets needs: time, waiting for a condition, temporary files, texts.
   Nothing here needs cmocka, so benchmarks may use it too. What goes wrong in the kit itself ends the process with a
   message. */
#ifndef KIT_KIT_H
#define KIT_KIT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIT_PATIENCE_MS 20000 /* for what is certain to come: only a broken test ever waits this long */

_Noreturn void kit_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

int64_t kit_now_us(void); /* monotonic */
int64_t kit_now_ms(void);

/* By how much an upper bound on a time is to be stretched: 1, more under a sanitizer or valgrind. */
int64_t kit_slack(void);

/* Asks `met` every millisecond until it says true, for at most `ms`. Whether it did. */
bool kit_wait(bool (*met)(void *user), void *user, int64_t ms);

/* A text like printf's, in memory of its own; free() it. */
char *kit_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *kit_text_of(const char *format, va_list values) __attribute__((format(printf, 1, 0)));

/* Memory that is there, of zeros; and made larger, NULL being none: free() it. */
void *kit_zeros(size_t size);
void *kit_resize(void *block, size_t size);

/* Memory of zeros that child processes share, and its release. */
void *kit_shared(size_t size);
void kit_shared_free(void *memory, size_t size);

/* A fresh directory; kit_remove_dir() removes it with all that is in it, and frees the path. */
char *kit_temp_dir(void);
void kit_remove_dir(char *dir);

void kit_write_file(const char *path, const void *data, size_t size);
char *kit_read_file(const char *path); /* "" when there is none; free() it */

/* How many times `needle` stands in `text`. */
size_t kit_count(const char *text, const char *needle);

/* Leaves this process so many descriptors that it has not taken, until kit_free_descriptors(). */
void kit_limit_descriptors(size_t spare);
void kit_free_descriptors(void);

/* How many file descriptors, and threads, this process has. */
size_t kit_descriptors(void);
size_t kit_threads(void);

/* Waits until the process has but one thread: until all that libcurl left behind have ended. */
void kit_wait_for_one_thread(void);

#endif
