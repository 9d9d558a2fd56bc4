/* The building of a directory: pages in, each lock once; see locksync/directory.h. Pure. */
#ifndef LSYNC_WIRE_DIRECTORY_H
#define LSYNC_WIRE_DIRECTORY_H

#include "locksync/directory.h"
#include "wire/body.h"

#define LSYNC_PAGES_MAX 10 /* requests that the service allows in ten minutes */

/* Makes an empty directory, transferred. NULL: out of memory. */
lock_sync_directory *lsync_directory_new(const lock_sync_allocator *memory);

/* Decodes the response to one page and adds its locks. Another page may follow a page that has exactly as many records
   as requested. A service that sends more has no pages. After a failure the error is set, and the directory can only be
   freed. */
lock_sync_status lsync_directory_add(lock_sync_directory *d, const lsync_decoding *page);

/* Finishes the directory: a lock that came in several pages stays as in the last of them. Returns OK or E_NO_MEMORY. */
lock_sync_status lsync_directory_finish(lock_sync_directory *d, int64_t fetched_at_ms);

#endif
