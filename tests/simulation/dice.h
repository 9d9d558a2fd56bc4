/* Random numbers that a seed repeats. */
#ifndef SIMULATION_DICE_H
#define SIMULATION_DICE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct dice {
    uint64_t state;
} dice;

/* Dice of their own for each pair of numbers: what one thing draws does not depend on how much others drew. */
dice dice_of(uint64_t seed, uint64_t what, uint64_t number);
uint64_t dice_throw(dice *d);
int64_t dice_between(dice *d, int64_t least, int64_t most); /* both included */
bool dice_one_in(dice *d, int64_t n);

/* The library's own random numbers (base/random.h) follow from the seed too. */
void dice_seed_library(uint64_t seed);

#endif
