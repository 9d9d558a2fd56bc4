/* The guard's file and real reboots, as far as a process can have them: each boot is a process in a time namespace,
   where the machine's clock since boot begins anew, with a boot id of its own. Exit status 77 where the system does not
   allow that. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define SKIPPED 77
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define HOUR_MS 3600000
#define LATE_MS 60000 /* how slow the test may be */

/* One boot of the machine. */
typedef struct boot {
    const folder *folder;
    const char *id;
    int64_t up_ms;
    int (*run)(const struct boot *b); /* 0, or the line that failed */
    int64_t interval_ms;
    int64_t wait_ms; /* what a request is told in this boot, or a little less */
} boot;

#define EXPECT(condition)                                                                                             \
    do {                                                                                                              \
        if (!(condition))                                                                                             \
            return __LINE__ % 64 + 1;                                                                                 \
    } while (0)

/* --- to be booted --- */

static int64_t up_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        (void)close(fd);
    return done;
}

/* Namespaces of this process's own; without root's powers within a user namespace. */
static bool enter_namespaces(void)
{
    bool is_root = geteuid() == 0;
    char *map = kit_text("0 %u 1", (unsigned)geteuid());
    bool done = unshare((is_root ? 0 : CLONE_NEWUSER) | CLONE_NEWNS | CLONE_NEWTIME) == 0 &&
                (is_root || put("/proc/self/uid_map", map)) &&
                mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0;

    free(map);
    return done;
}

static bool set_boot_id(const boot *b)
{
    char *path = kit_text("%s/%s", b->folder->dir, b->id);
    char *text = kit_text("%s-0000-4000-8000-0123456789ab\n", b->id);
    bool done;

    kit_write_file(path, text, strlen(text));
    done = mount(path, BOOT_ID, "none", MS_BIND, NULL) == 0;
    free(text);
    free(path);
    return done;
}

/* Of the children of this process. */
static bool set_uptime(const boot *b)
{
    int64_t shift_ms = b->up_ms - up_ms();
    int64_t seconds = shift_ms / 1000 - (shift_ms % 1000 < 0); /* rounded down: what is left is positive */
    char *text = kit_text("boottime %lld %lld", (long long)seconds, (long long)(shift_ms - seconds * 1000) * 1000000);
    bool done = put("/proc/self/timens_offsets", text);

    free(text);
    return done;
}

static int run_booted(void *user)
{
    const boot *b = user;
    char *id = kit_read_file(BOOT_ID);
    bool is_booted = strncmp(id, b->id, strlen(b->id)) == 0 && up_ms() >= b->up_ms && up_ms() <= b->up_ms + LATE_MS;

    free(id);
    return is_booted ? b->run(b) : SKIPPED;
}

static int boot_and_run(void *user)
{
    boot *b = user;

    if (!enter_namespaces() || !set_boot_id(b) || !set_uptime(b)) {
        print_message("no reboot: %s\n", strerror(errno));
        return SKIPPED;
    }
    return in_child(run_booted, b);
}

/* --- what happens in a boot --- */

static lock_sync_guard *opened(const boot *b)
{
    lock_sync_guard *g = NULL;

    if (lock_sync_guard_open_file(b->folder->path, &g) == LOCK_SYNC_OK)
        (void)lock_sync_guard_set_min_interval_ms(g, b->interval_ms);
    return g;
}

static int send_one(const boot *b)
{
    lock_sync_guard *g = opened(b);
    int64_t slot = 0;

    EXPECT(g != NULL);
    EXPECT(lock_sync_guard_reserve(g, 60000, NULL, &slot) == LOCK_SYNC_OK);
    EXPECT(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1) == LOCK_SYNC_OK);
    lock_sync_guard_unref(g);
    return 0;
}

static int be_limited(const boot *b)
{
    lock_sync_guard *g = opened(b);
    int64_t slot = 0;

    EXPECT(g != NULL);
    EXPECT(lock_sync_guard_reserve(g, 60000, NULL, &slot) == LOCK_SYNC_OK);
    EXPECT(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, HOUR_MS) == LOCK_SYNC_OK);
    lock_sync_guard_unref(g);
    return 0;
}

static int lose_power(const boot *b)
{
    lock_sync_guard *g = opened(b);

    EXPECT(g != NULL);
    EXPECT(lock_sync_guard_reserve(g, HOUR_MS, NULL, NULL) == LOCK_SYNC_OK);
    (void)raise(SIGKILL);
    return 0;
}

static int be_denied(const boot *b)
{
    lock_sync_guard *g = opened(b);
    int64_t wait_ms = 0;

    EXPECT(g != NULL);
    EXPECT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL) == LOCK_SYNC_E_TOO_SOON);
    EXPECT(wait_ms <= b->wait_ms);
    EXPECT(wait_ms > b->wait_ms - LATE_MS);
    lock_sync_guard_unref(g);
    return 0;
}

/* --- boot after boot. One that begins at 0 has all that was before it at negative times. --- */

static void check_boots(boot *boots, size_t n)
{
    folder f = folder_new();

    for (size_t i = 0; i < n; i++) {
        bool is_killed = boots[i].run == lose_power;

        t_row("boot %s", boots[i].id);
        boots[i].folder = &f;
        CHECK_INT(in_child(boot_and_run, &boots[i]), is_killed ? 128 + SIGKILL : 0);
    }
    folder_free(&f);
}

TEST(an_interval_goes_over_reboots)
{
    boot boots[] = {
        {.id = "aaaaaaaa", .up_ms = 5000000, .run = send_one, .interval_ms = HOUR_MS},
        {.id = "bbbbbbbb", .up_ms = 0, .run = be_denied, .interval_ms = HOUR_MS, .wait_ms = HOUR_MS},
        {.id = "cccccccc", .up_ms = 1000, .run = be_denied, .interval_ms = HOUR_MS, .wait_ms = HOUR_MS},
        {.id = "dddddddd", .up_ms = 4000000000, .run = be_denied, .interval_ms = HOUR_MS, .wait_ms = HOUR_MS},
    };

    check_boots(boots, COUNT_OF(boots));
}

TEST(a_block_goes_over_reboots)
{
    boot boots[] = {
        {.id = "aaaaaaaa", .up_ms = 5000000, .run = be_limited, .interval_ms = 1},
        {.id = "bbbbbbbb", .up_ms = 0, .run = be_denied, .interval_ms = 1, .wait_ms = HOUR_MS},
        {.id = "cccccccc", .up_ms = 1000, .run = be_denied, .interval_ms = 1, .wait_ms = HOUR_MS},
    };

    check_boots(boots, COUNT_OF(boots));
}

TEST(a_slot_that_was_on_its_way_goes_over_a_reboot)
{
    boot boots[] = {
        {.id = "aaaaaaaa", .up_ms = 5000000, .run = lose_power, .interval_ms = 20000},
        {.id = "bbbbbbbb", .up_ms = 0, .run = be_denied, .interval_ms = 20000, .wait_ms = HOUR_MS + 20000},
    };

    check_boots(boots, COUNT_OF(boots));
}

static int do_nothing(const boot *b)
{
    (void)b;
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(an_interval_goes_over_reboots),
        T(a_block_goes_over_reboots),
        T(a_slot_that_was_on_its_way_goes_over_a_reboot),
    };
    folder f = folder_new();
    boot trial = {&f, "eeeeeeee", 0, do_nothing, 0, 0};
    int status = in_child(boot_and_run, &trial);

    folder_free(&f);
    return status == SKIPPED ? SKIPPED : T_MAIN(tests);
}
