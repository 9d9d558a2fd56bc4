/* What the servers of the tests are made of: TCP on loopback, and a server that gives each connection a thread. */
#ifndef KIT_TCP_H
#define KIT_TCP_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* A socket bound to that address, IPv4 or IPv6, and *port; 0: a free one, which *port is then. */
int tcp_bind(const char *address, uint16_t *port);
/* The same, and it listens. */
int tcp_listen(const char *address, uint16_t *port);
/* A connection to that port of 127.0.0.1. */
int tcp_connect(uint16_t port);
/* What is written is sent at once. */
void tcp_nodelay(int fd);
/* Its close will be a reset. */
void tcp_reset_at_close(int fd);

typedef struct tcp_server tcp_server;

/* Embed it in what a server keeps of a connection, as the first member. */
typedef struct tcp_connection {
    tcp_server *server;
    size_t number; /* from 0, in the order of their coming */
    int fd;
    pthread_t thread;
} tcp_connection;

typedef struct tcp_server {
    /* to be set before tcp_start() */
    size_t connection_size;            /* of that with a tcp_connection in it, zeros at first */
    void (*begin)(tcp_connection *c);  /* under the mutex, when it has come */
    void (*serve)(tcp_connection *c);  /* on its thread, until it is to be closed */
    void (*closed)(tcp_connection *c); /* under the mutex; NULL: nothing is to be done */
    /* by it */
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
/* Ends all threads. `release`: for each connection before it is freed; NULL: nothing is to be done. */
void tcp_stop(tcp_server *s, void (*release)(tcp_connection *c));

/* A counter that changes under the mutex. */
size_t tcp_look(tcp_server *s, const size_t *counter);

#endif
