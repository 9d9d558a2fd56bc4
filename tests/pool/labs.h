/* HTTP/2 servers that refuse requests, and relays that break connections, released when the test ends. */
#ifndef POOL_LABS_H
#define POOL_LABS_H

#include "stage.h"

#include "../support/h2_lab.h"
#include "../support/pems.h"
#include "../support/relay.h"

extern const h2_plan plan_http1; /* good responses only */
extern const h2_plan plan_http2;

h2_lab *stage_lab(const h2_plan *plans, size_t count);
relay *stage_relay(uint16_t port);
/* Returns what happened to each of a server's requests. The text is freed when the test ends. */
const char *stage_fates(h2_lab *lab);

#endif
