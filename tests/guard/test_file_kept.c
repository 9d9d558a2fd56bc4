/* How a slot ended is not lost if the file cannot be written just then: the guard object keeps it, acts by it, and
   writes it once. */
#include "files.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR_MS 3600000
#define HOLD_MS 60000
#define PAUSE_MS 20 /* from an outcome to the next decision: it is dated by the former */

static lsync_guard_line sync_line(const char *path)
{
    return file_stored(path).record.lines[LOCK_SYNC_REQUEST_SYNC];
}

static int64_t take(lock_sync_guard *g)
{
    int64_t slot = 0;

    CHECK_OK(lock_sync_guard_reserve(g, HOLD_MS, NULL, &slot));
    return slot;
}

/* Settles a slot while another process holds the file's lock. */
static void settle_in_vain(lock_sync_guard *g, const char *path, int64_t slot, lock_sync_guard_outcome outcome,
                           int64_t retry_after_ms)
{
    int lock = hold_lock(path);
    int64_t before_ms = kit_now_ms();

    CHECK_INT(lock_sync_guard_settle(g, slot, outcome, retry_after_ms), LOCK_SYNC_E_GUARD);
    CHECK(kit_now_ms() - before_ms >= 250);
    CHECK_INT(sync_line(path).lease.slot, slot);
    (void)close(lock);
    (void)usleep(PAUSE_MS * 1000);
}

static void check_wait(lock_sync_guard *g, int64_t from_ms, int64_t to_ms)
{
    int64_t wait_ms = refused_wait_ms(g);

    if (!CHECK(wait_ms > from_ms && wait_ms <= to_ms))
        print_error("the wait is %lld ms, not %lld .. %lld\n", (long long)wait_ms, (long long)from_ms,
                    (long long)to_ms);
}

TEST(a_block_that_cannot_be_written_holds)
{
    folder f = folder_new();
    lock_sync_guard *a = file_guard(f.path, 1);
    lock_sync_guard *b = file_guard(f.path, 1);
    int64_t slot = take(a);

    settle_in_vain(a, f.path, slot, LOCK_SYNC_SLOT_LIMITED, HOUR_MS);
    check_wait(b, 0, HOLD_MS + 1); /* the slot is still on its way, for all it knows */
    check_wait(a, HOUR_MS - 30000, HOUR_MS - PAUSE_MS);
    check_wait(b, HOUR_MS - 30000, HOUR_MS - PAUSE_MS);
    CHECK_INT(sync_line(f.path).lease.slot, 0);
    CHECK_INT(counted_requests(f.path), 1);
    CHECK_INT(file_stored(f.path).record.limited, 1);
    lock_sync_guard_unref(a);
    check_wait(b, HOUR_MS - 30000, HOUR_MS - PAUSE_MS);
    CHECK_INT(counted_requests(f.path), 1);
    CHECK_INT(file_stored(f.path).record.limited, 1);
    lock_sync_guard_unref(b);
    folder_free(&f);
}

TEST(a_block_holds_while_the_file_cannot_be_used)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 1);
    int64_t slot = take(g);
    int lock = hold_lock(f.path);

    CHECK_INT(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, HOUR_MS), LOCK_SYNC_E_GUARD);
    check_no_slot(g, "another process holds");
    check_no_slot(g, "another process holds");
    (void)close(lock);
    check_wait(g, HOUR_MS - 30000, HOUR_MS - 500);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

TEST(a_sent_request_is_noted_when_it_was_over)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 20000);
    int64_t slot = take(g);
    lsync_guard_line line;

    settle_in_vain(g, f.path, slot, LOCK_SYNC_SLOT_SENT, -1);
    check_wait(g, 1000, 20000 - PAUSE_MS);
    line = sync_line(f.path);
    CHECK_INT(counted_requests(f.path), 1);
    for (int i = 0; i < 3; i++)
        (void)refused_wait_ms(g);
    CHECK_INT(sync_line(f.path).over_us, line.over_us); /* not once more */
    CHECK_INT(counted_requests(f.path), 1);
    lock_sync_guard_unref(g);
    CHECK_INT(sync_line(f.path).over_us, line.over_us);
    CHECK_INT(counted_requests(f.path), 1);
    folder_free(&f);
}

TEST(a_slot_that_was_not_used_is_given_back)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 20000);
    int64_t slot = take(g);

    settle_in_vain(g, f.path, slot, LOCK_SYNC_SLOT_NOT_SENT, -1);
    slot = take(g); /* at once */
    CHECK_INT(file_stored(f.path).record.refunds, 1);
    CHECK_INT(counted_requests(f.path), 1); /* the new one */
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_NOT_SENT, -1));
    CHECK_INT(file_stored(f.path).record.refunds, 2);
    CHECK_INT(counted_requests(f.path), 0);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

