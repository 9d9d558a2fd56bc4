/* libcurl's callbacks about connections: `user` is the transfer, or its lsync_sockets where that is said. */
#ifndef LSYNC_TRANSPORT_CURL_SOCKETS_H
#define LSYNC_TRANSPORT_CURL_SOCKETS_H

#include "transport/curl_transfer.h"

curl_socket_t lsync_on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address);
int lsync_on_close_socket(void *user, curl_socket_t socket); /* user: lsync_sockets */

/* CURLOPT_PREREQFUNCTION: before a request is sent, and again before libcurl repeats it. */
int lsync_on_send(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port);

/* An answer came. */
void lsync_sockets_learn(lsync_sockets *sockets, bool http2);

#endif
