/* The guard's file is made where there is none: at once for those who know of no record, with all that is known for the
   others, and over nothing that is somebody's. */
#include "files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define LOSS_MS 30000 /* what others may have on their way when a record is lost: the default deadline of a fetch */

static char *new_name(const folder *f)
{
    return kit_text("%s.new", f->path);
}

/* Uses a slot that the service answers with 429. */
static void be_limited(lock_sync_guard *g, int64_t retry_after_ms)
{
    int64_t slot = 0;

    CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, &slot));
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, retry_after_ms));
}

static void check_wait(lock_sync_guard *g, int64_t from_ms, int64_t to_ms)
{
    int64_t wait_ms = refused_wait_ms(g);

    if (!CHECK(wait_ms > from_ms - 1000 * kit_slack() && wait_ms <= to_ms))
        print_error("the wait is %lld ms, not %lld .. %lld\n", (long long)wait_ms, (long long)from_ms,
                    (long long)to_ms);
}

TEST(a_missing_file_opens_at_once)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 20000);

    use_slot(g);
    lock_sync_guard_unref(g);
    MUST_INT(unlink(f.path), 0);
    g = file_guard(f.path, 20000); /* this user saw nothing of it */
    use_slot(g);
    check_wait(g, 20000, 20000);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

/* --- what stands where a file is made --- */

TEST(what_a_killed_maker_left_is_taken_over)
{
    folder f = folder_new();
    char *name = new_name(&f);
    lock_sync_guard *g = file_guard(f.path, 20000);
    lsync_guard_stored stored;

    use_slot(g);
    lock_sync_guard_unref(g);
    stored = file_stored(f.path);
    MUST_INT(unlink(f.path), 0);
    write_stored(name, &stored);
    g = file_guard(f.path, 20000);
    CHECK_INT(folder_entries(&f), 1);
    use_slot(g); /* what was never the guard's file does not count */
    MUST_INT(unlink(f.path), 0);
    kit_write_file(name, "", 0);
    check_wait(g, LOSS_MS + 20000, LOSS_MS + 20000);
    CHECK_INT(folder_entries(&f), 1);
    lock_sync_guard_unref(g);
    kit_write_file(name, "", 0); /* beside a file that is there it stays until one has to be made */
    lock_sync_guard_unref(file_guard(f.path, 20000));
    CHECK_INT(folder_entries(&f), 2);
    free(name);
    folder_free(&f);
}

static void put_text(const char *name, const char *other)
{
    (void)other;
    kit_write_file(name, "hello", 5);
}

static void put_long_text(const char *name, const char *other)
{
    char *text = t_repeat('x', 5000);

    (void)other;
    kit_write_file(name, text, 5000);
    free(text);
}

static void put_link(const char *name, const char *other)
{
    MUST_INT(symlink(other, name), 0);
}

static void put_link_to_nothing(const char *name, const char *other)
{
    (void)other;
    MUST_INT(symlink("nothing", name), 0);
}

static void put_fifo(const char *name, const char *other)
{
    (void)other;
    MUST_INT(mkfifo(name, 0600), 0);
}

static void put_folder(const char *name, const char *other)
{
    (void)other;
    MUST_INT(mkdir(name, 0700), 0);
}

static void put_open_to_all(const char *name, const char *other)
{
    (void)other;
    kit_write_file(name, "", 0);
    MUST_INT(chmod(name, 0666), 0);
}

