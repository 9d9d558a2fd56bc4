/* A TCP server that follows a script byte by byte, and keeps all that clients sent. It listens on a free loopback port.
   Each connection has a thread and a script: connection i has script i. Connections beyond the scripts get good
   responses to all requests.

       static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE, RAW_END};
       static const raw_step *const scripts[] = {silent};
       raw_server *server = raw_start(AF_INET, scripts, 1);  */
#ifndef KIT_RAW_SERVER_H
#define KIT_RAW_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct raw_server raw_server;

typedef enum raw_action {
    RAW_DO_END,
    RAW_DO_READ,
    RAW_DO_SEND,
    RAW_DO_SEND_SLOWLY,
    RAW_DO_RESPOND,
    RAW_DO_SERVE,
    RAW_DO_WAIT,
    RAW_DO_HOLD,
    RAW_DO_RELAY,
    RAW_DO_CALL,
    RAW_DO_RESET
} raw_action;

/* Write steps with the macros below. */
typedef struct raw_step {
    raw_action action;
    const void *data;
    size_t size;
    unsigned number;
    void (*call)(void *user);
    void *user;
} raw_step;

/* Without clang-format, which would make four lines of each. */
/* clang-format off */
#define RAW_READ_REQUEST {.action = RAW_DO_READ} /* reads up to a blank line, or the client's close */
#define RAW_SEND(bytes, count) {.action = RAW_DO_SEND, .data = (bytes), .size = (count), .number = 1}
#define RAW_SEND_TEXT(literal) RAW_SEND(literal, sizeof(literal) - 1)
#define RAW_SEND_TIMES(literal, times)                                                                                 \
    {.action = RAW_DO_SEND, .data = (literal), .size = sizeof(literal) - 1, .number = (times)}
#define RAW_SEND_SLOWLY(bytes, count, ms)                                                                              \
    {.action = RAW_DO_SEND_SLOWLY, .data = (bytes), .size = (count), .number = (ms)}
#define RAW_RESPOND {.action = RAW_DO_RESPOND} /* sends the good response to the request read last */
#define RAW_SERVE {.action = RAW_DO_SERVE} /* sends good responses until the client closes */
#define RAW_WAIT_FOR_CLOSE {.action = RAW_DO_WAIT} /* silent until the client closes */
#define RAW_HOLD {.action = RAW_DO_HOLD} /* silent until raw_release() */
/* Relays to a server until one side closes, or until raw_release(). */
#define RAW_RELAY(port) RAW_RELAY_SOME(port, 0)
/* The same, but also ends when the server has sent `count` bytes. */
#define RAW_RELAY_SOME(port, count) {.action = RAW_DO_RELAY, .number = (port), .size = (count)}
#define RAW_CALL(function, argument)                                                                                   \
    {.action = RAW_DO_CALL, .call = (function), .user = (argument)} /* calls the function on the connection's thread */
#define RAW_RESET {.action = RAW_DO_RESET} /* closes with a TCP reset */
#define RAW_END {.action = RAW_DO_END} /* closes; the end of each script */
/* clang-format on */

/* The body of the good response to a request for all locks, or for the directory: 1001 locked, 1002 unlocked. */
extern const char raw_good_body[];
/* The same with its header. */
extern const char raw_good_response[];

/* Starts a server. `scripts` and what they point to must outlive it. A step that fails, or a stop, ends a script
   early. */
raw_server *raw_start(int family, const raw_step *const *scripts, size_t count);
/* Closes all connections, ends all threads, frees the server. NULL is allowed. */
void raw_stop(raw_server *s);

uint16_t raw_port(const raw_server *s);
/* Returns "http://127.0.0.1:PORT" or "http://[::1]:PORT". */
const char *raw_url(const raw_server *s);

/* Makes later good responses to a directory two pages. The first has 100 records of two locks: 1001, and 1003 with the
   name "Front door" and the serial number "10-1003". The second is the usual body. A request without a query gets a
   400. */
void raw_use_two_pages(raw_server *s);

/* Ends all RAW_HOLD and RAW_RELAY steps, now and later. */
void raw_release(raw_server *s);

size_t raw_connections(raw_server *s);
/* Counts the complete request headers of all connections. */
size_t raw_requests(raw_server *s);
/* Returns all that the client of connection i sent, as text; free() it. */
char *raw_received(raw_server *s, size_t i);

/* Waits for `count` requests. Ends the process with a message if they do not arrive. */
void raw_wait_requests(raw_server *s, size_t count);
/* Waits until `count` connections have been closed by either side. */
void raw_wait_closed(raw_server *s, size_t count);

/* A listening loopback port on which connecting never ends, because its queue is full. */
typedef struct raw_full_port {
    int listener;
    int fillers[8];
    size_t count;
    uint16_t port;
    char url[64];
} raw_full_port;

raw_full_port raw_full_port_open(void);
void raw_full_port_close(raw_full_port *p);
/* Returns whether a client is connecting to the port. `port`: a raw_full_port. */
bool raw_full_port_is_tried(void *port);

/* Returns a loopback port on which no program listens, for a server that a test starts and restarts. No outgoing
   connection gets it meanwhile. */
uint16_t raw_server_port(void);

/* Returns a loopback port on which no program listens. The returned socket reserves it until it is closed. */
int raw_dead_port(uint16_t *port);

#endif
