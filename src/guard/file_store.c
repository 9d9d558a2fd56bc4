/* A guard's record in a file, for all processes of a machine.

   The file has two copies of the record, which are written alternately. If a process is killed while it writes one, the
   other is still whole. The file is opened for each decision, so that nothing is shared over fork(), and a file that
   was replaced is noticed. The lock (flock) belongs to the open file, and ends with the process.

   Times are on the machine's clock since boot. After another boot they are translated by the wall clock, for lack of
   anything better. Writes are not forced to the disk: a machine that loses power may lose the record's last seconds. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "guard/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COPY_SIZE 512 /* one sector */
#define FILE_SIZE (2 * COPY_SIZE)
#define PATH_SIZE_MAX 4000
#define LOCK_TIMEOUT_US 250000
#define LOCK_PAUSE_US 1000
#define REPLACED_TRIES_MAX 10
#define NEW_SUFFIX ".new"
#define SAME_CLOCK_US 2000000 /* a machine takes longer to boot */

typedef struct file_store {
    lock_sync_allocator memory;
    char *path;
    unsigned char boot_id[LSYNC_GUARD_BOOT_ID_SIZE]; /* zeros: the system has no boot id */
    int fd;                                          /* locked during a decision; else -1 */
    lsync_random random;
    lsync_guard_view view;
} file_store;

static lock_sync_status fail(const char *path, const char *what, char *why)
{
    (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "%s: %.100s", what, path);
    return LOCK_SYNC_E_GUARD;
}

/* Reports a failed system call, with errno as the cause. */
static lock_sync_status cannot(const char *path, const char *be_done, char *why)
{
    int error = errno;

    (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "the guard's file cannot be %s: %s: %.100s", be_done,
                   strerror(error) /* thread-safe in the supported C libraries */, path);
    return error == ENOMEM ? LOCK_SYNC_E_NO_MEMORY : LOCK_SYNC_E_GUARD;
}

/* --- the two clocks --- */

/* Returns the wall clock's time at the boot clock's zero. */
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

/* Translates a record of another boot, or of a system without boot ids, to this boot's clock. Returns whether times
   changed.

   The system may have no boot ids, or each container its own. Therefore two clocks that began at the same time by the
   wall clock count as one. Their times are not moved by the small difference of two readings. Otherwise cells, which
   move by whole cells, would run further ahead of the clock with each decision. */
static bool translate(const file_store *s, lsync_guard_stored *stored, int64_t now_us)
{
    static const unsigned char none[LSYNC_GUARD_BOOT_ID_SIZE];
    int64_t wall_us = wall_at_boot_us(now_us);
    int64_t shift_us = stored->wall_us - wall_us;
    bool other = memcmp(s->boot_id, none, sizeof none) == 0 || memcmp(s->boot_id, stored->boot_id, sizeof none) != 0;
    bool moves = other && (shift_us <= -SAME_CLOCK_US || shift_us >= SAME_CLOCK_US);

    if (moves)
        lsync_guard_shift(&stored->record, shift_us);
    memcpy(stored->boot_id, s->boot_id, sizeof s->boot_id);
    stored->wall_us = wall_us;
    return moves;
}

