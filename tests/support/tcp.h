/* For the servers of the tests: TCP on loopback, and a server with a thread for each connection. */
#ifndef KIT_TCP_H
#define KIT_TCP_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* Makes a socket bound to an IPv4 or IPv6 address and *port. 0: a free port, which is stored in *port. */
int tcp_bind(const char *address, uint16_t *port);
/* Does the same, and listens. */
int tcp_listen(const char *address, uint16_t *port);
/* Connects to a port of 127.0.0.1. */
int tcp_connect(uint16_t port);
/* Sends written bytes at once (TCP_NODELAY). */
void tcp_nodelay(int fd);
/* Makes its close a reset. */
void tcp_reset_at_close(int fd);

typedef struct tcp_server tcp_server;

/* The first member of a server's connection type. */
typedef struct tcp_connection {
    tcp_server *server;
    size_t number; /* from 0, in the order of arrival */
    int fd;
    pthread_t thread;
} tcp_connection;

typedef struct tcp_server {
    /* set these before tcp_start() */
    size_t connection_size;            /* of the server's connection type; its memory begins as zeros */
    void (*begin)(tcp_connection *c);  /* called under the mutex when it was accepted */
    void (*serve)(tcp_connection *c);  /* called on its thread; when it returns, the connection is closed */
    void (*closed)(tcp_connection *c); /* called under the mutex after the close; may be NULL */
    /* set by tcp_start() */
    uint16_t port;
    int stopping; /* readable once the server is being stopped */
    int listener;
    pthread_t thread;
    pthread_mutex_t mutex;
    tcp_connection **connections;
    size_t count;
    size_t closed_count;
} tcp_server;

void tcp_start(tcp_server *s, const char *address, uint16_t port);
/* Ends all threads. `release` is called for each connection before it is freed; may be NULL. */
void tcp_stop(tcp_server *s, void (*release)(tcp_connection *c));

/* Reads a counter that changes under the mutex. */
size_t tcp_look(tcp_server *s, const size_t *counter);

#endif
