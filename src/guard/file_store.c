/* A guard's record in a file, for all processes of a machine.

   The file is two places for a record, written in turns: whoever is killed in the midst of writing one leaves the
   other. It is opened anew for each decision, so that nothing is shared over fork() and a file that was replaced is
   noticed. The lock is flock()'s: it belongs to the open file and is gone with its holder.

   Times are of the machine's clock since boot. A record of another boot is moved by what the wall clock says: there is
   no other witness. Writes are not forced to the disk: a machine that loses power may lose the last seconds of the
   record. */
#include "base/clock.h"
#include "base/memory.h"
#include "guard/record.h"
#include "guard/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PLACE_SIZE 512 /* one sector */
#define FILE_SIZE (2 * PLACE_SIZE)
#define PATH_SIZE_MAX 4000
#define LOCK_PATIENCE_US 250000
#define LOCK_PAUSE_US 1000
#define REPLACED_TRIES_MAX 10

typedef struct file_store {
    lock_sync_allocator memory;
    char *path;
    unsigned char boot_id[LSYNC_GUARD_BOOT_ID_SIZE]; /* zeros: this system does not tell */
    pthread_mutex_t mutex;                           /* of `seen` */
    lsync_guard_image seen; /* the newest image; version 0: none. A file that vanished begins anew from it */
} file_store;

static lock_sync_status fail(const file_store *s, const char *what, char *why)
{
    (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "%s: %.120s", what, s->path);
    return LOCK_SYNC_E_GUARD;
}

/* What the system refused, with errno as the cause. */
static lock_sync_status cannot(const file_store *s, const char *be_done, char *why)
{
    int error = errno;

    (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "the guard's file cannot be %s: %s: %.120s", be_done,
                   strerror(error) /* thread-safe in the C libraries we run on */, s->path);
    return error == ENOMEM ? LOCK_SYNC_E_NO_MEMORY : LOCK_SYNC_E_GUARD;
}

/* --- the two clocks --- */

/* The wall clock's time at the boot clock's zero. */
static int64_t wall_at_boot_us(int64_t boot_us)
{
    return lsync_clock_unix_ms() * 1000 - boot_us;
}

static void read_boot_id(unsigned char id[LSYNC_GUARD_BOOT_ID_SIZE])
{
    static const char hexadecimal[] = "0123456789abcdef";
    char text[64] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    size_t digits = 0;

    memset(id, 0, LSYNC_GUARD_BOOT_ID_SIZE);
    if (fd < 0)
        return;
    if (read(fd, text, sizeof text - 1) > 0) {
        for (const char *c = text; *c != '\0' && digits / 2 < LSYNC_GUARD_BOOT_ID_SIZE; c++) {
            const char *hex = strchr(hexadecimal, *c);

            if (hex != NULL) {
                id[digits / 2] = (unsigned char)(id[digits / 2] << 4 | (hex - hexadecimal));
                digits++;
            }
        }
    }
    (void)close(fd);
}

/* Brings an image of another boot (or of a system that tells no boot) onto this boot's clock, and tells whether it was
   one. */
static bool translate(const file_store *s, lsync_guard_image *image, int64_t now_us)
{
    static const unsigned char none[LSYNC_GUARD_BOOT_ID_SIZE];
    int64_t wall_us = wall_at_boot_us(now_us);
    bool other = memcmp(s->boot_id, none, sizeof none) == 0 || memcmp(s->boot_id, image->boot_id, sizeof none) != 0;

    if (other)
        lsync_guard_shift(&image->record, image->wall_us - wall_us);
    memcpy(image->boot_id, s->boot_id, sizeof s->boot_id);
    image->wall_us = wall_us;
    return other;
}

/* --- reading and writing an open file --- */

static bool read_all(int fd, unsigned char *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(fd, bytes + done, size - done, (off_t)done);

        if (got > 0)
            done += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return false;
    }
    return true;
}

static bool write_all(int fd, const unsigned char *bytes, size_t size, off_t at)
{
    for (size_t done = 0; done < size;) {
        ssize_t put = pwrite(fd, bytes + done, size - done, at + (off_t)done);

        if (put > 0)
            done += (size_t)put;
        else if (put == 0 || errno != EINTR)
            return false;
    }
    return true;
}

/* The newer sound image, and the place that it does not stand in. */
static bool read_image(int fd, lsync_guard_image *image, off_t *other_place)
{
    unsigned char bytes[FILE_SIZE];
    lsync_guard_image first;
    bool is_first;
    bool is_second;

    if (!read_all(fd, bytes, sizeof bytes))
        return false;
    is_first = lsync_guard_unpack(bytes, LSYNC_GUARD_RECORD_SIZE, &first);
    is_second = lsync_guard_unpack(bytes + PLACE_SIZE, LSYNC_GUARD_RECORD_SIZE, image);
    if (is_first && (!is_second || first.version > image->version)) {
        *image = first;
        *other_place = PLACE_SIZE;
        return true;
    }
    *other_place = 0;
    return is_second;
}

/* --- making, opening and locking --- */

/* The image that a new file begins with: what this guard saw last, or nothing. */
static void first_image(file_store *s, lsync_guard_image *image)
{
    (void)pthread_mutex_lock(&s->mutex);
    *image = s->seen;
    (void)pthread_mutex_unlock(&s->mutex);
    if (image->version == 0) {
        image->version = 1;
        image->wall_us = wall_at_boot_us(lsync_clock_boot_us());
        memcpy(image->boot_id, s->boot_id, sizeof s->boot_id);
    }
}

/* Makes the file whole under another name first: nobody ever sees a part of it. One that another made meanwhile
   stays. */
