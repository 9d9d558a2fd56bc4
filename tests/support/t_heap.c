/* A heap that counts; see t_heap.h. */
#include "t_heap.h"

#include "kit.h"

#include <stdlib.h>
#include <string.h>

#if defined(__has_include)
#  if __has_include(<valgrind/memcheck.h>)
#    include <valgrind/memcheck.h>
#  endif
#  if __has_include(<sanitizer/asan_interface.h>)
#    include <sanitizer/asan_interface.h>
#  endif
#endif
#ifndef VALGRIND_MAKE_MEM_DEFINED
#  define VALGRIND_MAKE_MEM_DEFINED(block, size) 0
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#  define ASAN_POISON_MEMORY_REGION(block, size) ((void)0)
#  define ASAN_UNPOISON_MEMORY_REGION(block, size) ((void)0)
#endif

/* The header before each block, with the alignment that every type needs. */
typedef union head {
    struct {
        t_heap *owner;
        size_t size;
    } is;
    max_align_t align;
} head;

static head *head_of(t_heap *h, void *memory)
{
    head *block = (head *)memory - 1;

    if (memory == NULL)
        kit_die("NULL is freed or resized");
    ASAN_UNPOISON_MEMORY_REGION(block, sizeof *block);
    if (block->is.owner != h)
        kit_die("a block is freed into another heap");
    return block;
}

static bool holds(const void *block, size_t size, const char *text)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(block, size); /* the search also reads padding */
    return memmem(block, size, text, strlen(text)) != NULL;
}

static bool must_fail(const t_heap *h, size_t number)
{
    return h->fail_at > 0 && (h->goes_on ? number >= h->fail_at : number == h->fail_at);
}

static void *allocate(void *user, size_t size)
{
    t_heap *h = user;
    size_t number = atomic_fetch_add(&h->requests, 1) + 1;
    bool fails = must_fail(h, number);
    head *block = fails ? NULL : malloc(sizeof *block + size);

    if (size == 0)
        kit_die("a block of no size");
    h->failed += fails;
    if (block == NULL)
        return NULL;
    memset(block + 1, 0xa5, size); /* no caller may rely on zeros */
    block->is.owner = h;
    block->is.size = size;
    ASAN_POISON_MEMORY_REGION(block, sizeof *block);
    h->blocks++;
    h->bytes += size;
    return block + 1;
}

static void release(void *user, void *memory)
{
    t_heap *h = user;
    head *block = head_of(h, memory);

    if (h->secret != NULL && holds(memory, block->is.size, h->secret))
        h->leaked_secrets++;
    h->blocks--;
    h->bytes -= block->is.size;
    memset(block, 0x5a, sizeof *block + block->is.size);
    free(block);
}

/* Always moves the block, so that the use of an old pointer is found. */
static void *reallocate(void *user, void *memory, size_t size)
{
    size_t old = head_of(user, memory)->is.size;
    void *moved = allocate(user, size);

    if (moved == NULL)
        return NULL;
    memcpy(moved, memory, old < size ? old : size);
    release(user, memory);
    return moved;
}

lock_sync_allocator t_heap_allocator(t_heap *h)
{
    return (lock_sync_allocator){sizeof(lock_sync_allocator), h, allocate, reallocate, release};
}

void t_heap_fail_in(t_heap *h, size_t n)
{
    h->fail_at = h->requests + 1 + n;
}
