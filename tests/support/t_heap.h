/* A heap that counts and fails on demand. What is no proper use of an allocator ends the process: a block freed into
   another heap, a size of 0, NULL where there must be a block. */
#ifndef T_HEAP_H
#define T_HEAP_H

#include <locksync/locksync.h>

#include <stdatomic.h>

typedef struct t_heap {
    atomic_size_t blocks;   /* alive */
    atomic_size_t bytes;    /* alive */
    atomic_size_t requests; /* allocations and reallocations so far */
    size_t fail_at;         /* the request of that number fails; 0: none */
    bool goes_on;           /* and all after it */
    atomic_size_t failed;   /* how many failed */
    const char *secret;     /* NULL, or a text that must not be in memory given back */
    atomic_size_t leaked_secrets;
} t_heap;

lock_sync_allocator t_heap_allocator(t_heap *h);
/* The next request but `n` (0: the very next) fails. */
void t_heap_fail_in(t_heap *h, size_t n);

#endif
