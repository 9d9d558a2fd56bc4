/* Internal to h2_lab: one connection, its TLS and its requests. */
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
    bool broken; /* the handshake must fail */
    bool ended;  /* the server has closed it: requests are late now */
    /* under the lab's mutex */
    h2_state state;
    bool shaken; /* the handshake was good */
    h2_command command;
    h2_end how;
} h2_connection;

/* --- functions of the lab that a connection calls --- */

/* Records the fate of a request: one of the words of h2_act. */
void h2_lab_note(h2_connection *c, const char *path, const char *fate);
/* Records that the handshake succeeded. */
void h2_lab_opened(h2_connection *c, bool resumed);
/* Returns the command to carry out; reports that it is done. */
h2_command h2_lab_command(h2_connection *c, h2_end *how);
void h2_lab_command_done(h2_connection *c);

/* --- functions of a connection --- */

/* Serves it from the handshake to the end. */
void h2_connection_serve(tcp_connection *c);

typedef enum h2_event { H2_READABLE, H2_COMMANDED, H2_PASSED, H2_STOPPING } h2_event;

/* Waits for something to read (`readable`) or a command (`commands`), at most `ms` (-1: no limit). */
h2_event h2_connection_wait(h2_connection *c, bool readable, bool commands, int ms);
/* Reads once. Returns the number of bytes; 0: nothing yet; -1: the client is gone. */
ssize_t h2_connection_read(h2_connection *c, void *data, size_t size);
bool h2_connection_write(h2_connection *c, const void *data, size_t size);
/* Ends it as `how` says. False: it is over. True: the client may still close it. */
bool h2_connection_end(h2_connection *c, h2_end how);

/* Serves HTTP/2 until the connection is over. */
void h2_session_serve(h2_connection *c);

#endif
