/* The file guard with failing system calls: permissions, a read-only or full disk, no file descriptors, and another
   process that keeps the file's lock. The result is E_GUARD in time, and never a slot. */
#include "files.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOSS_MS 30000 /* how long a file is closed that is created again by a user that has seen it */
#define CANNOT 77     /* a child's exit status: this machine does not allow it */

/* --- permissions: not as root, in a folder of the user --- */

static int begin_as_nobody(void **t_state)
{
    (void)folder_begin(t_state);
    return geteuid() == 0 ? chown(here.dir, NOBODY, NOBODY) | setegid(NOBODY) | seteuid(NOBODY) : 0;
}

static int end_as_nobody(void **t_state)
{
    int status = getuid() == 0 ? seteuid(0) | setegid(0) : 0;

    return status | folder_end(t_state);
}

TEST_IN(a_file_without_permission_is_an_error, begin_as_nobody, end_as_nobody)
{
    static const mode_t modes[] = {0, 0400, 0200}; /* only to read or only to write is not enough */
    lock_sync_guard *g = file_guard(1);

    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        t_row("%o", (unsigned)modes[i]);
        MUST_INT(chmod(here.path, modes[i]), 0);
        check_no_slot(g, "cannot be opened: Permission denied");
        check_no_guard(here.path);
    }
    MUST_INT(chmod(here.path, 0600), 0);
    use_slot(g);
}

TEST_IN(a_folder_without_permission_is_an_error_if_the_file_is_missing, begin_as_nobody, end_as_nobody)
{
    lock_sync_guard *g;

    MUST_INT(chmod(here.dir, 0500), 0);
    check_no_guard(here.path);
    MUST_INT(chmod(here.dir, 0700), 0);
    g = file_guard(1);
    MUST_INT(chmod(here.dir, 0500), 0);
    use_slot(g); /* the file exists */
    MUST_INT(chmod(here.dir, 0700) | unlink(here.path) | chmod(here.dir, 0500), 0);
    check_no_slot(g, "cannot be made: Permission denied");
    MUST_INT(chmod(here.dir, 0000), 0);
    check_no_slot(g, "cannot be opened: Permission denied");
    MUST_INT(chmod(here.dir, 0700), 0);
    check_wait(g, LOSS_MS + 1);
    CHECK_INT(folder_entries(), 1);
}

/* --- disks, in a child's mount namespace --- */

static void mount_small_disk(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, "") != 0 ||
        mount("tmpfs", here.dir, "tmpfs", 0, "size=32k,mode=0700") != 0)
        _exit(CANNOT);
}

