/* Something on a free loopback port that is no Redis server, and says what a test wants one to say. */
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
#define MET ROLE AOF NOTHING NOTHING                                      /* INFO, four times: at each new connection */
#define MARKER "$57\r\n" SOURCE " 1600000000000000\r\n"                   /* three years old */
#define OTHER_MARKER "$57\r\n76543210" SOURCE_END " 1600000000000000\r\n" /* of another life of the server */
#define ABSENT "$-1\r\n" NOW ROLE MARKER NOW ROLE /* GET, TIME, INFO; and the same for the marker */
#define NO_KEY MET ABSENT
#define STILL_NONE "+OK\r\n$-1\r\n" /* WATCH, GET */
#define ANOTHERS                                                                                                       \
  "+OK\r\n$4\r\nnews\r\n"                                                                                              \
  "+OK\r\n"                                       /* WATCH, GET, UNWATCH */
#define WRITTEN "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n" /* MULTI, SET, EXEC */

typedef struct impostor {
    const char *says;  /* to each connection, then it closes; NULL: never a word */
    const char *again; /* said over and over behind `says`, until the other closes; NULL: nothing */
    int again_ms;      /* this long before each time */
    bool listens_on;   /* until the other closes */
    /* Instead of all these: each connection in turn gets a text, of which the replies are sent one for each command;
       when a text is over, the connection is closed at the next command. NULL: nobody listens any more. */
    const char *const *scripts;
    /* the rest is set */
    int listener;
    int port;
    atomic_int asked; /* how many connections have had a script */
    pthread_t thread;
} impostor;

/* One that does this, until the test is over; and redis://LOGIN127.0.0.1:PORT, until then. */
impostor *impostor_here(impostor does);
const char *impostor_url(const impostor *i, const char *login);

#endif
