/* A build without libcurl has no built-in transport. */
#include "transport/transport.h"

lock_sync_status lsync_transport_new(const lock_sync_allocator *memory, lock_sync_transport *out)
{
    (void)memory;
    (void)out;
    return LOCK_SYNC_E_NO_TRANSPORT;
}
