/* Servers of HTTP/2 that refuse, and relays that break connections, on a test's stage. */
#ifndef POOL_LABS_H
#define POOL_LABS_H

#include "stage.h"

#include "../support/h2_lab.h"
#include "../support/pems.h"
#include "../support/relay.h"

extern const h2_plan plan_http1; /* good answers only */
extern const h2_plan plan_http2;

h2_lab *stage_lab(const h2_plan *plans, size_t count);
relay *stage_relay(uint16_t port);
/* What became of a server's requests; ends with the stage. */
const char *stage_fates(h2_lab *lab);

#endif
