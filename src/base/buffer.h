/* A byte buffer that grows up to a cap. */
#ifndef LSYNC_BASE_BUFFER_H
#define LSYNC_BASE_BUFFER_H

#include "base/memory.h"

typedef struct lsync_buffer {
    const lock_sync_allocator *memory; /* must outlive the buffer */
    char *data;                        /* NULL while empty; otherwise a NUL follows the last byte */
    size_t size;
    size_t capacity; /* includes the NUL */
    size_t cap;      /* limit on `size` */
} lsync_buffer;

void lsync_buffer_init(lsync_buffer *b, const lock_sync_allocator *memory, size_t cap);
void lsync_buffer_free(lsync_buffer *b);

/* Returns LOCK_SYNC_OK, LOCK_SYNC_E_NO_MEMORY, or LOCK_SYNC_E_TOO_LARGE if the cap would be exceeded. A failure leaves
   the buffer unchanged. */
lock_sync_status lsync_buffer_append(lsync_buffer *b, const void *data, size_t size);

#endif
