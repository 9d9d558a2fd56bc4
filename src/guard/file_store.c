/* A guard's record in a file, for all processes of a machine.

   The file is two places for a record, written in turns: whoever is killed in the midst of writing one leaves the
   other. It is opened anew for each decision, so that nothing is shared over fork() and a file that was replaced is
   noticed. The lock is flock()'s: it belongs to the open file and is gone with its holder.

   Times are of the machine's clock since boot. A record of another boot is moved by what the wall clock says: there is
   no other witness. Writes are not forced to the disk: a machine that loses power may lose the last seconds of the
   record. */
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

#define PLACE_SIZE 512 /* one sector */
#define FILE_SIZE (2 * PLACE_SIZE)
#define PATH_SIZE_MAX 4000
#define LOCK_PATIENCE_US 250000
#define LOCK_PAUSE_US 1000
#define REPLACED_TRIES_MAX 10
#define NEW_SUFFIX ".new"
#define SAME_CLOCK_US 2000000 /* a machine takes longer to boot */

typedef struct file_store {
    lock_sync_allocator memory;
    char *path;
    unsigned char boot_id[LSYNC_GUARD_BOOT_ID_SIZE]; /* zeros: this system does not tell */
    int fd;                                          /* locked during a decision; else -1 */
    lsync_random random;
    lsync_guard_view view;
} file_store;

static lock_sync_status fail(const char *path, const char *what, char *why)
{
    (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "%s: %.100s", what, path);
    return LOCK_SYNC_E_GUARD;
}

