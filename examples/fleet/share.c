#include "share.h"

/* Spreads a number over 64 bits: the finalizer of splitmix64. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t share_hash(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return mix(hash);
}

/* Lets each member bid for the account, and the highest bid wins. A tie goes to the member with the higher hash. */
bool share_is_mine(uint64_t account, uint64_t self, const uint64_t *members, size_t count)
{
    uint64_t mine = mix(account ^ self);
    bool alive = false;

    for (size_t i = 0; i < count; i++) {
        uint64_t bid = mix(account ^ members[i]);

        if (bid > mine || (bid == mine && members[i] > self))
            return false;
        alive = alive || members[i] == self;
    }
    return alive;
}
