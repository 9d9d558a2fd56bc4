/* Stands before malloc and its kin for the whole process, and knows who asks: the shared object from which a call
   comes. The requests of chosen owners are counted, the Nth of them can be made to fail, and their blocks are known
   while they live. A program that uses this must be linked with export_dynamic. */
#ifndef TORTURE_ALLOC_H
#define TORTURE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ALLOC_OURS = 1,
    ALLOC_JANSSON = 2,
    ALLOC_CURL = 4,
    ALLOC_OPENSSL = 8,
    ALLOC_HIREDIS = 16,
    ALLOC_ZLIB = 32,
    ALLOC_NGHTTP2 = 64,
    ALLOC_OTHERS = 128 /* libc, the test itself */
};

/* From here on the blocks of these owners are known. Once, before the first of them is asked for. */
void alloc_know(unsigned owners);

/* Request `n` of these owners from now on fails (1: the next). Then none does until it is called again. */
void alloc_fail(unsigned owners, size_t n);
/* Ends that; whether it came to it. */
bool alloc_end(void);
/* Where the request that failed came from: "libcurl.so.4+0x1234"; "?": none did. */
const char *alloc_culprit(void);
unsigned alloc_culprit_owner(void);

/* Whose code is at that address. */
unsigned alloc_owner_of_code(uintptr_t address);

/* How often these owners, if they are known, have asked for a block so far. */
size_t alloc_requests(unsigned owners);
/* How many blocks of these owners live. */
size_t alloc_blocks(unsigned owners);
/* The owner of the living block in which an address lies; 0: in none that is known. */
unsigned alloc_owner_of(const void *address);

/* Called with each block of a known owner before it is given back; and new blocks are cleared, so that what is in
   one was written there by its owner. NULL: neither. */
void alloc_on_release(void (*look)(unsigned owner, const void *block, size_t size));

#endif
