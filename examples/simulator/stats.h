/* What the simulator has counted, as JSON. */
#ifndef LOCKSYNC_SIM_STATS_H
#define LOCKSYNC_SIM_STATS_H

#include "server.h"

/* One line each, with its newline, appended to json. */
void stats_of_all(struct server *server, struct text *json);

/* False, and nothing written, if there is no such account. */
bool stats_of_account(struct server *server, enum scheme scheme, const char *credential, struct text *json);

#endif
