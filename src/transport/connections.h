/* The connections of transfers: which are opened, and whether a request may be sent on them. In the callbacks `user` is
   the transfer, or its lsync_sockets where that is said. */
#ifndef LSYNC_TRANSPORT_CONNECTIONS_H
#define LSYNC_TRANSPORT_CONNECTIONS_H

#include "transport/types.h"

void lsync_sockets_init(lsync_sockets *s, const lock_sync_allocator *memory, lsync_socket_owner *owner);
/* No connection speaks to it any more. */
void lsync_sockets_release(lsync_sockets *s);

curl_socket_t lsync_on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address);
int lsync_on_close_socket(void *user, curl_socket_t socket); /* user: lsync_sockets */

/* CURLOPT_PREREQFUNCTION: before a request is sent, and again before libcurl would send it by itself. */
int lsync_on_send(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port);

/* Another origin comes: nothing is known of it. Connections to the one before may be open still. */
void lsync_sockets_forget(lsync_sockets *s);

/* How many requests the connections carry at once over HTTP/2, as far as is known. */
uint32_t lsync_sockets_streams(const lsync_sockets *s);
/* Ends the connections over HTTP/2 that wait for a request and were closed by the server. libcurl reads what waits there
   before it asks for the request, and does not know a closing alert for what it is. In a pool once a turn: many requests
   begin in one, and lsync_on_send looks again. */
void lsync_sockets_end_closed(lsync_sockets *s);

/* Whether there are connections, and a response came on each. */
bool lsync_sockets_are_confirmed(const lsync_sockets *s);

/* Whether there may be one connection more. */
bool lsync_sockets_have_room(const lsync_sockets *s);

/* Whether the connection that a request was sent on was ended because it gave no sign of life to another. */
bool lsync_sockets_is_dead(const lsync_transfer *t);

/* A response came. */
void lsync_sockets_learn(lsync_sockets *s, bool http2);

/* The attempt of a transfer is over. `out_of_time`: a connection that gave no sign of life since the request was sent
   is not trusted any more, and ended. */
void lsync_sockets_leave(lsync_transfer *t, bool out_of_time);

#endif