TEST(nothing_is_made_over_what_is_somebodys)
{
    static const struct {
        const char *name;
        void (*put)(const char *name, const char *other);
        const char *why;
    } rows[] = {
        {"a short text", put_text, "no guard's"},
        {"a long text", put_long_text, "no guard's"},
        {"a symbolic link to an empty file", put_link, "cannot be made"},
        {"a symbolic link to nothing", put_link_to_nothing, "cannot be made"},
        {"a pipe", put_fifo, "no plain file"},
        {"a folder", put_folder, "cannot be made"},
        {"a file that all can write to", put_open_to_all, "everybody can write"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        folder f = folder_new();
        char *name = new_name(&f);
        char *other = kit_text("%s/other", f.dir);
        lock_sync_guard *g = file_guard(f.path, 20000);
        struct stat before;
        struct stat after;

        t_row("%s", rows[i].name);
        MUST_INT(unlink(f.path), 0);
        kit_write_file(other, "", 0);
        rows[i].put(name, other);
        MUST_INT(lstat(name, &before), 0);
        check_no_slot(g, rows[i].why);
        check_no_slot(g, "guard.new");
        check_no_guard(f.path);
        CHECK(lstat(name, &after) == 0 && after.st_ino == before.st_ino && after.st_size == before.st_size);
        CHECK(stat(other, &after) == 0 && after.st_size == 0);
        CHECK_INT(folder_entries(&f), 2);
        lock_sync_guard_unref(g);
        free(other);
        free(name);
        folder_free(&f);
    }
}

TEST(nor_over_what_another_user_put_there)
{
    folder f = folder_new();
    char *name = new_name(&f);

    kit_write_file(name, "", 0);
    if (chown(name, NOBODY, NOBODY) != 0) {
        free(name);
        folder_free(&f);
        print_message("only root can give a file away\n");
        skip();
    }
    check_no_guard(f.path);
    MUST_INT(chown(name, geteuid(), getegid()), 0);
    lock_sync_guard_unref(file_guard(f.path, 1));
    CHECK_INT(folder_entries(&f), 1);
    free(name);
    folder_free(&f);
}

TEST(why_no_file_can_be_made)
{
    folder f = folder_new();
    char *path = kit_text("%s/folder/guard", f.dir);
    char *dir = kit_text("%s/folder", f.dir);
    lock_sync_guard *g;

    MUST_INT(mkdir(dir, 0700), 0);
    g = file_guard(path, 1);
    MUST_INT(unlink(path), 0);
    MUST_INT(rmdir(dir), 0);
    check_no_slot(g, "cannot be made: No such file or directory");
    lock_sync_guard_unref(g);
    free(dir);
    free(path);
    folder_free(&f);
}

/* --- makers that are killed, and that meet --- */

static int begin_making_and_stop(void *user)
{
    char *name = new_name(user);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        return 1;
    (void)raise(SIGSTOP);
    return 0;
}

TEST(a_maker_that_was_stopped_is_waited_for)
{
    folder f = folder_new();
    pid_t pid = begin_child(begin_making_and_stop, &f);
    lock_sync_guard *g;
    int status = 0;

    while (waitpid(pid, &status, WUNTRACED) < 0)
        continue;
    MUST(WIFSTOPPED(status));
    check_no_guard(f.path); /* never two makers */
    (void)kill(pid, SIGKILL);
    (void)end_child(pid);
    g = file_guard(f.path, 20000);
    use_slot(g);
    CHECK_INT(folder_entries(&f), 1);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

/* --- a file that is deleted --- */

TEST(what_was_seen_goes_into_the_new_file)
{
    folder f = folder_new();
    lock_sync_guard *a = file_guard(f.path, 20000);
    lock_sync_guard *b = file_guard(f.path, 20000);

    use_slot(a);
    check_wait(b, 20000, 20000); /* both have seen the record now */
    MUST_INT(unlink(f.path), 0);
    check_wait(b, LOSS_MS + 20000, LOSS_MS + 20000); /* others may have asked since */
    check_wait(a, LOSS_MS + 20000, LOSS_MS + 20000); /* for the same time: nothing is held twice */
    CHECK_INT(counted_requests(f.path), 1);
    MUST_INT(unlink(f.path), 0);
    check_wait(a, LOSS_MS + 20000, LOSS_MS + 20000);
    CHECK_INT(counted_requests(f.path), 1);
    CHECK_INT(folder_entries(&f), 1);
    lock_sync_guard_unref(a);
    lock_sync_guard_unref(b);
    folder_free(&f);
}

TEST(a_block_goes_into_the_new_file)
{
    folder f = folder_new();
    lock_sync_guard *a = file_guard(f.path, 5000);
    lock_sync_guard *b = file_guard(f.path, 5000); /* never hears of the 429 from the file */
    lock_sync_guard *c;

    be_limited(a, 3600000);
    MUST_INT(unlink(f.path), 0);
    check_wait(b, LOSS_MS + 5000, LOSS_MS + 5000); /* it asks first, and has seen the file */
    check_wait(a, 3600000, 3600000);
    check_wait(b, 3600000, 3600000); /* all know once one has written it */
    c = file_guard(f.path, 5000);
    check_wait(c, 3600000, 3600000);
    lock_sync_guard_unref(a);
    lock_sync_guard_unref(b);
    lock_sync_guard_unref(c);
    folder_free(&f);
}

TEST(a_slot_on_its_way_goes_into_the_new_file)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 20000);
    int64_t slot;

    CHECK_OK(lock_sync_guard_reserve(g, 60000, NULL, &slot));
    MUST_INT(unlink(f.path), 0);
    check_wait(g, 80000, 80000);
    CHECK_INT(file_stored(f.path).record.lines[LOCK_SYNC_REQUEST_SYNC].lease.slot, slot);
    MUST_INT(unlink(f.path), 0);
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
    CHECK_INT(file_stored(f.path).record.lines[LOCK_SYNC_REQUEST_SYNC].lease.slot, 0);
    CHECK_INT(counted_requests(f.path), 1);
    MUST_INT(unlink(f.path), 0);
    check_wait(g, 80000, 80000); /* another may have one for as long */
    CHECK_INT(folder_entries(&f), 1);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

/* Documented: who knew nothing of a deleted file is let through once; not after anybody who knew it has asked. */
TEST(a_user_who_saw_nothing)
{
    folder f = folder_new();
    lock_sync_guard *a = file_guard(f.path, 20000);
    lock_sync_guard *b;

    be_limited(a, 600000);
    MUST_INT(unlink(f.path), 0);
    b = file_guard(f.path, 20000);
    use_slot(b);
    check_wait(a, 600000, 600000);
    check_wait(b, 600000, 600000);
    CHECK_INT(counted_requests(f.path), 1); /* of each cell the larger count: two that knew nothing of each other */
    lock_sync_guard_unref(a);
    lock_sync_guard_unref(b);
    folder_free(&f);
}

/* Another, who had seen nothing, made the file anew; what this guard has seen there since is known to it too, whatever
   the versions are. */
TEST(a_file_that_vanished_twice)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 50);
    lock_sync_guard *other;

    for (int i = 0; i < 20; i++)
        (void)lock_sync_guard_reserve(g, 0, NULL, NULL); /* versions */
    MUST_INT(unlink(f.path), 0);
    other = file_guard(f.path, 50);
    be_limited(other, 100000);
    check_wait(g, 100000, 100000);
    MUST_INT(unlink(f.path), 0);
    check_wait(g, 100000, 100000);
    lock_sync_guard_unref(other);
    other = file_guard(f.path, 50);
    check_wait(other, 100000, 100000);
    lock_sync_guard_unref(g);
    lock_sync_guard_unref(other);
    folder_free(&f);
}