/* What the system refused, with errno as the cause. */
static lock_sync_status cannot(const char *path, const char *be_done, char *why)
{
    int error = errno;

    (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "the guard's file cannot be %s: %s: %.100s", be_done,
                   strerror(error) /* thread-safe in the C libraries we run on */, path);
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

/* Brings a record of another boot (or of a system that tells no boot) onto this boot's clock, and tells whether that
   changed it. Clocks that began at the same time by the wall clock are one: containers that have a boot id each, or
   decisions of a system that tells none. Their times are not moved by what two readings of it differ, or the cells, which
   move by whole ones, would run ahead of the clock for ever. */
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

/* What there is before the file is read. */
static void begin_snapshot(const file_store *s, lsync_guard_snapshot *h)
{
    memset(h, 0, sizeof *h);
    h->now_us = h->own_now_us = lsync_clock_boot_us();
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

/* The newer sound record, and the place that it does not stand in. */
static bool read_stored(int fd, lsync_guard_stored *stored, off_t *other_place)
{
    unsigned char bytes[FILE_SIZE];
    lsync_guard_stored first;
    bool is_first;
    bool is_second;

    if (!read_all(fd, bytes, sizeof bytes))
        return false;
    is_first = lsync_guard_unpack(bytes, LSYNC_GUARD_RECORD_SIZE, &first);
    is_second = lsync_guard_unpack(bytes + PLACE_SIZE, LSYNC_GUARD_RECORD_SIZE, stored);
    if (is_first && (!is_second || first.record.version > stored->record.version)) {
        *stored = first;
        *other_place = PLACE_SIZE;
        return true;
    }
    *other_place = 0;
    return is_second;
}

/* --- opening and locking --- */

static lock_sync_status lock(const file_store *s, const char *path, char *why)
{
    const struct timespec pause = {0, LOCK_PAUSE_US * 1000L};
    int64_t patience_us = lsync_clock_boot_us() + LOCK_PATIENCE_US;

    while (flock(s->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return cannot(path, "locked", why);
        if (lsync_clock_boot_us() >= patience_us)
            return fail(path, "another process holds the guard's file", why);
        (void)nanosleep(&pause, NULL);
    }
    return LOCK_SYNC_OK;
}

/* Unlocks explicitly, because a forked child may hold the same open file. Forgets the descriptor before it is closed: a
   child that is forked in between must not close what has the same number by then. */
static void close_locked(file_store *s)
{
    int fd = s->fd;

    (void)flock(fd, LOCK_UN);
    s->fd = -1;
    (void)close(fd);
}

/* Whether the path still leads to the open file. */
static bool is_current(int fd, const char *path)
{
    struct stat opened;
    struct stat named;

    return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

/* Why an open file cannot be the guard's, which must be a plain one that nobody else can have written to. NULL: it
   can. */
static const char *fault_of(int fd)
{
    struct stat found;

    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))
        return "the guard's file is no plain file";
    if (found.st_uid != geteuid() && found.st_uid != 0)
        return "the guard's file belongs to another user: delete it, or choose another path";
    if ((found.st_mode & S_IWOTH) != 0)
        return "everybody can write to the guard's file: take that right away (chmod o-w), or delete it";
    return NULL;
}

/* Opens and locks what `path` names. OK with s->fd -1: there is no such file, or not any more. */
static lock_sync_status open_locked(file_store *s, const char *path, int flags, char *why)
{
    lock_sync_status status;
    const char *fault;

    /* straight into s->fd: what is locked there is closed by a forked child */
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

/* Whether the open file is what a killed maker has left: nothing yet, or a record. Anything else is somebody's. */
static bool is_left_over(int fd)
{
    struct stat found;
    lsync_guard_stored stored;
    off_t place;

    return fstat(fd, &found) == 0 && (found.st_size == 0 || read_stored(fd, &stored, &place));
}

/* Writes the record that a new file begins with, of an account that was never used or what this guard saw last, and
   gives the file its name. */
static lock_sync_status write_first(file_store *s, const char *name, const lsync_guard_decision *decision, char *why)
{
    const lsync_guard_decision nothing = {lsync_guard_decide_nothing, NULL, decision->limits, decision->lease_us};
    unsigned char bytes[FILE_SIZE] = {0};
    lsync_guard_snapshot h;

    begin_snapshot(s, &h);
    (void)lsync_guard_view_decide(&s->view, &h, &nothing, lsync_random_next(&s->random), bytes);
    memcpy(bytes + PLACE_SIZE, bytes, LSYNC_GUARD_RECORD_SIZE);
    if (!write_all(s->fd, bytes, sizeof bytes, 0))
        return cannot(name, "written", why);
    if (rename(name, s->path) != 0)
        return cannot(s->path, "made", why);
    lsync_guard_view_see(&s->view, &h); /* what was kept is written: not once more into the same record */
    return LOCK_SYNC_OK;
}

/* Makes the file whole under another name first: nobody ever sees a part of it. The name is always the same, and
   locked: what a killed maker has left is taken over by the next. OK also if somebody else was faster. */
static lock_sync_status create(file_store *s, const lsync_guard_decision *decision, char *why)
{
    char name[PATH_SIZE_MAX + sizeof NEW_SUFFIX];
    lock_sync_status status;
    struct stat found;

    (void)snprintf(name, sizeof name, "%s%s", s->path, NEW_SUFFIX);
    status = open_locked(s, name, O_CREAT, why);
    if (status != LOCK_SYNC_OK || s->fd < 0)
        return status;
    if (!is_left_over(s->fd)) {
        status = fail(name, "a file that is no guard's stands where the guard's is made: move it away", why);
    } else {
        bool exists = lstat(s->path, &found) == 0;

        if (!exists)
            status = errno == ENOENT ? write_first(s, name, decision, why) : cannot(s->path, "found", why);
        if (exists || status != LOCK_SYNC_OK)
            (void)unlink(name);
    }
    close_locked(s);
    return status;
}

/* Opens and locks the file, making it where there is none. */
static lock_sync_status open_or_create(file_store *s, const lsync_guard_decision *decision, char *why)
{
    for (int i = 0; i < REPLACED_TRIES_MAX; i++) {
        lock_sync_status status = open_locked(s, s->path, 0, why);

        if (status == LOCK_SYNC_OK && s->fd < 0)
            status = create(s, decision, why);
        if (status != LOCK_SYNC_OK || s->fd >= 0)
            return status;
    }
    return fail(s->path, "the guard's file is deleted again and again", why);
}

/* --- a decision --- */

static lock_sync_status decide_locked(file_store *s, const lsync_guard_decision *decision, char *why)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_snapshot h;
    off_t place;

    begin_snapshot(s, &h);
    h.present = read_stored(s->fd, &h.stored, &place);
    if (!h.present)
        return fail(s->path, "the guard's file is empty or damaged; delete it once nobody uses it", why);
    h.translated = translate(s, &h.stored, h.now_us);
    if (lsync_guard_view_decide(&s->view, &h, decision, lsync_random_next(&s->random), bytes) &&
        !write_all(s->fd, bytes, sizeof bytes, place))
        return cannot(s->path, "written", why);
    lsync_guard_view_see(&s->view, &h);
    return LOCK_SYNC_OK;
}

static lock_sync_status update(void *state, const lsync_guard_decision *decision, char *why)
{
    file_store *s = state;
    lock_sync_status status = open_or_create(s, decision, why);

    if (status != LOCK_SYNC_OK)
        return status;
    status = decide_locked(s, decision, why);
    close_locked(s);
    return status;
}

/* A thread of the parent was in the midst of a decision: its lock is the parent's alone. */
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
    static const lsync_guard_limits limits = {{1, 1, 1}, 1, 0}; /* nothing is asked */
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
    /* whether the file can be made and read is reported at once, not at the first fetch */
    status = s->path == NULL ? LOCK_SYNC_E_NO_MEMORY : update(s, &nothing, why);
    if (status != LOCK_SYNC_OK) {
        destroy(s);
        return status;
    }
    *out = (lsync_guard_store){
        .state = s, .view = &s->view, .update = update, .destroy = destroy, .after_fork = after_fork};
    return LOCK_SYNC_OK;
}
