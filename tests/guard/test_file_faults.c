/* The file guard when the system says no: permissions, a read-only or full disk, no file descriptors, and a holder of
   the file's lock that was stopped. Always E_GUARD, in time, and never a slot. */
#include "files.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define CANNOT 77 /* a child's exit status: not possible here */

/* What children report: the line that failed. */
#define EXPECT(condition)                                                                                             \
    do {                                                                                                              \
        if (!(condition))                                                                                             \
            return __LINE__ % 120 + 1;                                                                                \
    } while (0)

static bool refuses(lock_sync_guard *g)
{
    int64_t slot = 7;

    return lock_sync_guard_reserve(g, 1000, NULL, &slot) == LOCK_SYNC_E_GUARD && slot == 0;
}

static bool allows(lock_sync_guard *g)
{
    int64_t slot = 0;

    return lock_sync_guard_reserve(g, 1000, NULL, &slot) == LOCK_SYNC_OK &&
           lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1) == LOCK_SYNC_OK;
}

/* The file is there again, made anew by one who had seen it. */
static bool waits(lock_sync_guard *g)
{
    return lock_sync_guard_reserve(g, 1000, NULL, NULL) == LOCK_SYNC_E_TOO_SOON;
}

static bool does_not_open(const char *path)
{
    lock_sync_guard *g = NULL;

    return lock_sync_guard_open_file(path, &g) == LOCK_SYNC_E_GUARD && g == NULL;
}

static lock_sync_guard *opened(const char *path)
{
    lock_sync_guard *g = NULL;

    if (lock_sync_guard_open_file(path, &g) == LOCK_SYNC_OK)
        (void)lock_sync_guard_set_min_interval_ms(g, 1);
    return g;
}

static void pause_ms(unsigned ms)
{
    (void)usleep(ms * 1000);
}

/* --- permissions: without root's powers --- */

static bool drop_root(void)
{
    return geteuid() != 0 || (setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
}

static int without_permission(void *user)
{
    const folder *f = user;
    char *open_file = kit_text("%s/open", f->dir);
    lock_sync_guard *g;

    EXPECT(chmod(f->dir, 0777) == 0 && drop_root());
    g = opened(open_file);
    EXPECT(g != NULL && allows(g));
    EXPECT(chmod(open_file, 0) == 0);
    pause_ms(2);
    EXPECT(refuses(g));
    EXPECT(does_not_open(open_file));
    EXPECT(chmod(open_file, 0400) == 0); /* readable: that is not enough */
    EXPECT(refuses(g));
    EXPECT(chmod(open_file, 0200) == 0);
    EXPECT(refuses(g));
    EXPECT(chmod(open_file, 0600) == 0);
    EXPECT(allows(g));
    lock_sync_guard_unref(g);
    free(open_file);
    return 0;
}

TEST(a_file_without_permission)
{
    folder f = folder_new();

    CHECK_INT(in_child(without_permission, &f), 0);
    folder_free(&f);
}

static int in_a_folder_not_to_write(void *user)
{
    const folder *f = user;
    lock_sync_guard *g;

    EXPECT(chmod(f->dir, 0777) == 0);
    if (geteuid() == 0)
        EXPECT(chown(f->dir, NOBODY, NOBODY) == 0);
    EXPECT(drop_root());
    EXPECT(chmod(f->dir, 0500) == 0);
    EXPECT(does_not_open(f->path)); /* cannot be made */
    EXPECT(chmod(f->dir, 0700) == 0);
    g = opened(f->path);
    EXPECT(g != NULL && chmod(f->dir, 0500) == 0);
    EXPECT(allows(g)); /* is there: need not be made */
    EXPECT(chmod(f->dir, 0700) == 0 && unlink(f->path) == 0 && chmod(f->dir, 0500) == 0);
    pause_ms(2);
    EXPECT(refuses(g)); /* vanished, and cannot be made again */
    EXPECT(chmod(f->dir, 0000) == 0);
    EXPECT(refuses(g));
    EXPECT(chmod(f->dir, 0700) == 0);
    EXPECT(waits(g));
    EXPECT(folder_entries(f) == 1);
    lock_sync_guard_unref(g);
    return 0;
}

TEST(a_folder_not_to_write)
{
    folder f = folder_new();

    CHECK_INT(in_child(in_a_folder_not_to_write, &f), 0);
    folder_free(&f);
}

/* --- disks, in a mount namespace of the child's own --- */

static bool mount_small_disk(const char *where)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0 &&
           mount("tmpfs", where, "tmpfs", 0, "size=32k,mode=0700") == 0;
}

