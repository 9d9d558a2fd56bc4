/* The guard's file over reboots. Each boot is a process in a time namespace, with a new clock since boot and a new
   boot id. (test_file_boots.c tests exact times, with the test's clocks.) */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#  define CLONE_NEWTIME 0x00000080
#endif

#define CANNOT 77 /* a child's exit status: this machine does not allow it */
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define LATE_MS 60000 /* the test may be this slow */

/* One boot of the machine. */
typedef struct boot {
    const char *id;
    int64_t up_ms;
    bool is_first; /* it sends a request; later boots are denied one for the rest of the hour */
} boot;

/* --- a boot --- */

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

/* Moves this process into new namespaces; unless it is root, in a user namespace. */
static bool enter_namespaces(void)
{
    bool is_root = geteuid() == 0;
    char *map = kit_text("0 %u 1", (unsigned)geteuid());
    bool done = unshare((is_root ? 0 : CLONE_NEWUSER) | CLONE_NEWNS | CLONE_NEWTIME) == 0 &&
                (is_root || put("/proc/self/uid_map", map)) && mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0;

    free(map);
    return done;
}

static bool set_boot_id(const boot *b)
{
    char *path = kit_text("%s/%s", here.dir, b->id);
    char *text = kit_text("%s-0000-4000-8000-0123456789ab\n", b->id);
    bool done;

    kit_write_file(path, text, strlen(text));
    done = mount(path, BOOT_ID, "none", MS_BIND, NULL) == 0;
    free(text);
    free(path);
    return done;
}

/* Sets the uptime of this process's children. */
static bool set_uptime(const boot *b)
{
    int64_t shift_ms = b->up_ms - up_ms();
    int64_t seconds = shift_ms / 1000 - (shift_ms % 1000 < 0); /* rounded down: the rest is positive */
    char *text = kit_text("boottime %lld %lld", (long long)seconds, (long long)(shift_ms - seconds * 1000) * 1000000);
    bool done = put("/proc/self/timens_offsets", text);

    free(text);
    return done;
}

static int live(const boot *b)
{
    lock_sync_guard *g = file_guard(HOUR_MS);
    int64_t wait_ms = 0;

    if (b->is_first) {
        CHILD_MUST(use_slot(g));
    } else {
        CHILD_MUST(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL) == LOCK_SYNC_E_TOO_SOON);
        CHILD_MUST(CHECK_BETWEEN(wait_ms, HOUR_MS - LATE_MS, HOUR_MS));
    }
    lock_sync_guard_unref(g);
    return 0;
}

static int run_booted(void *user)
{
    const boot *b = user;
    char *id = kit_read_file(BOOT_ID);
    bool is_booted = strncmp(id, b->id, strlen(b->id)) == 0 && up_ms() >= b->up_ms && up_ms() <= b->up_ms + LATE_MS;

    free(id);
    return is_booted ? live(b) : CANNOT;
}

static int boot_and_run(void *user)
{
    boot *b = user;

    if (!enter_namespaces() || !set_boot_id(b) || !set_uptime(b)) {
        print_message("no reboot: %s\n", strerror(errno));
        return CANNOT;
    }
    return in_child(run_booted, b);
}

TEST_HERE(an_interval_continues_over_reboots)
{
    static boot boots[] = {
        {"aaaaaaaa", 5000000, true},
        {"bbbbbbbb", 0, false}, /* all earlier times are negative */
        {"cccccccc", 1000, false},
        {"dddddddd", 4000000000, false},
    };

    for (size_t i = 0; i < COUNT_OF(boots); i++) {
        int status = in_child(boot_and_run, &boots[i]);

        t_need(status != CANNOT, "this machine allows no time namespaces");
        t_row("boot %s", boots[i].id);
        CHECK_INT(status, 0);
    }
}
