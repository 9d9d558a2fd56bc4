/* Something on a free loopback port that is no Redis server, and says what a test wants one to say. */
#ifndef GUARD_IMPOSTOR_H
#define GUARD_IMPOSTOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define NOW "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"
/* What a server says that has been up for a day and has never seen the key. */
#define NO_KEY "$-1\r\n" NOW "$23\r\nuptime_in_seconds:90000\r\n" "$-1\r\n" NOW /* GET, TIME, INFO, GET, TIME */
#define STILL_NONE "+OK\r\n$-1\r\n" NOW /* WATCH, GET, TIME */
#define ANOTHERS "+OK\r\n$4\r\nnews\r\n" NOW "+OK\r\n" /* WATCH, GET, TIME, UNWATCH */
#define WRITTEN "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n" /* MULTI, SET, EXEC */

typedef struct impostor {
    int listener;
    int port;
    const char *says;  /* to each connection, then it closes; NULL: never a word */
    const char *again; /* said over and over behind `says`, until the other closes; NULL: nothing */
    int again_ms;      /* this long before each time */
    bool listens_on;   /* until the other closes */
    bool once;         /* there is no second connection */
    pthread_t thread;
} impostor;

/* Begins with the members from `says` to `once`; the rest is set. */
void impostor_begin(impostor *i);
void impostor_end(impostor *i);

/* redis://LOGIN127.0.0.1:PORT; free() it. */
char *impostor_url(const impostor *i, const char *login);

#endif
