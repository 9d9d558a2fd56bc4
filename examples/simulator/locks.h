/* The simulated locks; locks.c describes how they behave. */
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
    bool paired; /* with a bridge, at some time */
    bool connected;
    bool charging;
};

struct locks;

/* scale: simulated seconds in a real second. frozen: the locks never change. */
struct locks *locks_new(int64_t count, uint64_t seed, double scale, bool frozen, int64_t now_us);
void locks_free(struct locks *locks);

int64_t locks_count(const struct locks *locks);
uint64_t locks_seed(const struct locks *locks);
bool locks_has(const struct locks *locks, int64_t id);

/* Computes the state of a lock at now_us on the monotonic clock. locks_has(id) must be true. */
void locks_look(const struct locks *locks, int64_t id, int64_t now_us, struct lock_state *seen);

int64_t monotonic_us(void);

#endif
