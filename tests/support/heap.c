/* A heap that counts; see heap.h. */
#include "heap.h"

#include "kit.h"

#include <stdlib.h>
#include <string.h>

typedef union head {
    struct {
        heap *owner;
        size_t size;
    } is;
    max_align_t align;
} head;

static void *allocate(void *user, size_t size)
{
    heap *h = user;
    size_t number = atomic_fetch_add(&h->requests, 1) + 1;
    head *block = number == h->fail_at ? NULL : malloc(sizeof *block + size);

    if (block == NULL)
        return NULL;
    memset(block + 1, 0xa5, size);
    block->is.owner = h;
    block->is.size = size;
    (void)atomic_fetch_add(&h->blocks, 1);
    return block + 1;
}

static void release(void *user, void *memory)
{
    heap *h = user;
    head *block = (head *)memory - 1;

    if (block->is.owner != h)
        kit_die("a block is freed into another heap");
    (void)atomic_fetch_sub(&h->blocks, 1);
    memset(block, 0x5a, sizeof *block + block->is.size);
    free(block);
}

static void *reallocate(void *user, void *memory, size_t size)
{
    void *moved = allocate(user, size);

    if (moved != NULL && memory != NULL) {
        size_t old = ((head *)memory - 1)->is.size;

        memcpy(moved, memory, old < size ? old : size);
        release(user, memory);
    }
    return moved;
}

lock_sync_allocator heap_allocator(heap *h)
{
    return (lock_sync_allocator){sizeof(lock_sync_allocator), h, allocate, reallocate, release};
}
