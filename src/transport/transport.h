/* The built-in transport: libcurl's (blocking.c), or none (none.c), as the build was configured. */
#ifndef LSYNC_TRANSPORT_TRANSPORT_H
#define LSYNC_TRANSPORT_TRANSPORT_H

#include "locksync/transport.h"

/* Makes the built-in transport. OK, E_NO_MEMORY, or E_NO_TRANSPORT in a build without libcurl. */
lock_sync_status lsync_transport_new(const lock_sync_allocator *memory, lock_sync_transport *out);

#endif
