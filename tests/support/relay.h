/* A TCP relay between a client and a server on loopback that does to its connections what networks do: it delays,
   holds, forgets, resets and closes them, on command. It listens on a free port and runs on a thread of its own.

       relay *r = relay_start(nginx_port(n));
       ...a fetch from relay_url(r)...
       relay_do(r, RELAY_HOLD, 0);    what has been connected so far is dead; a new connection works
       ...
       relay_stop(r);  */
#ifndef KIT_RELAY_H
#define KIT_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct relay relay;

typedef enum relay_action {
    RELAY_PASS,    /* moves the bytes; so does each connection at first */
    RELAY_DELAY,   /* each byte takes `number` ms, either way */
    RELAY_TRICKLE, /* the server's bytes reach the client one by one, each `number` ms after the one before */
    RELAY_HOLD,    /* reads and acknowledges, forwards nothing, not even a close: a middlebox that lost its state */
    RELAY_FORGET,  /* the client gets no acknowledgement and no byte any more: the peer is gone without a word */
    RELAY_CLOSE,   /* closes both sides */
    RELAY_RESET    /* closes both sides, the client's with a TCP reset */
} relay_action;

/* To a port of 127.0.0.1. */
relay *relay_start(uint16_t target);
/* Closes all connections and frees it. NULL is allowed. */
void relay_stop(relay *r);

/* "https://127.0.0.1:PORT". */
const char *relay_url(const relay *r);

/* What happens from now on to all connections that exist, or to one of them, counted from 0 in the order in which they
   came. In force when the call returns. What RELAY_HOLD kept back is forwarded if RELAY_PASS follows. RELAY_FORGET is
   for good. */
void relay_do(relay *r, relay_action action, unsigned number);
void relay_do_one(relay *r, size_t i, relay_action action, unsigned number);
/* What happens to connections that come later. */
void relay_do_later(relay *r, relay_action action, unsigned number);

/* Whether this system can forget; where it cannot, RELAY_FORGET ends the test: skip it before. */
bool relay_can_forget(void);

size_t relay_connections(relay *r);
/* Those that neither the client nor the relay has closed. The client's close of a forgotten one is not seen. */
size_t relay_open_connections(relay *r);

/* Waits until there are exactly so many; ends the test when it does not come to that. */
void relay_wait_open_connections(relay *r, size_t count);

#endif