/* Sets the times and ids of a snapshot, before the file is read. */
static void begin_snapshot(const file_store *s, lsync_guard_snapshot *h)
{
    memset(h, 0, sizeof *h);
    h->now_us = h->own_now_us = h->own_asked_us = lsync_clock_boot_us();
    h->source.empty_since_us = LSYNC_GUARD_NEVER_US;
    h->stored.wall_us = wall_at_boot_us(h->now_us);
    memcpy(h->stored.boot_id, s->boot_id, sizeof s->boot_id);
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

/* Reads the newer of the valid copies, and sets *other_at to the offset of the other one. False: no copy is valid. */
static bool read_stored(int fd, lsync_guard_stored *stored, off_t *other_at)
{
    unsigned char bytes[FILE_SIZE];
    lsync_guard_stored first;
    bool is_first;
    bool is_second;

    if (!read_all(fd, bytes, sizeof bytes))
        return false;
    is_first = lsync_guard_unpack(bytes, LSYNC_GUARD_RECORD_SIZE, &first);
    is_second = lsync_guard_unpack(bytes + COPY_SIZE, LSYNC_GUARD_RECORD_SIZE, stored);
    if (is_first && (!is_second || first.record.version > stored->record.version)) {
        *stored = first;
        *other_at = COPY_SIZE;
        return true;
    }
    *other_at = 0;
    return is_second;
}

/* --- opening and locking --- */

static lock_sync_status lock(const file_store *s, const char *path, char *why)
{
    const struct timespec pause = {0, LOCK_PAUSE_US * 1000L};
    int64_t deadline_us = lsync_clock_boot_us() + LOCK_TIMEOUT_US;

    while (flock(s->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return cannot(path, "locked", why);
        if (lsync_clock_boot_us() >= deadline_us)
            return fail(path, "another process holds the guard's file", why);
        (void)nanosleep(&pause, NULL);
    }
    return LOCK_SYNC_OK;
}

/* Unlocks explicitly, because a forked child may have the same open file. Clears s->fd before closing it: a child that
   is forked in between must not close another file that has got the same number. */
static void close_locked(file_store *s)
{
    int fd = s->fd;

    (void)flock(fd, LOCK_UN);
    s->fd = -1;
    (void)close(fd);
}

/* Returns whether the path still names the open file. */
static bool is_current(int fd, const char *path)
{
    struct stat opened;
    struct stat named;

    return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

/* Returns why an open file must not be used: it must be a plain file that other users could not write to. NULL: it may
   be used. */
static const char *fault_of(int fd)
{
    struct stat found;

    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))
        return "the guard's file is no plain file";
    if (found.st_uid != geteuid() && found.st_uid != 0)
        return "the guard's file belongs to another user: delete it, or choose another path";
    if ((found.st_mode & S_IWOTH) != 0)
        return "everybody can write to the guard's file: forbid that (chmod o-w), or delete it";
    return NULL;
}

/* Opens and locks a file. OK with s->fd -1: there is no such file, or it was replaced meanwhile. */
static lock_sync_status open_locked(file_store *s, const char *path, int flags, char *why)
{
    lock_sync_status status;
    const char *fault;

    /* opened directly into s->fd, so that a forked child closes its copy */
    s->fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags, S_IRUSR | S_IWUSR);
    if (s->fd < 0 && errno == ENOENT && (flags & O_CREAT) == 0)
        return LOCK_SYNC_OK;
    if (s->fd < 0)
        return cannot(path, (flags & O_CREAT) == 0 ? "opened" : "made", why);
    fault = fault_of(s->fd);
    status = fault != NULL ? fail(path, fault, why) : lock(s, path, why);
    if (status != LOCK_SYNC_OK || !is_current(s->fd, path))
        close_locked(s);
    return status;
}

/* --- making the file --- */

/* Returns whether a killed process may have left the open file: it is empty or has a record. Any other file does not
   belong to a guard. */
static bool is_left_over(int fd)
{
    struct stat found;
    lsync_guard_stored stored;
    off_t at;

    return fstat(fd, &found) == 0 && (found.st_size == 0 || read_stored(fd, &stored, &at));
}

/* Writes the first record of a new file, and renames the file to its final name. The record is the one that this
   guard saw last, or that of an account that was never used. */
static lock_sync_status write_first(file_store *s, lsync_guard_view *view, const char *name,
                                    const lsync_guard_decision *decision, char *why)
{
    const lsync_guard_decision nothing = {lsync_guard_decide_nothing, NULL, decision->limits, decision->lease_us};
    unsigned char bytes[FILE_SIZE] = {0};
    lsync_guard_snapshot h;

    begin_snapshot(s, &h);
    (void)lsync_guard_view_decide(view, &h, &nothing, lsync_random_next(&s->random), bytes);
    memcpy(bytes + COPY_SIZE, bytes, LSYNC_GUARD_RECORD_SIZE);
    if (!write_all(s->fd, bytes, sizeof bytes, 0))
        return cannot(name, "written", why);
    if (rename(name, s->path) != 0)
        return cannot(s->path, "made", why);
    /* the record contains the kept outcomes: they must not be added again */
    lsync_guard_view_see(view, lsync_guard_view_mark_of(view), &h);
    return LOCK_SYNC_OK;
}

/* Makes the file under another name first, so that no process sees an incomplete one. The name is always the same and
   the file is locked: the next process reuses what a killed one has left. OK also if another process was faster. */
