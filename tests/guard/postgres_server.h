/* Runs a real PostgreSQL server for a test, with its files and its unix socket in a temporary folder, and on a free
   loopback port. It is ended by its process id. If root runs the test, the server runs as `nobody`. */
#ifndef GUARD_POSTGRES_SERVER_H
#define GUARD_POSTGRES_SERVER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct postgres_server postgres_server;

/* Returns whether this machine has the server. */
bool postgres_server_is_there(void);
#define NO_POSTGRES "there is no PostgreSQL server here"

/* Makes an empty database, starts the server and waits until it responds. */
postgres_server *postgres_server_new(void);
/* Ends it with SIGKILL and removes its files. */
void postgres_server_free(postgres_server *s);

void postgres_server_kill(postgres_server *s);
/* Starts it again with the same files. */
void postgres_server_start(postgres_server *s);
/* Ends it, and starts it on another timeline, as if a replica had been promoted. */
void postgres_server_promote(postgres_server *s);

const char *postgres_server_conninfo(const postgres_server *s); /* over its unix socket */
uint16_t postgres_server_port(const postgres_server *s);

/* Executes SQL over a separate connection. Ends the process on failure. The first function returns the first
   value as a text; free() it. */
char *postgres_server_ask(const postgres_server *s, const char *sql);
void postgres_server_do(const postgres_server *s, const char *sql);

#endif
