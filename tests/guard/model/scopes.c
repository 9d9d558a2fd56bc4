/* The scopes: which users and events are searched together, and the depth. The depth on demand takes several times
   as long as that of every run.

   The searches leave out what the guard does not promise (see docs/rate-limits.md):
   - A file is deleted, or replaced by an older copy, and all later users have seen nothing newer. A file cannot show
     that it was replaced.
   - A lease is longer than the default, and longer than the leases of all users that notice the loss.
   - A clock that is set forward opens the guard early, by as much. If the record is lost at that time, two requests may
     run at once. One of them extends a lease that has ended by the store's clock but not by the user's.
   - The number of pages of a directory may be lost with a record. Then the next directory waits for one interval.
   - A request that was sent twice counts twice only from the settle on.
   - The users of an account have different settings. */
#include "model.h"

#define ONE(bit) (1u << (bit))
#define SYNC ONE(LOCK_SYNC_REQUEST_SYNC)
#define DIRECTORY ONE(LOCK_SYNC_REQUEST_DIRECTORY)
#define OTHER ONE(LOCK_SYNC_REQUEST_OTHER)
#define STEPS (ONE(1) | ONE(2) | ONE(5))

/* clang-format off */
const scope scopes[] = {
    {.name = "a", .about = "two users", .depth = 11, .deep = 14, .users = 2, .budget = 3, .kinds = SYNC,
     .leases = ONE(0) | ONE(1) | ONE(2), .passes = STEPS, .live = 1, .pages = 1,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED), .deliveries = ONE(WRITTEN)},
    {.name = "b", .about = "all kinds", .depth = 8, .deep = 9, .users = 2, .budget = 3,
     .kinds = SYNC | DIRECTORY | OTHER, .leases = ONE(0) | ONE(3), .passes = STEPS, .live = 2, .pages = 1,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED), .deliveries = ONE(WRITTEN)},
    {.name = "c", .about = "three users, records lost", .depth = 9, .deep = 10, .users = 3, .budget = 3, .kinds = SYNC,
     .leases = ONE(2), .passes = STEPS, .live = 1, .pages = 1, .late = 1, .endings = ONE(SENT) | ONE(LIMITED_LONG),
     .deliveries = ONE(WRITTEN), .losses = 2, .crashes = true, .keeps_seen = true, .restarts = true,
     .has_source = true},
    {.name = "d", .about = "retries and pages", .depth = 9, .deep = 10, .users = 2, .budget = 4,
     .kinds = SYNC | DIRECTORY, .leases = ONE(1) | ONE(2), .passes = STEPS, .live = 1, .pages = 3,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED), .deliveries = ONE(WRITTEN), .crashes = true},
    {.name = "e1", .about = "clocks set, machines restarted", .depth = 7, .deep = 8, .users = 2, .budget = 3,
     .kinds = SYNC | OTHER, .leases = ONE(0) | ONE(2), .passes = STEPS, .live = 1, .pages = 2, .late = 2,
     .endings = ONE(SENT) | ONE(LIMITED_LONG), .deliveries = ONE(WRITTEN), .jump = 7, .reboots = true},
    /* No extending here. After the clock was set forward and the record lost, a user may extend a lease that has ended
       by the store's clock only. The guard does not promise this case; see docs/rate-limits.md. */
    {.name = "e2", .about = "clocks set, records lost", .depth = 8, .deep = 9, .users = 2, .budget = 2, .kinds = SYNC,
     .leases = ONE(2), .passes = STEPS, .live = 1, .pages = 1, .late = 1, .endings = ONE(SENT) | ONE(LIMITED_LONG),
     .deliveries = ONE(WRITTEN), .jump = 7, .losses = 1, .crashes = true, .keeps_seen = true, .restarts = true,
     .has_source = true},
    {.name = "e3", .about = "a coarse clock", .depth = 8, .deep = 9, .users = 2, .budget = 3, .kinds = SYNC | OTHER,
     .leases = ONE(0) | ONE(1) | ONE(4), .passes = STEPS, .live = 1, .pages = 2, .late = 1,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED), .deliveries = ONE(WRITTEN), .is_coarse = true},
    {.name = "f1", .about = "crashes, lost and late settles", .depth = 7, .deep = 9, .users = 2, .budget = 3,
     .kinds = SYNC, .leases = ONE(2), .passes = STEPS, .live = 1, .pages = 1, .late = 2,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED) | ONE(LIMITED_LONG) | ONE(SENT_TWICE),
     .deliveries = ONE(WRITTEN) | ONE(REPLY_LOST) | ONE(WRITE_LOST) | ONE(UNREACHED), .crashes = true,
     .keeps_seen = true},
    {.name = "f2", .about = "the same, with retries", .depth = 7, .deep = 9, .users = 2, .budget = 3, .kinds = SYNC,
     .leases = ONE(1) | ONE(2), .passes = ONE(1) | ONE(5), .live = 1, .pages = 3, .late = 1,
     .endings = ONE(SENT) | ONE(LIMITED),
     .deliveries = ONE(WRITTEN) | ONE(REPLY_LOST) | ONE(WRITE_LOST) | ONE(UNREACHED),
     .keeps_seen = true},
    {.name = "g1", .about = "a file deleted, or an older copy", .depth = 9, .deep = 11, .users = 2, .budget = 3,
     .kinds = SYNC, .leases = ONE(2), .passes = STEPS, .live = 1, .pages = 2,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED_LONG), .deliveries = ONE(WRITTEN), .losses = 2,
     .crashes = true, .keeps_seen = true},
    {.name = "g2", .about = "Redis flushed, restarted, failed over", .depth = 8, .deep = 9, .users = 2, .budget = 2,
     .kinds = SYNC, .leases = ONE(2), .passes = STEPS, .live = 1, .pages = 2, .late = 4,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED_LONG),
     .deliveries = ONE(WRITTEN) | ONE(WRITE_LOST) | ONE(UNREACHED),
     .losses = 2, .crashes = true, .keeps_seen = true, .restarts = true, .has_source = true},
    {.name = "g3", .about = "the same, all kinds", .depth = 6, .deep = 7, .users = 2, .budget = 2,
     .kinds = SYNC | DIRECTORY | OTHER, .leases = ONE(0) | ONE(2), .passes = STEPS, .live = 2, .pages = 3, .late = 1,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(LIMITED_LONG), .deliveries = ONE(WRITTEN) | ONE(WRITE_LOST),
     .losses = 2, .crashes = true, .keeps_seen = true, .restarts = true, .has_source = true},
    /* All ask for the same lease. The guard does not promise longer ones than it knows of; see docs/rate-limits.md. */
    {.name = "g4", .about = "long leases, and very late settles", .depth = 9, .deep = 11, .users = 2, .budget = 3,
     .kinds = SYNC, .leases = ONE(3), .passes = ONE(1) | ONE(5), .live = 1, .pages = 1, .late = 9,
     .endings = ONE(SENT) | ONE(NOT_SENT), .deliveries = ONE(WRITTEN), .losses = 1, .keeps_seen = true,
     .restarts = true, .has_source = true},
    {.name = "g5", .about = "requests without a lease", .depth = 8, .deep = 10, .users = 2, .budget = 2, .kinds = SYNC,
     .leases = ONE(0) | ONE(2), .passes = STEPS, .live = 1, .pages = 1, .endings = ONE(SENT),
     .deliveries = ONE(WRITTEN), .losses = 2, .crashes = true, .keeps_seen = true, .restarts = true,
     .has_source = true},
    {.name = "h", .about = "refunds and charges", .depth = 13, .deep = 17, .users = 2, .budget = 4, .kinds = SYNC,
     .leases = ONE(2), .passes = STEPS, .live = 1, .pages = 2, .late = 2,
     .endings = ONE(SENT) | ONE(NOT_SENT) | ONE(SENT_TWICE), .deliveries = ONE(WRITTEN)},
};
/* clang-format on */

const int scopes_count = sizeof scopes / sizeof *scopes;