/* Fills the disk with a file. */
static void fill(const char *path)
{
    static const char block[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    CHILD_MUST(fd >= 0);
    while (write(fd, block, sizeof block) > 0)
        continue;
    (void)close(fd);
}

static int on_a_full_disk(void *user)
{
    char *filler = kit_text("%s/filler", here.dir);
    lock_sync_guard *g;

    (void)user;
    mount_small_disk();
    fill(filler);
    CHILD_MUST(check_no_guard(here.path));
    CHILD_MUST(folder_entries() == 1); /* no part of the guard's file is left */
    CHILD_MUST(unlink(filler) == 0);
    g = file_guard(1);
    fill(filler);
    CHILD_MUST(use_slot(g)); /* the guard's file has its blocks */
    CHILD_MUST(unlink(here.path) == 0);
    fill(filler);
    CHILD_MUST(check_no_slot(g, "cannot be written: No space left"));
    CHILD_MUST(folder_entries() == 1);
    CHILD_MUST(unlink(filler) == 0);
    CHILD_MUST(check_wait(g, LOSS_MS + 1));
    free(filler);
    return 0;
}

static int on_a_read_only_disk(void *user)
{
    lock_sync_guard *g;

    (void)user;
    mount_small_disk();
    g = file_guard(1);
    CHILD_MUST(mount("none", here.dir, "none", MS_REMOUNT | MS_RDONLY, "") == 0);
    CHILD_MUST(check_no_slot(g, "cannot be opened: Read-only"));
    CHILD_MUST(check_no_guard(here.path));
    CHILD_MUST(check_no_guard(here.new_path)); /* it cannot be created */
    CHILD_MUST(mount("none", here.dir, "none", MS_REMOUNT, "") == 0);
    CHILD_MUST(use_slot(g));
    return 0;
}

TEST_HERE(a_full_or_read_only_disk_is_an_error)
{
    int (*const runs[])(void *user) = {on_a_full_disk, on_a_read_only_disk};

    for (size_t i = 0; i < COUNT_OF(runs); i++) {
        int status = in_child(runs[i], NULL);

        t_need(status != CANNOT, "this machine allows no mount");
        t_row("%s", i == 0 ? "full" : "read-only");
        CHECK_INT(status, 0);
    }
}

/* --- limits of the process --- */

static int try_to_get_slots(lock_sync_guard *g, int times)
{
    int granted = 0;

    for (int i = 0; i < times; i++)
        granted += lock_sync_guard_reserve(g, 0, NULL, NULL) == LOCK_SYNC_OK;
    return granted;
}

/* A limit on the size of files has the effect of a disk that is full during a write. */
TEST_HERE(a_write_that_is_cut_short_grants_at_most_one_slot)
{
    char *second = kit_text("%s/second", here.dir);
    lock_sync_guard *g = file_guard(HOUR_MS);
    struct rlimit limit;
    int granted = 0;

    MUST(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && getrlimit(RLIMIT_FSIZE, &limit) == 0);
    for (rlim_t bytes = 0; bytes < GUARD_FILE_SIZE; bytes += 100) {
        const struct rlimit less = {bytes, limit.rlim_max};

        MUST_INT(setrlimit(RLIMIT_FSIZE, &less), 0);
        check_no_guard(second);
        granted += try_to_get_slots(g, 4); /* a write to the first place may succeed, and grants a slot */
        CHECK(granted <= (bytes >= LSYNC_GUARD_RECORD_SIZE));
        MUST_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    }
    CHECK_INT(granted + try_to_get_slots(g, 1), 1); /* exactly one slot is granted */
    check_wait(g, HOUR_MS);
    CHECK_INT(folder_entries(), 1);
    free(second);
}

TEST_HERE(no_file_descriptors_is_an_error)
{
    lock_sync_guard *g = file_guard(1);

    kit_limit_descriptors(0);
    check_no_slot(g, "cannot be opened: Too many open files");
    kit_free_descriptors();
    use_slot(g);
}

/* --- a lock of another process --- */

TEST_HERE(a_lock_that_is_kept_does_not_block_others_for_ever)
{
    lock_sync_guard *g = file_guard(1);
    int lock = lock_as_another_process(here.path);
    int64_t before_ms = kit_now_ms();

    check_no_slot(g, "another process holds");
    CHECK_BETWEEN(kit_now_ms() - before_ms, 250, 2000 * kit_slack());
    check_no_guard(here.path);
    (void)close(lock);
    use_slot(g);
}

/* Unlocks through the descriptor that both processes have. */
static int unlock_soon(void *user)
{
    pause_ms(100);
    return flock(*(int *)user, LOCK_UN);
}

static int delete_and_unlock_soon(void *user)
{
    pause_ms(100);
    return unlink(here.path) | flock(*(int *)user, LOCK_UN);
}

TEST_HERE(a_short_lock_is_waited_for)
{
    lock_sync_guard *g = file_guard(1);
    int lock = lock_as_another_process(here.path);
    pid_t pid = begin_child(unlock_soon, &lock);

    use_slot(g);
    CHECK_INT(end_child(pid), 0);
    MUST_INT(flock(lock, LOCK_EX), 0);
    pid = begin_child(delete_and_unlock_soon, &lock);
    check_wait(g, LOSS_MS + 1); /* the file that is locked then is not the guard's any more */
    CHECK_INT(folder_entries(), 1);
    CHECK_INT(end_child(pid), 0);
    (void)close(lock);
}
