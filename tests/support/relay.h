/* A TCP relay between a client and a server on loopback. On command it delays, holds, forgets, resets and closes
   connections, as networks do. It listens on a free port and runs on a separate thread.

       relay *r = relay_start(nginx_port(n));
       ...a fetch from relay_url(r)...
       relay_do(r, RELAY_HOLD, 0);    existing connections are dead; a new one works
       ...
       relay_stop(r);  */
#ifndef KIT_RELAY_H
#define KIT_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct relay relay;

typedef enum relay_action {
    RELAY_PASS,    /* forwards the bytes; each connection begins so */
    RELAY_DELAY,   /* each byte takes `number` ms, in both directions */
    RELAY_TRICKLE, /* the server's bytes reach the client one by one, each `number` ms after the one before */
    RELAY_HOLD,    /* reads and acknowledges, but forwards nothing, not even a close: a middlebox that lost its state */
    RELAY_FORGET,  /* the client gets no more acknowledgements and bytes: the peer has vanished */
    RELAY_CLOSE,   /* closes both sides */
    RELAY_RESET    /* closes both sides, the client's with a TCP reset */
} relay_action;

/* Starts a relay. `target`: a port of 127.0.0.1. */
relay *relay_start(uint16_t target);
/* Closes all connections and frees the relay. NULL is allowed. */
void relay_stop(relay *r);

/* Returns "https://127.0.0.1:PORT". */
const char *relay_url(const relay *r);

/* Applies an action to all connections that exist, or to one, counted from 0 in the order of arrival. It applies
   when the call returns. RELAY_PASS forwards what RELAY_HOLD kept. RELAY_FORGET cannot be undone. */
void relay_do(relay *r, relay_action action, unsigned number);
void relay_do_one(relay *r, size_t i, relay_action action, unsigned number);
/* Sets the action for later connections. */
void relay_do_later(relay *r, relay_action action, unsigned number);

/* Returns whether this system can do RELAY_FORGET. If not, skip the test, because RELAY_FORGET would end the
   process. */
bool relay_can_forget(void);

size_t relay_connections(relay *r);
/* Counts connections that neither the client nor the relay has closed. After RELAY_FORGET the relay does not see the
   client's close. */
size_t relay_open_connections(relay *r);

/* Waits until exactly `count` are open. Ends the process with a message if that does not happen. */
void relay_wait_open_connections(relay *r, size_t count);

#endif
