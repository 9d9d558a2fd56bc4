/* libcurl's callbacks about connections: `user` is the transfer, or its lsync_sockets where that is said. */
#ifndef LSYNC_TRANSPORT_CURL_SOCKETS_H
#define LSYNC_TRANSPORT_CURL_SOCKETS_H

#include "transport/curl_types.h"

curl_socket_t lsync_on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address);
int lsync_on_close_socket(void *user, curl_socket_t socket); /* user: lsync_sockets */

/* CURLOPT_PREREQFUNCTION: before a request is sent, and again before libcurl repeats it. */
int lsync_on_send(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port);

/* Whether a repeat goes over a connection of its own, as its first request: where the server closes connections after a
   few requests, so that many are repeated, one that is open would soon be closed too. What is not known yet may be so.
   Where the cap leaves no connection but those that are shared, libcurl would have it wait until nobody uses one. */
bool lsync_repeats_alone(const lsync_sockets *s);

/* An answer came. */
void lsync_sockets_learn(lsync_sockets *sockets, bool http2);

#endif
