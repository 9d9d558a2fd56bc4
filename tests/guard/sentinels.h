/* Runs real sentinels for a test, on free loopback ports. They are ended by their process ids. */
#ifndef GUARD_SENTINELS_H
#define GUARD_SENTINELS_H

#include "redis_server.h"

#define SENTINELS 3

typedef struct sentinels sentinels;

/* Starts three sentinels that watch `master`, under the name mymaster, and its replica. Waits until they know each
   other. They promote the replica about a second after the master fails. */
sentinels *sentinels_new(const redis_server *master);
/* Ends them with SIGKILL. */
void sentinels_free(sentinels *s);

/* Returns redis+sentinel://LOGINsentinels/mymasterMORE; free() it. */
char *sentinels_new_url(const sentinels *s, const char *login, const char *more);

/* Start sentinels, or return a URL, for a test, which releases both at its end. */
sentinels *sentinels_here(const redis_server *master);
const char *sentinels_url(const sentinels *s, const char *login, const char *more);

/* Returns the port of the master by the word of the first sentinel. */
int sentinels_master(const sentinels *s);

/* Sends a command to one of them. */
void sentinels_do(const sentinels *s, size_t i, const char *command);
void sentinels_kill(sentinels *s, size_t i);
/* Stops and continues a sentinel. */
void sentinels_pause(sentinels *s, size_t i, bool stopped);

#endif
