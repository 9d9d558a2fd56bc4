/* Runs acts with their first request for memory failing, then their second, and so on until they need no more. What
   may come of it: the act's own end, E_NO_MEMORY, and little else. Nothing of ours is lost, nothing good is wrong,
   and done again it works. */
#ifndef TORTURE_RUNNER_H
#define TORTURE_RUNNER_H

#include "acts.h"
#include "alloc.h"

#define LIBRARIES (ALLOC_OURS | ALLOC_JANSSON | ALLOC_CURL | ALLOC_HIREDIS)
#define OWN_MEMORY 0 /* instead of owners: the allocator that the host gave */

/* What went wrong, in number, and why. */
extern size_t faults;
void complain(const act *a, size_t n, const char *what, const char *more);

/* One act whose request `n` fails; false: there was no such request any more. `any`: every failure is allowed. */
bool act_without(const act *a, unsigned owners, size_t n, bool any);

/* All acts of a list, with each of their first `most` requests failing. */
void check_acts(const act *acts, unsigned owners, size_t most, bool any);

#endif
