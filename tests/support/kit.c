/* Time, waiting, temporary files and texts for tests; see kit.h. */
#include "kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifndef __has_feature
#  define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#  define SANITIZED 1
#  define THREADS_LEAST 2 /* one is the sanitizer's */
#elif defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#  define SANITIZED 1
#  define THREADS_LEAST 1
#else
#  define SANITIZED 0
#  define THREADS_LEAST 1
#endif

void kit_die(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    (void)fputs("test kit: ", stderr);
    (void)vfprintf(stderr, format, values);
    (void)fputc('\n', stderr);
    va_end(values);
    _exit(1); /* no clean-up: servers may still run on threads. Child processes end with this one. */
}

int64_t kit_now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t kit_now_ms(void)
{
    return kit_now_us() / 1000;
}

int64_t kit_slack(void)
{
    const char *preload = getenv("LD_PRELOAD");

    if (preload != NULL && strstr(preload, "vgpreload") != NULL)
        return 10;
    return SANITIZED ? 5 : 1;
}

bool kit_wait(bool (*met)(void *user), void *user, int64_t ms)
{
    const struct timespec pause = {0, 1000000};
    int64_t end = kit_now_ms() + ms;

    while (!met(user)) {
        if (kit_now_ms() >= end)
            return false;
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

char *kit_text_of(const char *format, va_list values)
{
    char *text = NULL;

    if (vasprintf(&text, format, values) < 0)
        kit_die("out of memory");
    return text;
}

char *kit_text(const char *format, ...)
{
    char *text;
    va_list values;

    va_start(values, format);
    text = kit_text_of(format, values);
    va_end(values);
    return text;
}

void *kit_zeros(size_t size)
{
    return memset(kit_resize(NULL, size), 0, size);
}

void *kit_resize(void *block, size_t size)
{
    void *resized = realloc(block, size);

    if (resized == NULL)
        kit_die("out of memory");
    return resized;
}

void *kit_shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        kit_die("no shared memory");
    return memory;
}

void kit_shared_free(void *memory, size_t size)
{
    (void)munmap(memory, size);
}

char *kit_temp_dir(void)
{
    const char *parent = getenv("TMPDIR");
    char *dir = kit_text("%s/locksync-test-XXXXXX", parent == NULL || *parent == '\0' ? "/tmp" : parent);

    if (mkdtemp(dir) == NULL)
        kit_die("mkdtemp %s: %s", dir, strerror(errno));
    return dir;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about, (void)kind, (void)place;
    (void)remove(path);
    return 0;
}

void kit_remove_dir(char *dir)
{
    if (dir != NULL)
        (void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(dir);
}

void kit_write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "we");

    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        kit_die("cannot write %s: %s", path, strerror(errno));
}

char *kit_read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t room = 0;
    size_t size = 0;
    size_t n = 0;

    do {
        if (room - size < 4096) {
            room = room * 2 + 4096;
            text = kit_resize(text, room + 1);
        }
        n = file == NULL ? 0 : fread(text + size, 1, room - size, file);
        size += n;
    } while (n > 0);
    text[size] = '\0';
    if (file != NULL)
        (void)fclose(file);
    return text;
}

size_t kit_count(const char *text, const char *needle)
{
    size_t count = 0;

    for (const char *at = strstr(text, needle); at != NULL; at = strstr(at + strlen(needle), needle))
        count++;
    return count;
}

static size_t entries(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;

    if (dir == NULL)
        kit_die("cannot read %s: %s", path, strerror(errno));
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static struct rlimit unlimited;

void kit_limit_descriptors(size_t spare)
{
    struct rlimit limit;
    int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);

    /* The kernel returns the lowest free number, so all below `lowest` are in use. */
    if (lowest < 0 || close(lowest) != 0 || getrlimit(RLIMIT_NOFILE, &unlimited) != 0)
        kit_die("no descriptor to begin with");
    limit = unlimited;
    limit.rlim_cur = (rlim_t)lowest + spare;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        kit_die("descriptors cannot be limited");
}

void kit_free_descriptors(void)
{
    if (setrlimit(RLIMIT_NOFILE, &unlimited) != 0)
        kit_die("the limit of descriptors cannot be lifted");
}

size_t kit_descriptors(void)
{
    return entries("/proc/self/fd") - 1; /* without the descriptor that reads the directory */
}

size_t kit_threads(void)
{
    return entries("/proc/self/task");
}

static bool is_alone(void *most)
{
    return kit_threads() <= *(const size_t *)most;
}

void kit_wait_for_one_thread(void)
{
    size_t most = THREADS_LEAST;

    if (!kit_wait(is_alone, &most, KIT_PATIENCE_MS))
        (void)fprintf(stderr, "test kit: %zu threads are left\n", kit_threads());
}
