/* What a transfer tells of its sockets in a library without the pool, where there is no loop. */
#include "transport/curl_loop.h"

/* GCOVR_EXCL_START: no sockets have a loop here, so nobody calls these; they are linked to. */
void lsync_loop_opened(lsync_sockets *sockets, int fd)
{
    (void)sockets;
    (void)fd;
}

void lsync_loop_closing(lsync_sockets *sockets, int fd)
{
    (void)sockets;
    (void)fd;
}
/* GCOVR_EXCL_STOP */
