/* A heap that counts, each block marked with its heap: freeing into another one ends the process. */
#ifndef KIT_HEAP_H
#define KIT_HEAP_H

#include <locksync/locksync.h>

#include <stdatomic.h>

typedef struct heap {
    atomic_size_t blocks;   /* alive */
    atomic_size_t requests; /* so far */
    size_t fail_at;         /* the request of that number fails; 0: none */
} heap;

lock_sync_allocator heap_allocator(heap *h);

#endif
