/* What the system knows of the other end of a connected socket. Nothing is read from it. */
#ifndef LSYNC_TRANSPORT_PEER_H
#define LSYNC_TRANSPORT_PEER_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that the socket has received in its life; 0 where the system does not tell. */
uint64_t lsync_peer_bytes_received(int socket);

/* Whether nothing was received in the last `us` microseconds, but for the first of them: what came in the same tick of the
   kernel's clock as a request was sent is no answer to it. True where the system does not tell. */
bool lsync_peer_is_silent(int socket, int64_t us);

/* Whether the peer closed its side of a connection that waits for the next request; over TLS also by a closing alert.
   Without HTTP/2, where a server may speak unasked, any byte that waits is taken for the end. */
bool lsync_peer_has_closed(int socket, bool tls, bool http2);

/* Ends a connection both ways. All that use it find it closed. */
void lsync_peer_shut_down(int socket);

/* Bounds how long a dead peer is believed in: keepalive probes while the connection is idle, and a limit on what is
   sent and not acknowledged. Where the system lacks an option, its own rules stand. */
void lsync_peer_watch(int socket);

#endif
