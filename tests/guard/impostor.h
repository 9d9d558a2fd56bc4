/* A fake Redis server on a free loopback port. It sends the replies that a test needs. */
#ifndef GUARD_IMPOSTOR_H
#define GUARD_IMPOSTOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define SOURCE_END "89abcdef0123456789abcdef01234567"
#define SOURCE "01234567" SOURCE_END
#define ROLE "$67\r\nrole:master\r\nmaster_replid:" SOURCE "\r\n"
#define OTHER_ROLE "$67\r\nrole:master\r\nmaster_replid:76543210" SOURCE_END "\r\n" /* the server was replaced */
#define AOF "$13\r\naof_enabled:1\r\n"
#define NOTHING "$0\r\n\r\n"
#define MET ROLE AOF NOTHING NOTHING   /* INFO, four times on each new connection */
#define LOADED "$40\r\n" SOURCE "\r\n" /* the script, on the first connection */
/* The replies to the script, each followed by the reply to INFO: no record, another user's, the new record. */
#define NOW "$10\r\n1700000000\r\n$1\r\n0\r\n"
#define SINCE "$16\r\n1600000000000000\r\n" /* three years ago */
#define NONE "*5\r\n:0\r\n" NOW "$-1\r\n" SINCE
#define ANOTHERS "*5\r\n:0\r\n" NOW "$4\r\nnews\r\n" SINCE
#define WRITTEN "*3\r\n:1\r\n" NOW
#define NO_KEY MET LOADED NONE ROLE

typedef struct impostor {
    const char *says;   /* sent on each connection, which is then closed; NULL: never sends anything */
    const char *again;  /* sent repeatedly after `says`, until the client closes; NULL: nothing */
    int again_ms;       /* the pause before each repetition */
    bool keeps_reading; /* until the client closes */
    /* Replaces the above: connection i gets script i, one reply for each command. At the command after the last
       reply the connection is closed. After the last script (NULL) the port is closed. */
    const char *const *scripts;
    /* set by impostor_here() */
    char **copies; /* of the scripts */
    int listener;
    int port;
    atomic_int connections; /* that got a script */
    pthread_t thread;
} impostor;

/* Starts a server that does this until the test is over. Its URL, redis://LOGIN127.0.0.1:PORT, is valid as long. */
impostor *impostor_here(impostor does);
const char *impostor_url(const impostor *i, const char *login);

#endif
