/* A byte buffer that grows up to a cap; see buffer.h. */
#include "base/buffer.h"

#include <string.h>

#define FIRST_CAPACITY 4096 /* a response with twenty locks */

void lsync_buffer_init(lsync_buffer *b, const lock_sync_allocator *memory, size_t cap)
{
    *b = (lsync_buffer){.memory = memory, .cap = cap};
}

void lsync_buffer_free(lsync_buffer *b)
{
    lsync_free(b->memory, b->data);
    lsync_buffer_init(b, b->memory, b->cap);
}

/* Makes room for `needed` bytes and the NUL. `needed` must not exceed the cap. */
static bool reserve(lsync_buffer *b, size_t needed)
{
    size_t capacity = b->capacity == 0 ? FIRST_CAPACITY : b->capacity;
    char *data;

    while (capacity <= needed)
        capacity = capacity > SIZE_MAX / 2 ? needed + 1 : capacity * 2;
    if (capacity > b->cap + 1 && b->cap < SIZE_MAX)
        capacity = b->cap + 1;
    data = lsync_realloc(b->memory, b->data, capacity);
    if (data == NULL)
        return false;
    b->data = data;
    b->capacity = capacity;
    return true;
}

lock_sync_status lsync_buffer_append(lsync_buffer *b, const void *data, size_t size)
{
    if (size > b->cap - b->size)
        return LOCK_SYNC_E_TOO_LARGE;
    if (size == 0)
        return LOCK_SYNC_OK;
    if (size >= b->capacity - b->size && !reserve(b, b->size + size))
        return LOCK_SYNC_E_NO_MEMORY;
    memcpy(b->data + b->size, data, size);
    b->size += size;
    b->data[b->size] = '\0';
    return LOCK_SYNC_OK;
}
