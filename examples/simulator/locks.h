/* The behaviour of the simulated locks; see locks.c. They have the numbers 1, 2, 3 ... Their ids are in roster.h. */
#ifndef LOCKSYNC_SIM_LOCKS_H
#define LOCKSYNC_SIM_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

struct lock_state {
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

/* Makes the locks. scale: simulated seconds in a real second. frozen: the locks never change. */
struct locks *locks_new(uint64_t seed, double scale, bool frozen, int64_t now_us);
void locks_free(struct locks *locks);

uint64_t locks_seed(const struct locks *locks);

/* Returns the simulated time since the start; 0 for frozen locks. Here and below now_us is on the monotonic clock. */
int64_t locks_age_us(const struct locks *locks, int64_t now_us);

/* Computes the state of a lock at now_us. */
void locks_look(const struct locks *locks, int64_t number, int64_t now_us, struct lock_state *seen);

int64_t monotonic_us(void);

#endif