static lock_sync_status create(file_store *s, lsync_guard_view *view, const lsync_guard_decision *decision, char *why)
{
    char name[PATH_SIZE_MAX + sizeof NEW_SUFFIX];
    lock_sync_status status;
    struct stat found;

    (void)snprintf(name, sizeof name, "%s%s", s->path, NEW_SUFFIX);
    status = open_locked(s, name, O_CREAT, why);
    if (status != LOCK_SYNC_OK || s->fd < 0)
        return status;
    if (!is_left_over(s->fd)) {
        status = fail(name, "another file has the name that the guard's file has while it is made: move it away", why);
    } else {
        bool exists = lstat(s->path, &found) == 0;

        if (!exists)
            status = errno == ENOENT ? write_first(s, view, name, decision, why) : cannot(s->path, "found", why);
        if (exists || status != LOCK_SYNC_OK)
            (void)unlink(name);
    }
    close_locked(s);
    return status;
}

/* Opens and locks the file, and makes it first if it does not exist. */
static lock_sync_status open_or_create(file_store *s, lsync_guard_view *view, const lsync_guard_decision *decision,
                                       char *why)
{
    for (int i = 0; i < REPLACED_TRIES_MAX; i++) {
        lock_sync_status status = open_locked(s, s->path, 0, why);

        if (status == LOCK_SYNC_OK && s->fd < 0)
            status = create(s, view, decision, why);
        if (status != LOCK_SYNC_OK || s->fd >= 0)
            return status;
    }
    return fail(s->path, "the guard's file is deleted again and again", why);
}

/* --- a decision --- */

static lock_sync_status decide_locked(file_store *s, lsync_guard_view *view, const lsync_guard_decision *decision,
                                      char *why)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_snapshot h;
    off_t at;

    begin_snapshot(s, &h);
    h.present = read_stored(s->fd, &h.stored, &at);
    if (!h.present)
        return fail(s->path, "the guard's file is empty or damaged; delete it once nobody uses it", why);
    h.translated = translate(s, &h.stored, h.now_us);
    if (lsync_guard_view_decide(view, &h, decision, lsync_random_next(&s->random), bytes) &&
        !write_all(s->fd, bytes, sizeof bytes, at))
        return cannot(s->path, "written", why);
    lsync_guard_view_see(view, lsync_guard_view_mark_of(view), &h);
    return LOCK_SYNC_OK;
}

static lock_sync_status update(void *state, lsync_guard_view *view, const lsync_guard_decision *decision, char *why)
{
    file_store *s = state;
    lock_sync_status status = open_or_create(s, view, decision, why);

    if (status != LOCK_SYNC_OK)
        return status;
    status = decide_locked(s, view, decision, why);
    close_locked(s);
    return status;
}

/* Closes the child's copy of the descriptor, if a thread of the parent was making a decision. The lock stays with the
   parent. */
static void after_fork(void *state)
{
    file_store *s = state;

    lsync_random_seed(&s->random); /* the child draws other slots than its parent */
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
}

static void destroy(void *state)
{
    file_store *s = state;

    lsync_free(&s->memory, s->path);
    lsync_free(&s->memory, s);
}

lock_sync_status lsync_file_store_new(const lock_sync_allocator *memory, const char *path, lsync_guard_store *out,
                                      char *why)
{
    static const lsync_guard_limits limits = {{1, 1, 1}, 1, 0}; /* any: no slot is requested */
    static const lsync_guard_decision nothing = {lsync_guard_decide_nothing, NULL, &limits, 0};
    lock_sync_status status;
    file_store *s;

    if (path == NULL || path[0] == '\0' || strlen(path) > PATH_SIZE_MAX)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    s = lsync_alloc(memory, sizeof *s);
    if (s == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    s->memory = *memory;
    s->fd = -1;
    lsync_guard_view_init(&s->view);
    lsync_random_seed(&s->random);
    read_boot_id(s->boot_id);
    s->path = lsync_strndup(memory, path, strlen(path));
    /* makes or reads the file now, so that a failure is reported at once and not at the first fetch */
    status = s->path == NULL ? LOCK_SYNC_E_NO_MEMORY : update(s, &s->view, &nothing, why);
    if (status != LOCK_SYNC_OK) {
        destroy(s);
        return status;
    }
    *out = (lsync_guard_store){
        .state = s, .view = &s->view, .update = update, .destroy = destroy, .after_fork = after_fork};
    return LOCK_SYNC_OK;
}
