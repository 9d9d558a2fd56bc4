/* Routes a request to its reply. */
#ifndef LOCKSYNC_SIM_ROUTES_H
#define LOCKSYNC_SIM_ROUTES_H

#include "server.h"

/* Makes the reply to the request. Returns true for a reply of the API, which --delay-ms delays; false for the
   simulator's replies under /_sim/. */
bool route(struct request *request, const char *method, const char *path);

#endif