/* Also if the file is made anew in between. */
TEST(it_is_written_once_into_a_new_file)
{
    static const struct {
        lock_sync_guard_outcome outcome;
        uint32_t requests;
    } rows[] = {{LOCK_SYNC_SLOT_SENT, 1}, {LOCK_SYNC_SLOT_LIMITED, 1}, {LOCK_SYNC_SLOT_NOT_SENT, 0}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        folder f = folder_new();
        lock_sync_guard *g = file_guard(f.path, 20000);
        int64_t slot = take(g);

        t_row("outcome %d", (int)rows[i].outcome);
        settle_in_vain(g, f.path, slot, rows[i].outcome, HOUR_MS);
        MUST_INT(unlink(f.path), 0);
        check_wait(g, 20000, HOUR_MS);
        CHECK_INT(sync_line(f.path).lease.slot, 0);
        CHECK_INT(counted_requests(f.path), rows[i].requests);
        CHECK_INT(file_stored(f.path).record.limited, rows[i].outcome == LOCK_SYNC_SLOT_LIMITED);
        CHECK_INT(file_stored(f.path).record.refunds, rows[i].outcome == LOCK_SYNC_SLOT_NOT_SENT);
        lock_sync_guard_unref(g);
        CHECK_INT(counted_requests(f.path), rows[i].requests);
        folder_free(&f);
    }
}

/* --- at the end of a process --- */

static int settle_stop_and_end(void *user)
{
    const folder *f = user;
    lock_sync_guard *g = NULL;
    int64_t slot = 0;

    if (lock_sync_guard_open_file(f->path, &g) != LOCK_SYNC_OK ||
        lock_sync_guard_reserve(g, HOLD_MS, NULL, &slot) != LOCK_SYNC_OK)
        return 1;
    (void)raise(SIGSTOP); /* the file is locked now */
    if (lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, HOUR_MS) != LOCK_SYNC_E_GUARD)
        return 2;
    (void)raise(SIGSTOP); /* and free again */
    lock_sync_guard_unref(g);
    return 0;
}

static void wait_for_stop(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, WUNTRACED) < 0)
        continue;
    MUST(WIFSTOPPED(status));
}

TEST(a_process_that_ends_tries_once_more)
{
    folder f = folder_new();
    pid_t pid = begin_child(settle_stop_and_end, &f);
    lock_sync_guard *g;
    int lock;

    wait_for_stop(pid);
    lock = hold_lock(f.path);
    (void)kill(pid, SIGCONT);
    wait_for_stop(pid);
    (void)close(lock);
    (void)usleep(PAUSE_MS * 1000);
    (void)kill(pid, SIGCONT);
    CHECK_INT(end_child(pid), 0);
    g = file_guard(f.path, 1);
    check_wait(g, HOUR_MS - 30000, HOUR_MS - PAUSE_MS);
    CHECK_INT(counted_requests(f.path), 1);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

TEST(the_last_try_fails_too)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 1);
    int64_t slot = take(g);
    int lock = hold_lock(f.path);
    int64_t before_ms;

    CHECK_INT(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1), LOCK_SYNC_E_GUARD);
    before_ms = kit_now_ms();
    lock_sync_guard_unref(g);
    CHECK(kit_now_ms() - before_ms <= 400 * kit_slack());
    (void)close(lock);
    g = file_guard(f.path, 1);
    check_wait(g, HOLD_MS - 30000, HOLD_MS + 1); /* to others it is on its way until its hold is over */
    before_ms = kit_now_ms();
    lock_sync_guard_unref(g); /* it keeps nothing, and has nothing to write */
    CHECK(kit_now_ms() - before_ms <= 100 * kit_slack());
    folder_free(&f);
}

/* --- more than can be kept --- */

TEST(of_many_the_longest_block_is_kept)
{
    static const int64_t seconds[] = {60, 600, 120, 3000, 90, 100, 110, 130, 140, 150, 160, 170};
    static const lock_sync_guard_outcome others[] = {LOCK_SYNC_SLOT_SENT, LOCK_SYNC_SLOT_NOT_SENT};
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 1);
    lsync_guard_stored stored = file_stored(f.path);

    kit_write_file(f.path, "", 0);
    for (size_t i = 0; i < COUNT_OF(seconds); i++) {
        CHECK_INT(lock_sync_guard_settle(g, 1, LOCK_SYNC_SLOT_LIMITED, seconds[i] * 1000), LOCK_SYNC_E_GUARD);
        CHECK_INT(lock_sync_guard_settle(g, 1, others[i % 2], -1), LOCK_SYNC_E_GUARD);
    }
    write_stored(f.path, &stored);
    check_wait(g, 2900000, 3000000);
    CHECK_INT(counted_requests(f.path), 0); /* of slots that nobody had */
    lock_sync_guard_unref(g);
    folder_free(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_block_that_cannot_be_written_holds),
        T(a_block_holds_while_the_file_cannot_be_used),
        T(a_sent_request_is_noted_when_it_was_over),
        T(a_slot_that_was_not_used_is_given_back),
        T(it_is_written_once_into_a_new_file),
        T(a_process_that_ends_tries_once_more),
        T(the_last_try_fails_too),
        T(of_many_the_longest_block_is_kept),
    };

    return T_MAIN(tests);
}