static lock_sync_status create(file_store *s, char *why)
{
    unsigned char bytes[FILE_SIZE] = {0};
    char name[PATH_SIZE_MAX + 16];
    lock_sync_status status = LOCK_SYNC_OK;
    lsync_guard_image image;
    int fd;

    (void)snprintf(name, sizeof name, "%s.XXXXXX", s->path);
    fd = mkostemp(name, O_CLOEXEC); /* with mode 0600 */
    if (fd < 0)
        return cannot(s, "made", why);
    first_image(s, &image);
    lsync_guard_pack(&image, bytes);
    memcpy(bytes + PLACE_SIZE, bytes, LSYNC_GUARD_RECORD_SIZE);
    if (!write_all(fd, bytes, sizeof bytes, 0))
        status = cannot(s, "written", why);
    if (close(fd) != 0 && status == LOCK_SYNC_OK)
        status = cannot(s, "written", why);
    if (status == LOCK_SYNC_OK && link(name, s->path) != 0 && errno != EEXIST)
        status = cannot(s, "made", why);
    (void)unlink(name);
    return status;
}

static lock_sync_status lock(const file_store *s, int fd, char *why)
{
    const struct timespec pause = {0, LOCK_PAUSE_US * 1000L};
    int64_t patience_us = lsync_clock_boot_us() + LOCK_PATIENCE_US;

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return cannot(s, "locked", why);
        if (lsync_clock_boot_us() >= patience_us)
            return fail(s, "another process holds the guard's file", why);
        (void)nanosleep(&pause, NULL);
    }
    return LOCK_SYNC_OK;
}

/* Whether the path still leads to the open file. */
static bool is_current(int fd, const char *path)
{
    struct stat opened;
    struct stat named;

    return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

/* Opens and locks the file, making it where there is none. */
static lock_sync_status open_locked(file_store *s, int *out, char *why)
{
    lock_sync_status status;

    for (int i = 0; i < REPLACED_TRIES_MAX; i++) {
        int fd = open(s->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (fd < 0 && errno != ENOENT)
            return cannot(s, "opened", why);
        if (fd < 0) {
            status = create(s, why);
            if (status != LOCK_SYNC_OK)
                return status;
            continue;
        }
        status = lock(s, fd, why);
        if (status == LOCK_SYNC_OK && is_current(fd, s->path)) {
            *out = fd;
            return LOCK_SYNC_OK;
        }
        (void)close(fd);
        if (status != LOCK_SYNC_OK)
            return status;
    }
    return fail(s, "the guard's file is replaced again and again", why);
}

/* --- a decision --- */

/* What a file that vanishes begins anew from. The file's lock is held: no thread is later with an older image. */
static void see(file_store *s, const lsync_guard_image *image)
{
    (void)pthread_mutex_lock(&s->mutex);
    s->seen = *image;
    (void)pthread_mutex_unlock(&s->mutex);
}

static lock_sync_status decide_locked(file_store *s, int fd, const lsync_guard_decision *decision, char *why)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_image image;
    bool changed;
    int64_t now_us;
    off_t place;

    if (!read_image(fd, &image, &place))
        return fail(s, "the guard's file is damaged or empty; it is not overwritten", why);
    now_us = lsync_clock_boot_us();
    changed = translate(s, &image, now_us);
    changed = lsync_guard_decide(&image, changed, decision, now_us, bytes);
    if (changed && !write_all(fd, bytes, sizeof bytes, place))
        return cannot(s, "written", why);
    see(s, &image);
    return LOCK_SYNC_OK;
}

static lock_sync_status update(void *state, const lsync_guard_decision *decision, char *why)
{
    file_store *s = state;
    int fd = -1;
    lock_sync_status status = open_locked(s, &fd, why);

    if (status != LOCK_SYNC_OK)
        return status;
    status = decide_locked(s, fd, decision, why);
    (void)flock(fd, LOCK_UN); /* by word: a child forked meanwhile holds the open file too, and so would the lock */
    (void)close(fd);
    return status;
}

static void destroy(void *state)
{
    file_store *s = state;

    (void)pthread_mutex_destroy(&s->mutex);
    lsync_free(&s->memory, s->path);
    lsync_free(&s->memory, s);
}

/* A decision that changes nothing: whether the file can be made and read is told at once, not at the first fetch. */
static void decide_nothing(void *user, lsync_guard_record *r, int64_t now_us)
{
    (void)user, (void)r, (void)now_us;
}

lock_sync_status lsync_file_store_new(const lock_sync_allocator *memory, const char *path, lsync_guard_keeper *out,
                                      char *why)
{
    static const lsync_guard_decision nothing = {decide_nothing, NULL};
    lock_sync_status status;
    file_store *s;

    if (path == NULL || path[0] == '\0' || strlen(path) > PATH_SIZE_MAX)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    s = lsync_alloc(memory, sizeof *s);
    if (s == NULL || pthread_mutex_init(&s->mutex, NULL) != 0) {
        lsync_free(memory, s);
        return LOCK_SYNC_E_NO_MEMORY;
    }
    s->memory = *memory;
    memset(&s->seen, 0, sizeof s->seen);
    read_boot_id(s->boot_id);
    s->path = lsync_strndup(memory, path, strlen(path));
    status = s->path == NULL ? LOCK_SYNC_E_NO_MEMORY : update(s, &nothing, why);
    if (status != LOCK_SYNC_OK) {
        destroy(s);
        return status;
    }
    *out = (lsync_guard_keeper){s, true, 0, update, destroy};
    return LOCK_SYNC_OK;
}
