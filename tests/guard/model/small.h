/* Sets the guard's hour to twelve units. It is included before all other files. */
#define LSYNC_GUARD_HOUR_US ((int64_t)12)
#define LSYNC_GUARD_CELL_US ((int64_t)4)
#define LSYNC_GUARD_LOSS_LEASE_US ((int64_t)2)
