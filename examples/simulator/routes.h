/* From a request to its reply. */
#ifndef LOCKSYNC_SIM_ROUTES_H
#define LOCKSYNC_SIM_ROUTES_H

#include "server.h"

/* Replies to the request that has arrived on the visit's connection. True: it is the API's answer, to which --delay-ms
   applies; false: it is one of the simulator's own, under /_sim/. */
bool route(struct visit *visit, const char *method, const char *path);

#endif
