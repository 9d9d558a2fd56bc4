/* The locks that the simulator pretends to have; locks.c describes how they live. */
#ifndef LOCKSYNC_SIM_LOCKS_H
#define LOCKSYNC_SIM_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

#define FIRST_LOCK_ID 1001
#define MOST_LOCKS 100000

struct lock_state {
    int64_t id;
    int64_t revision;
    int64_t changed_ms; /* Unix time */
    int state;
    int door;
    int battery;
    int result;
    bool connected;
    bool charging;
};

struct locks;

/* scale: simulated seconds in a real one. frozen: the locks stay for ever as they are at the start. */
struct locks *locks_new(int64_t count, uint64_t seed, double scale, bool frozen, int64_t now_us);
void locks_free(struct locks *locks);

int64_t locks_count(const struct locks *locks);
bool locks_has(const struct locks *locks, int64_t id);

/* How the lock is at now_us on the monotonic clock. The id must be one that locks_has. */
void locks_look(const struct locks *locks, int64_t id, int64_t now_us, struct lock_state *seen);

int64_t monotonic_us(void);

#endif
