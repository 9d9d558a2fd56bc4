/* Memory through a host's allocator, and the wiping of secrets. Sizes are checked here, not at the callers. */
#ifndef LSYNC_BASE_MEMORY_H
#define LSYNC_BASE_MEMORY_H

#include "locksync/common.h"

/* Copies a host's allocator (NULL: malloc's). False when a function is missing or the struct is too short. */
bool lsync_allocator_init(lock_sync_allocator *out, const lock_sync_allocator *given);

/* As malloc, realloc and free; lsync_free takes NULL, and a block that holds `memory` itself. */
void *lsync_alloc(const lock_sync_allocator *memory, size_t size);
void *lsync_realloc(const lock_sync_allocator *memory, void *block, size_t size);
void lsync_free(const lock_sync_allocator *memory, void *block);

/* A copy of `size` bytes of text with a NUL behind; NULL when memory is out. */
char *lsync_strndup(const lock_sync_allocator *memory, const char *text, size_t size);

/* Writes zeros that the compiler may not leave out. */
void lsync_wipe(void *block, size_t size);
/* Wipes and frees a text; NULL is allowed. */
void lsync_free_secret(const lock_sync_allocator *memory, char *text);

/* Copies a struct of pointers that a host filled, perhaps by a shorter version of its header: what that lacks is
   zero. */
void lsync_copy_struct(void *out, size_t out_size, const void *given, size_t given_size);

/* Adds an array to the plan of a block that holds several: `count` members of `each` bytes, from *start on, aligned for
   an int64_t; *end is the block's size so far. False when it passes what can be addressed. */
bool lsync_add_part(size_t *end, size_t count, size_t each, size_t *start);

/* a * b and a + b, false when they pass SIZE_MAX. */
bool lsync_size_mul(size_t a, size_t b, size_t *out);
bool lsync_size_add(size_t a, size_t b, size_t *out);

#endif
