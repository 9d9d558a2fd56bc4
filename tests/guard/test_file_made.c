/* The guard's file is created if it is missing. For a user that saw no record it allows a request at once. For
   others it gets the record that they saw. Only one of many users creates it. guard/lineage.c decides about a
   missing record; see test_lineage.c. */
#include "files.h"

#include <unistd.h>

#define LOSS_MS 30000 /* others may have a request on its way when a record is lost: a fetch's default deadline */

TEST_HERE(a_missing_file_opens_at_once)
{
    lock_sync_guard *g = file_guard(20000);

    use_slot(g);
    free_guard(g);
    MUST_INT(unlink(here.path), 0);
    g = file_guard(20000); /* this user has not seen the record */
    use_slot(g);
    check_wait(g, 20000);
}

TEST_HERE(the_file_of_a_killed_creator_is_replaced)
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
    use_slot(g); /* the record in an unfinished file does not count */
    MUST_INT(unlink(here.path), 0);
    kit_write_file(here.new_path, "", 0);
    check_wait(g, LOSS_MS + 20000);
    CHECK_INT(folder_entries(), 1);
    kit_write_file(here.new_path, "", 0); /* beside an existing file it stays */
    (void)file_guard(20000);
    CHECK_INT(folder_entries(), 2);
}

TEST_HERE(only_one_user_creates_the_file)
{
    int lock;

    kit_write_file(here.new_path, "", 0);
    lock = lock_as_another_process(here.new_path);
    check_no_guard(here.path);
    (void)close(lock);
    use_slot(file_guard(20000));
    CHECK_INT(folder_entries(), 1);
}

/* --- a file that is deleted --- */

TEST_HERE(the_record_that_users_saw_goes_into_the_new_file)
{
    lock_sync_guard *a = file_guard(20000);
    lock_sync_guard *b = file_guard(20000); /* never reads the lease, or the 429, in the file */
    int64_t slot = take_slot(a, 60000);

    MUST_INT(unlink(here.path), 0);
    check_wait(b, LOSS_MS + 20000); /* it asks first: others may have sent a request since */
    check_wait(a, 80000);
    check_wait(b, 80000); /* now it is in the file */
    CHECK_INT(sync_entry().lease.slot, slot);
    MUST_INT(unlink(here.path), 0);
    CHECK_OK(lock_sync_guard_settle(a, slot, LOCK_SYNC_SLOT_LIMITED, HOUR_MS));
    CHECK_INT(sync_entry().lease.slot, 0);
    CHECK_INT(counted_requests(), 1);
    check_wait(b, HOUR_MS);
    CHECK_INT(folder_entries(), 1);
}

/* Documented: after a file is deleted, a user that saw no record is allowed one request. It is denied one after a user
   that saw the record has asked. */
TEST_HERE(a_user_that_saw_no_record_is_allowed_one_request)
{
    lock_sync_guard *a = file_guard(20000);
    lock_sync_guard *b;

    be_limited(a, 600000);
    MUST_INT(unlink(here.path), 0);
    b = file_guard(20000);
    use_slot(b);
    check_wait(a, 600000);
    check_wait(b, 600000);
    CHECK_INT(counted_requests(), 1); /* a join keeps the larger count of each cell */
}

/* An older copy replaces the file, as from a backup. */
TEST_HERE(an_older_file_is_not_believed)
{
    lock_sync_guard *g = file_guard(20000);
    lsync_guard_stored old = file_stored();

    be_limited(g, 600000);
    write_stored(here.path, &old);
    check_wait(g, 600000);
    CHECK_INT(counted_requests(), 1);
}
