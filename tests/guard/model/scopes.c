/* The scopes: which users and events are searched together, and how far. The depth on demand takes several times as
   long as the one of every run.

   What the searches leave out, and the guard does not promise (see docs/rate-limits.md):
   - A file that is deleted, or replaced by an older copy, while only users ask that saw nothing newer than what is there
     now. A file cannot say that it is not the one it was.
   - A hold that is longer than the default one and than those of all who find the loss.
   - A clock that is set forward opens the gate early, by as much. If the record is lost just then, a user may extend a
     lease that has run out by the clock but not by its own, beside another's request.
   - How many pages a directory had may be lost with a record: the next one then waits for one interval.
   - What was sent twice counts from the settle on, not from the moment when it was sent.
   - Users of one account have the same settings. */
#include "model.h"

#define ONE(bit) (1u << (bit))
#define SYNC ONE(LOCK_SYNC_REQUEST_SYNC)
#define DIRECTORY ONE(LOCK_SYNC_REQUEST_DIRECTORY)
#define OTHER ONE(LOCK_SYNC_REQUEST_OTHER)
#define STEPS (ONE(1) | ONE(2) | ONE(5))

/* clang-format off */
const scope scopes[] = {
    {.name = "a", .about = "two users", .depth = 11, .deep = 14, .users = 2, .budget = 3, .kinds = SYNC,
     .holds = ONE(0) | ONE(1) | ONE(2), .passes = STEPS, .live = 1, .pages = 1,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED), .deliveries = ONE(WRITTEN)},
    {.name = "b", .about = "all kinds", .depth = 8, .deep = 9, .users = 2, .budget = 3,
     .kinds = SYNC | DIRECTORY | OTHER, .holds = ONE(0) | ONE(3), .passes = STEPS, .live = 2, .pages = 1,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED), .deliveries = ONE(WRITTEN)},
    {.name = "c", .about = "three users, records lost", .depth = 9, .deep = 10, .users = 3, .budget = 3, .kinds = SYNC,
     .holds = ONE(2), .passes = STEPS, .live = 1, .pages = 1, .late = 1, .endings = ONE(SENT) | ONE(LIMITED_LONG),
     .deliveries = ONE(WRITTEN), .losses = 2, .crashes = true, .keeps_seen = true, .restarts = true,
     .has_source = true},
    {.name = "d", .about = "repeats and pages", .depth = 9, .deep = 10, .users = 2, .budget = 4,
     .kinds = SYNC | DIRECTORY, .holds = ONE(1) | ONE(2), .passes = STEPS, .live = 1, .pages = 3,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED), .deliveries = ONE(WRITTEN), .crashes = true},
    {.name = "e1", .about = "clocks set, machines restarted", .depth = 7, .deep = 8, .users = 2, .budget = 3,
     .kinds = SYNC | OTHER, .holds = ONE(0) | ONE(2), .passes = STEPS, .live = 1, .pages = 2, .late = 2,
     .endings = ONE(SENT) | ONE(LIMITED_LONG), .deliveries = ONE(WRITTEN), .jump = 7, .reboots = true},
    /* No extending here: a user whose lease has run out by a clock set forward, but not by its own, extends it beside
       another's if the record is lost just then. A clock set forward is excluded; see docs/rate-limits.md. */
    {.name = "e2", .about = "clocks set, records lost", .depth = 8, .deep = 9, .users = 2, .budget = 2, .kinds = SYNC,
     .holds = ONE(2), .passes = STEPS, .live = 1, .pages = 1, .late = 1, .endings = ONE(SENT) | ONE(LIMITED_LONG),
     .deliveries = ONE(WRITTEN), .jump = 7, .losses = 1, .crashes = true, .keeps_seen = true, .restarts = true,
     .has_source = true},
    {.name = "e3", .about = "a coarse clock", .depth = 8, .deep = 9, .users = 2, .budget = 3, .kinds = SYNC | OTHER,
     .holds = ONE(0) | ONE(1) | ONE(4), .passes = STEPS, .live = 1, .pages = 2, .late = 1,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED), .deliveries = ONE(WRITTEN), .is_coarse = true},
    {.name = "f1", .about = "crashes, lost and late settles", .depth = 7, .deep = 9, .users = 2, .budget = 3,
     .kinds = SYNC, .holds = ONE(2), .passes = STEPS, .live = 1, .pages = 1, .late = 2,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED) | ONE(LIMITED_LONG) | ONE(SENT_TWICE),
     .deliveries = ONE(WRITTEN) | ONE(REPLY_LOST) | ONE(WRITE_LOST) | ONE(UNREACHED), .crashes = true,
     .keeps_seen = true},
    {.name = "f2", .about = "the same, with repeats", .depth = 7, .deep = 9, .users = 2, .budget = 3, .kinds = SYNC,
     .holds = ONE(1) | ONE(2), .passes = ONE(1) | ONE(5), .live = 1, .pages = 3, .late = 1,
     .endings = ONE(SENT) | ONE(LIMITED),
     .deliveries = ONE(WRITTEN) | ONE(REPLY_LOST) | ONE(WRITE_LOST) | ONE(UNREACHED),
     .keeps_seen = true},
    {.name = "g1", .about = "a file deleted, or put back", .depth = 9, .deep = 11, .users = 2, .budget = 3,
     .kinds = SYNC, .holds = ONE(2), .passes = STEPS, .live = 1, .pages = 2,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED_LONG), .deliveries = ONE(WRITTEN), .losses = 2,
     .crashes = true, .keeps_seen = true},
    {.name = "g2", .about = "Redis flushed, restarted, failed over", .depth = 8, .deep = 9, .users = 2, .budget = 2,
     .kinds = SYNC, .holds = ONE(2), .passes = STEPS, .live = 1, .pages = 2, .late = 4,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED_LONG),
     .deliveries = ONE(WRITTEN) | ONE(WRITE_LOST) | ONE(UNREACHED),
     .losses = 2, .crashes = true, .keeps_seen = true, .restarts = true, .has_source = true},
    {.name = "g3", .about = "the same, all kinds", .depth = 6, .deep = 7, .users = 2, .budget = 2,
     .kinds = SYNC | DIRECTORY | OTHER, .holds = ONE(0) | ONE(2), .passes = STEPS, .live = 2, .pages = 3, .late = 1,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED_LONG), .deliveries = ONE(WRITTEN) | ONE(WRITE_LOST),
     .losses = 2, .crashes = true, .keeps_seen = true, .restarts = true, .has_source = true},
    /* All ask for the same hold: one that is longer than any known is excluded; see docs/rate-limits.md. */
    {.name = "g4", .about = "long holds, and very late settles", .depth = 9, .deep = 11, .users = 2, .budget = 3,
     .kinds = SYNC, .holds = ONE(3), .passes = ONE(1) | ONE(5), .live = 1, .pages = 1, .late = 9,
     .endings = ONE(SENT) | ONE(NOT_SENT), .deliveries = ONE(WRITTEN), .losses = 1, .keeps_seen = true,
     .restarts = true, .has_source = true},
    {.name = "g5", .about = "requests without a lease", .depth = 8, .deep = 10, .users = 2, .budget = 2, .kinds = SYNC,
     .holds = ONE(0) | ONE(2), .passes = STEPS, .live = 1, .pages = 1, .endings = ONE(SENT),
     .deliveries = ONE(WRITTEN), .losses = 2, .crashes = true, .keeps_seen = true, .restarts = true,
     .has_source = true},
    {.name = "h", .about = "refunds and charges", .depth = 13, .deep = 17, .users = 2, .budget = 4, .kinds = SYNC,
     .holds = ONE(2), .passes = STEPS, .live = 1, .pages = 2, .late = 2,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(SENT_TWICE), .deliveries = ONE(WRITTEN)},
};
/* clang-format on */

const int scopes_count = sizeof scopes / sizeof *scopes;
