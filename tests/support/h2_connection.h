/* The inside of h2_lab: one connection, its TLS and its requests. */
#ifndef KIT_H2_CONNECTION_H
#define KIT_H2_CONNECTION_H

#include "h2_lab.h"
#include "tcp.h"

#include <stdbool.h>
#include <sys/types.h>

#include <openssl/ssl.h>

typedef enum h2_command { H2_COMMAND_NONE, H2_COMMAND_RELEASE, H2_COMMAND_END } h2_command;
typedef enum h2_state { H2_SHAKING, H2_OPEN, H2_CLOSED } h2_state;

typedef struct h2_connection {
    tcp_connection tcp;
    const h2_plan *plan;
    int wake; /* an event descriptor: there is a command */
    SSL *ssl;
    bool broken; /* the handshake is to fail */
    bool ended;  /* closed from our side: what comes now comes late */
    /* under the lab's mutex */
    h2_state state;
    bool shaken; /* the handshake was good */
    h2_command command;
    h2_end how;
} h2_connection;

/* --- for a connection, by the lab --- */

/* Keeps what became of a request: one of the words of h2_act. */
void h2_lab_note(h2_connection *c, const char *path, const char *fate);
/* Its handshake was good. */
void h2_lab_opened(h2_connection *c, bool resumed);
/* The command to be done, and that it has been. */
h2_command h2_lab_command(h2_connection *c, h2_end *how);
void h2_lab_command_done(h2_connection *c);

/* --- of a connection --- */

/* From the handshake to the end. */
void h2_connection_serve(tcp_connection *c);

typedef enum h2_event { H2_READABLE, H2_COMMANDED, H2_PASSED, H2_STOPPING } h2_event;

/* Until there is something to read or a command (`commands`), at most `ms` (-1: no limit). */
h2_event h2_connection_wait(h2_connection *c, bool readable, bool commands, int ms);
/* What has come; 0: nothing yet; -1: the client is gone. */
ssize_t h2_connection_read(h2_connection *c, void *data, size_t size);
bool h2_connection_write(h2_connection *c, const void *data, size_t size);
/* Ends it so. False: it is over; true: the client may still close it. */
bool h2_connection_end(h2_connection *c, h2_end how);

/* Serves HTTP/2 until the connection is over. */
void h2_session_serve(h2_connection *c);

#endif
