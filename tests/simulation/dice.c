/* Random numbers that a seed determines; see dice.h. They replace base/random.c. */
#include "dice.h"

#include "../support/t_random.h"
#include "base/random.h"

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static struct {
    uint64_t seed;
    uint64_t generators;
} library;

uint64_t dice_throw(dice *d)
{
    return t_random(&d->state);
}

dice dice_of(uint64_t seed, uint64_t what, uint64_t number)
{
    dice d = {seed};

    d.state = dice_throw(&d) + what * GOLDEN;
    d.state = dice_throw(&d) + number * GOLDEN;
    d.state = dice_throw(&d); /* otherwise one would continue the sequence of another */
    return d;
}

int64_t dice_between(dice *d, int64_t least, int64_t most)
{
    return least + (int64_t)(dice_throw(d) % (uint64_t)(most - least + 1));
}

bool dice_one_in(dice *d, int64_t n)
{
    return dice_between(d, 1, n) == 1;
}

/* --- the library's numbers --- */

void dice_seed_library(uint64_t seed)
{
    library.seed = seed;
    library.generators = 0;
}

void lsync_random_seed(lsync_random *random)
{
    random->state = dice_of(library.seed, UINT64_C(77), ++library.generators).state;
}

int64_t lsync_random_next(lsync_random *random)
{
    dice d = {random->state};
    int64_t number = (int64_t)(dice_throw(&d) >> 1);

    random->state = d.state;
    return number > 0 ? number : 1;
}
