/* Runs acts while their first request for memory fails, then their second, and so on until they make no more. An act
   may end with its own status, with E_NO_MEMORY, and little else. The library must leak nothing and return nothing
   wrong, and the act must succeed when it is run again. */
#ifndef TORTURE_RUNNER_H
#define TORTURE_RUNNER_H

#include "acts.h"
#include "alloc.h"

#define LIBRARIES (ALLOC_LOCKSYNC | ALLOC_JANSSON | ALLOC_CURL | ALLOC_HIREDIS)
#define OWN_MEMORY 0 /* instead of owners: the application's allocator */

/* The number of faults so far, and a function that prints one and counts it. */
extern size_t faults;
void complain(const act *a, size_t n, const char *what, const char *more);

/* Runs an act whose request `n` fails; returns false if it made fewer requests. `any`: the act may end with any
   status. */
bool act_without(const act *a, unsigned owners, size_t n, bool any);

/* Runs all acts of a list, with each of their first `most` requests failing. */
void check_acts(const act *acts, unsigned owners, size_t most, bool any);

#endif
