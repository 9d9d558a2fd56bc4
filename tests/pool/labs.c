/* HTTP/2 servers that refuse requests, and relays; see labs.h. */
#include "labs.h"

#include <stdlib.h>

const h2_plan plan_http1 = {.http1 = true};
const h2_plan plan_http2 = {0};

static void stop_lab(void *lab)
{
    h2_lab_stop(lab);
}

h2_lab *stage_lab(const h2_plan *plans, size_t count)
{
    h2_lab *lab = h2_lab_start(pems->good, pems->key, plans, count);

    stage_later(stop_lab, lab);
    return lab;
}

static void stop_relay(void *r)
{
    relay_stop(r);
}

relay *stage_relay(uint16_t port)
{
    relay *r = relay_start(port);

    stage_later(stop_relay, r);
    return r;
}

const char *stage_fates(h2_lab *lab)
{
    char *fates = h2_lab_fates(lab);

    stage_later(free, fates);
    return fates;
}
