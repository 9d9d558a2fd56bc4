/* Replaces malloc and the related functions for the whole process. It knows the owner of each request: the shared
   object that makes the call. It counts the requests of chosen owners, lets the Nth of them fail, and knows their
   blocks while they live. A program that uses this must be linked with export_dynamic. */
#ifndef TORTURE_ALLOC_H
#define TORTURE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ALLOC_LOCKSYNC = 1,
    ALLOC_JANSSON = 2,
    ALLOC_CURL = 4,
    ALLOC_OPENSSL = 8,
    ALLOC_HIREDIS = 16,
    ALLOC_ZLIB = 32,
    ALLOC_NGHTTP2 = 64,
    ALLOC_OTHERS = 128 /* the C library and the test */
};

/* Records the blocks of these owners from now on. Call it once, before they ask for any. */
void alloc_know(unsigned owners);

/* Lets request `n` of these owners from now on fail (1: the next), and no other until the next call. */
void alloc_fail(unsigned owners, size_t n);
/* Ends that; returns whether a request failed. */
bool alloc_end(void);
/* Returns where the failed request came from, such as "libcurl.so.4+0x1234", or "?" if no request failed. */
const char *alloc_culprit(void);
unsigned alloc_culprit_owner(void);

/* Returns the owner of the code at that address. */
unsigned alloc_owner_of_code(uintptr_t address);

/* Returns how many blocks these owners have requested since alloc_know(). */
size_t alloc_requests(unsigned owners);
/* Returns how many blocks of these owners live. */
size_t alloc_blocks(unsigned owners);
/* Returns the owner of the live block that contains an address, or 0 if it is in no known block. */
unsigned alloc_owner_of(const void *address);

/* Calls `look` with each block of a known owner before it is freed. New blocks are cleared, so that a block contains
   only what its owner wrote. NULL ends both. */
void alloc_on_release(void (*look)(unsigned owner, const void *block, size_t size));

#endif
