/* The simulator's counters as JSON. */
#ifndef LOCKSYNC_SIM_STATS_H
#define LOCKSYNC_SIM_STATS_H

#include "server.h"

/* Append one line, with its newline, to `json`. */
void stats_of_all(struct server *server, struct text *json);

/* Returns false, and writes nothing, if the account does not exist. */
bool stats_of_account(struct server *server, enum scheme scheme, const char *credential, struct text *json);

#endif
