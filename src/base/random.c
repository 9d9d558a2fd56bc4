/* Random numbers; see random.h. */
#include "base/random.h"
#include "base/clock.h"

#include <stdbool.h>
#include <unistd.h>

/* Returns false if the system has no such source, or if the C library's headers do not declare it. */
static bool ask_system(uint64_t *seed)
{
#if defined(__linux__) && defined(_GNU_SOURCE)
    return getentropy(seed, sizeof *seed) == 0;
#else
    (void)seed;
    return false;
#endif
}

void lsync_random_seed(lsync_random *random)
{
    uint64_t seed = 0;

    if (!ask_system(&seed))
        seed = (uint64_t)lsync_clock_boot_us() ^ (uint64_t)lsync_clock_unix_ms() << 20 ^ (uint64_t)getpid() << 44 ^
               (uint64_t)(uintptr_t)random;
    random->state = seed;
}

/* Uses the algorithm splitmix64. */
int64_t lsync_random_next(lsync_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (int64_t)(z >> 1) > 0 ? (int64_t)(z >> 1) : 1;
}