/* An older copy was put back, as from a backup. */
TEST(an_older_file_is_not_believed)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 20000);
    lsync_guard_stored old = file_stored(f.path);

    be_limited(g, 600000);
    write_stored(f.path, &old);
    check_wait(g, 600000, 600000);
    CHECK_INT(counted_requests(f.path), 1);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

/* --- the same with processes --- */

typedef struct user_process {
    const char *path;
    int64_t interval_ms;
    int64_t at_least_ms; /* what it must wait at the end */
} user_process;

/* Sees the record, stops, and asks once it goes on. */
static int see_stop_and_ask(void *user)
{
    const user_process *u = user;
    lock_sync_guard *g = NULL;
    int64_t wait_ms = 0;

    if (lock_sync_guard_open_file(u->path, &g) != LOCK_SYNC_OK ||
        lock_sync_guard_set_min_interval_ms(g, u->interval_ms) != LOCK_SYNC_OK)
        return 1;
    (void)raise(SIGSTOP);
    if (lock_sync_guard_reserve(g, 1000, &wait_ms, NULL) != LOCK_SYNC_E_TOO_SOON)
        return 2;
    lock_sync_guard_unref(g);
    return wait_ms >= u->at_least_ms ? 0 : 3;
}

static int ask_at_once(void *user)
{
    const user_process *u = user;
    lock_sync_guard *g = NULL;
    int64_t wait_ms = 0;

    if (lock_sync_guard_open_file(u->path, &g) != LOCK_SYNC_OK ||
        lock_sync_guard_set_min_interval_ms(g, u->interval_ms) != LOCK_SYNC_OK)
        return 1;
    if (lock_sync_guard_reserve(g, 1000, &wait_ms, NULL) != LOCK_SYNC_E_TOO_SOON)
        return 2;
    lock_sync_guard_unref(g);
    return wait_ms >= u->at_least_ms ? 0 : 3;
}

static pid_t begin_and_stop(user_process *u)
{
    pid_t pid = begin_child(see_stop_and_ask, u);
    int status = 0;

    while (waitpid(pid, &status, WUNTRACED) < 0)
        continue;
    MUST(WIFSTOPPED(status));
    return pid;
}

static void go_on_and_end(pid_t pid)
{
    (void)kill(pid, SIGCONT);
    CHECK_INT(end_child(pid), 0);
}

TEST(processes_that_saw_the_record)
{
    folder f = folder_new();
    user_process sent = {f.path, 20000, 15000};
    user_process limited = {f.path, 20000, 3500000};
    lock_sync_guard *g = file_guard(f.path, 20000);
    pid_t one;
    pid_t two;

    use_slot(g);
    lock_sync_guard_unref(g);
    one = begin_and_stop(&sent);
    two = begin_and_stop(&sent);
    MUST_INT(unlink(f.path), 0);
    go_on_and_end(one);
    MUST_INT(unlink(f.path), 0);
    go_on_and_end(two);
    MUST_INT(unlink(f.path), 0);

    g = file_guard(f.path, 20000);
    be_limited(g, 3600000);
    lock_sync_guard_unref(g);
    one = begin_and_stop(&limited);
    two = begin_and_stop(&limited);
    MUST_INT(unlink(f.path), 0);
    go_on_and_end(one);
    CHECK_INT(in_child(ask_at_once, &limited), 0); /* a third, from the file */
    MUST_INT(unlink(f.path), 0);
    go_on_and_end(two);
    CHECK_INT(in_child(ask_at_once, &limited), 0);
    folder_free(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_missing_file_opens_at_once),
        T(what_a_killed_maker_left_is_taken_over),
        T(nothing_is_made_over_what_is_somebodys),
        T(nor_over_what_another_user_put_there),
        T(why_no_file_can_be_made),
        T(a_maker_that_was_stopped_is_waited_for),
        T(what_was_seen_goes_into_the_new_file),
        T(a_block_goes_into_the_new_file),
        T(a_slot_on_its_way_goes_into_the_new_file),
        T(a_user_who_saw_nothing),
        T(a_file_that_vanished_twice),
        T(an_older_file_is_not_believed),
        T(processes_that_saw_the_record),
    };

    return T_MAIN(tests);
}
