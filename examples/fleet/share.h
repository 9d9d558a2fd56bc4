/* Which member of the fleet polls which account: rendezvous hashing. Each member computes it alone, with the same
   result. A member that leaves or joins moves only its part of the accounts. */
#ifndef FLEET_SHARE_H
#define FLEET_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Hashes a name, of an account or of a member. The result is the same on all machines. */
uint64_t share_hash(const char *name);

/* Returns whether the member `self` polls the account, given the hashes of all members alive, without doubles. A
   `self` that is not among them polls nothing. */
bool share_is_mine(uint64_t account, uint64_t self, const uint64_t *members, size_t count);

#endif
