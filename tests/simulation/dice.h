/* Random numbers that a seed determines. */
#ifndef SIMULATION_DICE_H
#define SIMULATION_DICE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct dice {
    uint64_t state;
} dice;

/* Returns separate dice for each pair of numbers, so that one sequence does not depend on draws from others. */
dice dice_of(uint64_t seed, uint64_t what, uint64_t number);
uint64_t dice_throw(dice *d);
int64_t dice_between(dice *d, int64_t least, int64_t most); /* both included */
bool dice_one_in(dice *d, int64_t n);

/* Seeds the library's random numbers (base/random.h). */
void dice_seed_library(uint64_t seed);

#endif
