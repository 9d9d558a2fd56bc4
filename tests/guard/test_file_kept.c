/* If the file cannot be written, the outcome of a slot is not lost: the guard object keeps it, applies it, and
   writes it once. test_view.c tests which outcomes guard/view.c keeps. */
#include "files.h"

#include <unistd.h>

#define LEASE_MS 60000
#define PAUSE_MS 20 /* between an outcome and the next decision: the former's time counts */
#define PATIENCE_MS 250

/* Settles a slot while another process holds the file's lock. */
static void settle_in_vain(lock_sync_guard *g, int64_t slot, lock_sync_guard_outcome outcome)
{
    int lock = lock_as_another_process(here.path);
    int64_t before_ms = kit_now_ms();

    CHECK_INT(lock_sync_guard_settle(g, slot, outcome, HOUR_MS), LOCK_SYNC_E_GUARD);
    CHECK(kit_now_ms() - before_ms >= PATIENCE_MS);
    CHECK_INT(sync_entry().lease.slot, slot);
    check_no_slot(g, "another process holds");
    (void)close(lock);
    pause_ms(PAUSE_MS);
}

TEST_HERE(an_outcome_that_cannot_be_written_applies)
{
    static const struct {
        lock_sync_guard_outcome outcome;
        int64_t wait_ms;
    } rows[] = {{LOCK_SYNC_SLOT_LIMITED, HOUR_MS - PAUSE_MS}, {LOCK_SYNC_SLOT_SENT, 20000 - PAUSE_MS}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lock_sync_guard *a = file_guard(20000);
        lock_sync_guard *b = file_guard(20000);
        int64_t over_us;

        t_row("outcome %d", (int)rows[i].outcome);
        settle_in_vain(a, take_slot(a, LEASE_MS), rows[i].outcome);
        check_wait(b, LEASE_MS + 20000); /* b does not know that the slot has ended */
        check_wait(a, rows[i].wait_ms);
        check_wait(b, rows[i].wait_ms);
        over_us = sync_entry().over_us;
        free_guard(a); /* this must not write it a second time */
        check_wait(b, rows[i].wait_ms);
        CHECK_INT(sync_entry().over_us, over_us);
        CHECK_INT(counted_requests(), 1);
        CHECK_INT(file_stored().record.limited, rows[i].outcome == LOCK_SYNC_SLOT_LIMITED);
        folder_renew();
    }
}

TEST_HERE(a_kept_outcome_is_written_once_to_a_new_file)
{
    static const lock_sync_guard_outcome outcomes[] = {LOCK_SYNC_SLOT_SENT, LOCK_SYNC_SLOT_LIMITED,
                                                       LOCK_SYNC_SLOT_NOT_SENT};

    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        lock_sync_guard *g = file_guard(20000);
        bool is_refunded = outcomes[i] == LOCK_SYNC_SLOT_NOT_SENT;

        t_row("outcome %d", (int)outcomes[i]);
        settle_in_vain(g, take_slot(g, LEASE_MS), outcomes[i]);
        MUST_INT(unlink(here.path), 0);
        check_wait(g, outcomes[i] == LOCK_SYNC_SLOT_LIMITED ? HOUR_MS - PAUSE_MS : LEASE_MS + 20000);
        free_guard(g);
        CHECK_INT(sync_entry().lease.slot, 0);
        CHECK_INT(counted_requests(), !is_refunded);
        CHECK_INT(file_stored().record.limited, outcomes[i] == LOCK_SYNC_SLOT_LIMITED);
        CHECK_INT(file_stored().record.refunds, is_refunded);
        folder_renew();
    }
}

TEST_HERE(an_outcome_is_lost_if_the_last_try_fails)
{
    lock_sync_guard *g = file_guard(1);
    int64_t slot = take_slot(g, LEASE_MS);
    int lock = lock_as_another_process(here.path);
    int64_t before_ms;

    CHECK_INT(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1), LOCK_SYNC_E_GUARD);
    before_ms = kit_now_ms();
    free_guard(g);
    CHECK_BETWEEN(kit_now_ms() - before_ms, PATIENCE_MS, 2000 * kit_slack());
    (void)close(lock);
    check_wait(file_guard(1), LEASE_MS + 1); /* for others it is on its way until its lease ends */
}
