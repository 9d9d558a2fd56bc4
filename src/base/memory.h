/* Memory from the application's allocator, and wiping of secrets. These functions check sizes, so callers need not. */
#ifndef LSYNC_BASE_MEMORY_H
#define LSYNC_BASE_MEMORY_H

#include "locksync/common.h"

/* Copies the application's allocator (NULL: malloc and free). False if a function is missing or the struct is short. */
bool lsync_allocator_init(lock_sync_allocator *out, const lock_sync_allocator *given);

/* Do what malloc, realloc and free do. lsync_free accepts NULL, and a block that contains `memory` itself. */
void *lsync_alloc(const lock_sync_allocator *memory, size_t size);
void *lsync_realloc(const lock_sync_allocator *memory, void *block, size_t size);
void lsync_free(const lock_sync_allocator *memory, void *block);

/* Copies `size` bytes of text and adds a NUL. Returns NULL if memory runs out. */
char *lsync_strndup(const lock_sync_allocator *memory, const char *text, size_t size);

/* Writes zeros; the compiler cannot optimize the writes away. */
void lsync_wipe(void *block, size_t size);
/* Wipes and frees a text; NULL is allowed. */
void lsync_free_secret(const lock_sync_allocator *memory, char *text);

/* Copies a struct of pointers that the application filled. An application that was built with an older header passes a
   shorter struct; the members that it lacks become zero. */
void lsync_copy_struct(void *out, size_t out_size, const void *given, size_t given_size);

/* Adds an array of `count` members of `each` bytes to the layout of a block that holds several arrays. *end is the size
   of the block so far. *start becomes the offset of the array, aligned for an int64_t. False if a size overflows. */
bool lsync_add_part(size_t *end, size_t count, size_t each, size_t *start);

/* Compute a * b and a + b. Return false if the result exceeds SIZE_MAX. */
bool lsync_size_mul(size_t a, size_t b, size_t *out);
bool lsync_size_add(size_t a, size_t b, size_t *out);

#endif