/* Leaves not one block. */
static bool fill(const char *path)
{
    static const char block[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    while (write(fd, block, sizeof block) > 0)
        continue;
    return close(fd) == 0;
}

static int on_a_full_disk(void *user)
{
    const folder *f = user;
    char *filler, *second;
    struct stat about;
    lock_sync_guard *g;

    if (!mount_small_disk(f->dir))
        return CANNOT;
    filler = kit_text("%s/filler", f->dir);
    second = kit_text("%s/second", f->dir);
    g = opened(f->path);
    EXPECT(g != NULL && allows(g));
    EXPECT(fill(filler));
    EXPECT(does_not_open(second));
    EXPECT(stat(second, &about) != 0); /* nor is a part of one left */
    EXPECT(folder_entries(f) == 2);
    pause_ms(2);
    EXPECT(allows(g)); /* its blocks are its own */
    EXPECT(unlink(f->path) == 0 && fill(filler));
    pause_ms(2);
    EXPECT(refuses(g));
    EXPECT(folder_entries(f) == 1);
    EXPECT(unlink(filler) == 0);
    EXPECT(waits(g));
    lock_sync_guard_unref(g);
    free(filler);
    free(second);
    return 0;
}

static int on_a_read_only_disk(void *user)
{
    const folder *f = user;
    char *second;
    lock_sync_guard *g;

    if (!mount_small_disk(f->dir))
        return CANNOT;
    second = kit_text("%s/second", f->dir);
    g = opened(f->path);
    EXPECT(g != NULL && allows(g));
    EXPECT(mount("none", f->dir, "none", MS_REMOUNT | MS_RDONLY, "") == 0);
    pause_ms(2);
    EXPECT(refuses(g));
    EXPECT(does_not_open(f->path));
    EXPECT(does_not_open(second));
    EXPECT(mount("none", f->dir, "none", MS_REMOUNT, "") == 0);
    EXPECT(allows(g));
    lock_sync_guard_unref(g);
    free(second);
    return 0;
}

static void check_disk(int (*run)(void *user))
{
    folder f = folder_new();
    int status = in_child(run, &f);

    folder_free(&f);
    if (status == CANNOT) {
        print_message("no disk can be mounted here\n");
        skip();
    }
    CHECK_INT(status, 0);
}

TEST(a_full_disk)
{
    check_disk(on_a_full_disk);
}

TEST(a_read_only_disk)
{
    check_disk(on_a_read_only_disk);
}

/* A limit on the size of files: like a disk that is full in the midst of a write. */
static int with_limited_files(void *user)
{
    const folder *f = user;
    char *second = kit_text("%s/second", f->dir);
    struct rlimit limit;
    int64_t slot = 0;
    int granted = 0;
    lock_sync_guard *g = opened(f->path);

    EXPECT(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && getrlimit(RLIMIT_FSIZE, &limit) == 0);
    EXPECT(g != NULL && lock_sync_guard_set_min_interval_ms(g, 3600000) == LOCK_SYNC_OK);
    for (rlim_t bytes = 0; bytes < GUARD_FILE_SIZE; bytes += 100) {
        struct rlimit less = {bytes, limit.rlim_max};

        EXPECT(setrlimit(RLIMIT_FSIZE, &less) == 0);
        EXPECT(does_not_open(second));
        for (int i = 0; i < 4; i++) /* a write to the first place may go through, and then a slot is one */
            granted += lock_sync_guard_reserve(g, 0, NULL, &slot) == LOCK_SYNC_OK;
        EXPECT(granted <= (bytes >= LSYNC_GUARD_RECORD_SIZE));
        EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    }
    granted += lock_sync_guard_reserve(g, 0, NULL, &slot) == LOCK_SYNC_OK;
    EXPECT(granted == 1); /* whatever was torn: one is given, and no second */
    EXPECT(lock_sync_guard_reserve(g, 0, NULL, &slot) == LOCK_SYNC_E_TOO_SOON);
    EXPECT(folder_entries(f) == 1);
    lock_sync_guard_unref(g);
    free(second);
    return 0;
}

TEST(writes_that_are_cut_short)
{
    folder f = folder_new();

    CHECK_INT(in_child(with_limited_files, &f), 0);
    folder_free(&f);
}

static int without_descriptors(void *user)
{
    const folder *f = user;
    struct rlimit limit;
    struct rlimit none;
    lock_sync_guard *g = opened(f->path);

    EXPECT(g != NULL && allows(g) && getrlimit(RLIMIT_NOFILE, &limit) == 0);
    none = (struct rlimit){0, limit.rlim_max};
    EXPECT(setrlimit(RLIMIT_NOFILE, &none) == 0);
    pause_ms(2);
    EXPECT(refuses(g));
    EXPECT(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    EXPECT(allows(g));
    lock_sync_guard_unref(g);
    return 0;
}

TEST(no_file_descriptors)
{
    folder f = folder_new();

    CHECK_INT(in_child(without_descriptors, &f), 0);
    folder_free(&f);
}

/* --- a holder of the lock that was stopped --- */

static int lock_and_stop(void *user)
{
    const folder *f = user;
    int fd = open(f->path, O_RDWR | O_CLOEXEC);

    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        return 1;
    (void)raise(SIGSTOP);
    (void)close(fd);
    (void)pause();
    return 0;
}

static pid_t begin_stopped(folder *f)
{
    pid_t pid = begin_child(lock_and_stop, f);
    int status = 0;

    while (waitpid(pid, &status, WUNTRACED) < 0)
        continue;
    MUST(WIFSTOPPED(status));
    return pid;
}

static void check_patience(lock_sync_guard *g)
{
    int64_t before_ms = kit_now_ms();
    int64_t took_ms;

    check_no_slot(g, "another process holds");
    took_ms = kit_now_ms() - before_ms;
    if (!CHECK(took_ms >= 250 && took_ms <= 400 * kit_slack()))
        print_error("it took %lld ms\n", (long long)took_ms);
}

TEST(a_stopped_holder_does_not_stop_others)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 1);
    pid_t pid;

    use_slot(g);
    pid = begin_stopped(&f);
    check_patience(g);
    check_no_guard(f.path);
    (void)kill(pid, SIGKILL); /* only now: nobody else could */
    (void)end_child(pid);
    use_slot(g);

    pid = begin_stopped(&f);
    check_patience(g);
    (void)kill(pid, SIGCONT);
    pause_ms(50);
    use_slot(g);
    (void)kill(pid, SIGKILL);
    (void)end_child(pid);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

/* Held for less than the patience: one waits for it. */
static int lock_for_a_while(void *user)
{
    const folder *f = user;
    int fd = open(f->path, O_RDWR | O_CLOEXEC);

    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        return 1;
    (void)raise(SIGSTOP);
    pause_ms(100);
    return 0;
}

TEST(a_short_lock_is_waited_for)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 1);
    int status = 0;
    pid_t pid;

    pid = begin_child(lock_for_a_while, &f);
    while (waitpid(pid, &status, WUNTRACED) < 0)
        continue;
    (void)kill(pid, SIGCONT);
    use_slot(g);
    CHECK_INT(end_child(pid), 0);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_file_without_permission),
        T(a_folder_not_to_write),
        T(a_full_disk),
        T(a_read_only_disk),
        T(writes_that_are_cut_short),
        T(no_file_descriptors),
        T(a_stopped_holder_does_not_stop_others),
        T(a_short_lock_is_waited_for),
    };

    return T_MAIN(tests);
}
