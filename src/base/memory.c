/* Memory from the application's allocator; see memory.h. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static void *default_allocate(void *user, size_t size)
{
    (void)user;
    return malloc(size);
}

static void *default_reallocate(void *user, void *block, size_t size)
{
    (void)user;
    return realloc(block, size);
}

static void default_release(void *user, void *block)
{
    (void)user;
    free(block);
}

bool lsync_allocator_init(lock_sync_allocator *out, const lock_sync_allocator *given)
{
    if (given == NULL) {
        *out = (lock_sync_allocator){sizeof *out, NULL, default_allocate, default_reallocate, default_release};
        return true;
    }
    if (given->struct_size < sizeof *out || given->allocate == NULL || given->reallocate == NULL ||
        given->release == NULL)
        return false;
    *out = *given;
    out->struct_size = sizeof *out;
    return true;
}

void *lsync_alloc(const lock_sync_allocator *memory, size_t size)
{
    return memory->allocate(memory->user, size);
}

void *lsync_realloc(const lock_sync_allocator *memory, void *block, size_t size)
{
    return block == NULL ? lsync_alloc(memory, size) : memory->reallocate(memory->user, block, size);
}

void lsync_free(const lock_sync_allocator *memory, void *block)
{
    if (block != NULL)
        memory->release(memory->user, block);
}

char *lsync_strndup(const lock_sync_allocator *memory, const char *text, size_t size)
{
    char *copy = size == SIZE_MAX ? NULL : lsync_alloc(memory, size + 1);

    if (copy == NULL)
        return NULL;
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

void lsync_wipe(void *block, size_t size)
{
#if defined(__GNUC__)
    memset(block, 0, size);
    __asm__ __volatile__("" : : "r"(block) : "memory"); /* so that the compiler must assume a reader */
#else
    volatile unsigned char *byte = block;

    while (size-- > 0)
        *byte++ = 0;
#endif
}

void lsync_free_secret(const lock_sync_allocator *memory, char *text)
{
    if (text == NULL)
        return;
    lsync_wipe(text, strlen(text));
    lsync_free(memory, text);
}

void lsync_copy_struct(void *out, size_t out_size, const void *given, size_t given_size)
{
    size_t size = given_size < out_size ? given_size : out_size;

    memset(out, 0, out_size);
    memcpy(out, given, size - size % sizeof(void *)); /* whole members only */
}

bool lsync_size_mul(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

bool lsync_size_add(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

bool lsync_add_part(size_t *end, size_t count, size_t each, size_t *start)
{
    size_t bytes;

    if (!lsync_size_add(*end, 7, start) || !lsync_size_mul(count, each, &bytes))
        return false;
    *start -= *start % 8;
    return lsync_size_add(*start, bytes, end);
}
