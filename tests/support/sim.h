/* The simulator (examples/simulator) as a child process. The environment's LOCKSYNC_SIM says where it is. */
#ifndef KIT_SIM_H
#define KIT_SIM_H

#include <stdint.h>

typedef struct sim sim;

typedef struct sim_stats {
    int64_t requests;
    int64_t syncs;
    int64_t connections;
    int64_t unauthorized;
    /* of the rules that it enforces */
    int64_t interval_violations;
    int64_t budget_violations; /* of any hour */
    int64_t window_violations; /* of the account's own hour */
    int64_t closest_us;        /* the least time between two requests */
} sim_stats;

/* Starts it with arguments that end with NULL (and NULL for none), and waits until it listens. */
sim *sim_start(const char *const *arguments);

const char *sim_url(const sim *s); /* "http://127.0.0.1:PORT", or https */
uint16_t sim_port(const sim *s);

/* For a simulator that speaks plain http. sim_fault: every = 0 switches the fault off. */
sim_stats sim_ask_stats(const sim *s);
void sim_reset(const sim *s);
void sim_fault(const sim *s, const char *name, unsigned every);

/* Ends it with SIGTERM and frees it. In *last its final statistics; `last` may be NULL. */
void sim_stop(sim *s, sim_stats *last);

#endif
