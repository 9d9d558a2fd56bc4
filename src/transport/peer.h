/* The system's knowledge of the other end of a connected socket. These functions do not consume data of the socket. */
#ifndef LSYNC_TRANSPORT_PEER_H
#define LSYNC_TRANSPORT_PEER_H

#include <stdbool.h>
#include <stdint.h>

/* Returns how many bytes the socket has received in its life; 0 if the system does not report it. */
uint64_t lsync_peer_bytes_received(int socket);

/* Returns whether the peer closed its side of an idle connection; with TLS a closing alert counts too. With HTTP/1.1
   any pending data counts as the end. With HTTP/2 it does not, because a server may send frames at any time. */
bool lsync_peer_has_closed(int socket, bool tls, bool http2);

/* Shuts a connection down in both directions. All its users find it closed. */
void lsync_peer_shut_down(int socket);

/* Makes the system detect a dead peer: it sends keepalive probes while the connection is idle. If the system lacks an
   option, its defaults apply. */
void lsync_peer_watch(int socket);

/* Limits the time for the acknowledgement of sent data and of probes, if the system can. Call it for a connected
   socket, because the limit would also end a connect. */
void lsync_peer_limit_acknowledgement(int socket);

#endif
