/* A heap that counts, and fails on demand. A wrong use ends the process: a block freed into another heap, a size of
   0, or NULL in place of a block. */
#ifndef T_HEAP_H
#define T_HEAP_H

#include <locksync/locksync.h>

#include <stdatomic.h>

typedef struct t_heap {
    atomic_size_t blocks;   /* alive */
    atomic_size_t bytes;    /* alive */
    atomic_size_t requests; /* allocations and reallocations so far */
    size_t fail_at;         /* the number of the request that fails; 0: no request fails */
    bool goes_on;           /* all later requests fail too */
    atomic_size_t failed;   /* how many failed */
    const char *secret;     /* NULL, or a text that freed memory must not contain */
    atomic_size_t leaked_secrets;
} t_heap;

lock_sync_allocator t_heap_allocator(t_heap *h);
/* Lets a request fail after `n` more; 0: the next one. */
void t_heap_fail_in(t_heap *h, size_t n);

#endif
