/* The built-in transport, by the build's configuration: with libcurl (blocking.c), or absent (none.c). */
#ifndef LSYNC_TRANSPORT_TRANSPORT_H
#define LSYNC_TRANSPORT_TRANSPORT_H

#include "locksync/transport.h"

/* Makes the built-in transport. Returns OK, E_NO_MEMORY, E_CONNECT (out of file descriptors), or E_NO_TRANSPORT (no
   libcurl, or it lacks a required feature). */
lock_sync_status lsync_transport_new(const lock_sync_allocator *memory, lock_sync_transport *out);

#endif
