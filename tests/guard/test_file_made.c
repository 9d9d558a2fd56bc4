/* The guard's file is made where there is none: at once for those who know of no record, with all that is known for the
   others, and by one of many. What a record that is gone means is decided by guard/lineage.c; see test_lineage.c. */
#include "files.h"

#include <unistd.h>

#define LOSS_MS 30000 /* what others may have on their way when a record is lost: the default deadline of a fetch */

TEST_HERE(a_missing_file_opens_at_once)
{
    lock_sync_guard *g = file_guard(20000);

    use_slot(g);
    free_guard(g);
    MUST_INT(unlink(here.path), 0);
    g = file_guard(20000); /* this user saw nothing of it */
    use_slot(g);
    check_wait(g, 20000);
}

TEST_HERE(what_a_killed_maker_left_is_taken_over)
{
    lock_sync_guard *g = file_guard(20000);
    lsync_guard_stored stored;

    use_slot(g);
    free_guard(g);
    stored = file_stored();
    MUST_INT(unlink(here.path), 0);
    write_stored(here.new_path, &stored);
    g = file_guard(20000);
    CHECK_INT(folder_entries(), 1);
    use_slot(g); /* what was never the guard's file does not count */
    MUST_INT(unlink(here.path), 0);
    kit_write_file(here.new_path, "", 0);
    check_wait(g, LOSS_MS + 20000);
    CHECK_INT(folder_entries(), 1);
    kit_write_file(here.new_path, "", 0); /* beside a file that is there it stays until one has to be made */
    (void)file_guard(20000);
    CHECK_INT(folder_entries(), 2);
}

TEST_HERE(never_two_makers)
{
    int lock;

    kit_write_file(here.new_path, "", 0);
    lock = hold_lock(here.new_path);
    check_no_guard(here.path);
    (void)close(lock);
    use_slot(file_guard(20000));
    CHECK_INT(folder_entries(), 1);
}

/* --- a file that is deleted --- */

TEST_HERE(what_was_seen_goes_into_the_new_file)
{
    lock_sync_guard *a = file_guard(20000);
    lock_sync_guard *b = file_guard(20000); /* never hears of the lease, or the 429, from the file */
    int64_t slot = take_slot(a, 60000);

    MUST_INT(unlink(here.path), 0);
    check_wait(b, LOSS_MS + 20000); /* it asks first: others may have asked since */
    check_wait(a, 80000);
    check_wait(b, 80000); /* all know once one has written it */
    CHECK_INT(sync_line().lease.slot, slot);
    MUST_INT(unlink(here.path), 0);
    CHECK_OK(lock_sync_guard_settle(a, slot, LOCK_SYNC_SLOT_LIMITED, HOUR_MS));
    CHECK_INT(sync_line().lease.slot, 0);
    CHECK_INT(counted_requests(), 1);
    check_wait(b, HOUR_MS);
    CHECK_INT(folder_entries(), 1);
}

/* Documented: a user who knew nothing of a deleted file is let through once; not after one who knew it has asked. */
TEST_HERE(a_user_who_saw_nothing)
{
    lock_sync_guard *a = file_guard(20000);
    lock_sync_guard *b;

    be_limited(a, 600000);
    MUST_INT(unlink(here.path), 0);
    b = file_guard(20000);
    use_slot(b);
    check_wait(a, 600000);
    check_wait(b, 600000);
    CHECK_INT(counted_requests(), 1); /* of each cell the larger count: two that knew nothing of each other */
}

/* An older copy was put back, as from a backup. */
TEST_HERE(an_older_file_is_not_believed)
{
    lock_sync_guard *g = file_guard(20000);
    lsync_guard_stored old = file_stored();

    be_limited(g, 600000);
    write_stored(here.path, &old);
    check_wait(g, 600000);
    CHECK_INT(counted_requests(), 1);
}
