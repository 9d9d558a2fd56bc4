/* The connections of transfers: whether one may be opened, and whether a request may be sent on it. In libcurl's
   callbacks `user` is the transfer, unless a comment says that it is lsync_connections. */
#ifndef LSYNC_TRANSPORT_CONNECTIONS_H
#define LSYNC_TRANSPORT_CONNECTIONS_H

#include "transport/types.h"

void lsync_connections_init(lsync_connections *s, const lock_sync_allocator *memory, lsync_socket_owner *owner);
/* Frees the list. Its connections must be closed before, because closing one uses the list. */
void lsync_connections_release(lsync_connections *s);

curl_socket_t lsync_on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address);
int lsync_on_close_socket(void *user, curl_socket_t socket); /* user: lsync_connections */

/* Serves as CURLOPT_PREREQFUNCTION: libcurl calls it before it sends a request, and again before it retries one. */
int lsync_on_send(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port);

/* Forgets what is known about the origin, because the next request goes to another one. Connections to the earlier
   origin may still be open. */
void lsync_connections_forget(lsync_connections *s);

/* Returns how many requests the connections can carry at once over HTTP/2, as far as is known. */
uint32_t lsync_connections_streams(const lsync_connections *s);
/* Ends the idle HTTP/2 connections that the server has closed. libcurl reads the pending data of a connection before it
   calls lsync_on_send, and does not recognize a closing alert in it. In a pool this is done once in each pass of the
   loop, because many requests begin in one pass. lsync_on_send checks again. */
void lsync_connections_end_closed(lsync_connections *s);

/* Returns whether there are connections, and each of them has carried a response. */
bool lsync_connections_are_confirmed(const lsync_connections *s);

/* Returns whether another connection may be opened. */
bool lsync_connections_are_below_limit(const lsync_connections *s);

/* Returns whether the request's connection was ended because another request on it timed out in silence. */
bool lsync_connection_is_dead(const lsync_transfer *t);

/* Counts a response and stores its protocol. */
void lsync_connections_record_response(lsync_connections *s, bool http2);

/* Detaches a transfer from its connection at the end of an attempt. If `out_of_time`, and no byte was received since
   the request was sent, the connection counts as dead and is shut down. The same applies if the system does not count
   bytes. */
void lsync_connection_leave(lsync_transfer *t, bool out_of_time);

#endif
