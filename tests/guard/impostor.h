/* A fake Redis server on a free loopback port. It sends the replies that a test needs. */
#ifndef GUARD_IMPOSTOR_H
#define GUARD_IMPOSTOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define NOW "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"
#define SOURCE_END "89abcdef0123456789abcdef01234567"
#define SOURCE "01234567" SOURCE_END
#define ROLE "$67\r\nrole:master\r\nmaster_replid:" SOURCE "\r\n"
#define AOF "$13\r\naof_enabled:1\r\n"
#define NOTHING "$0\r\n\r\n"
#define MET ROLE AOF NOTHING NOTHING                    /* INFO, four times on each new connection */
#define MARKER "$57\r\n" SOURCE " 1600000000000000\r\n" /* three years old */
#define OTHER_MARKER                                                                                                   \
  "$57\r\n76543210" SOURCE_END " 1600000000000000\r\n" /* of another source: the server was replaced */
#define ABSENT "$-1\r\n" NOW ROLE MARKER NOW ROLE      /* GET, TIME, INFO for the record, then for the marker */
#define NO_KEY MET ABSENT
#define STILL_NONE "+OK\r\n$-1\r\n" /* WATCH, GET */
#define ANOTHERS                                                                                                       \
  "+OK\r\n$4\r\nnews\r\n"                                                                                              \
  "+OK\r\n"                                       /* WATCH, GET, UNWATCH */
#define WRITTEN "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n" /* MULTI, SET, EXEC */

typedef struct impostor {
    const char *says;   /* sent on each connection, which is then closed; NULL: never sends anything */
    const char *again;  /* sent repeatedly after `says`, until the client closes; NULL: nothing */
    int again_ms;       /* the pause before each repetition */
    bool keeps_reading; /* until the client closes */
    /* Replaces the above: connection i gets script i, one reply for each command. At the command after the last
       reply the connection is closed. After the last script (NULL) the port is closed. */
    const char *const *scripts;
    /* set by impostor_here() */
    int listener;
    int port;
    atomic_int connections; /* that got a script */
    pthread_t thread;
} impostor;

/* Starts a server that does this until the test is over. Its URL, redis://LOGIN127.0.0.1:PORT, is valid as long. */
impostor *impostor_here(impostor does);
const char *impostor_url(const impostor *i, const char *login);

#endif
