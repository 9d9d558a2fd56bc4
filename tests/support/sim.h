/* The simulator (examples/simulator) as a child process. The environment variable LOCKSYNC_SIM is its path. */
#ifndef KIT_SIM_H
#define KIT_SIM_H

#include <stdint.h>

typedef struct sim sim;

typedef struct sim_stats {
    int64_t requests;
    int64_t syncs;
    int64_t connections;
    int64_t unauthorized;
    /* violations of the rules that it enforces */
    int64_t interval_violations;
    int64_t budget_violations; /* in any 60 minutes */
    int64_t window_violations; /* in the account's fixed hours */
    int64_t closest_us;        /* the least time between two syncs */
    int64_t directories;
    int64_t directory_violations; /* in the account's fixed ten minutes */
} sim_stats;

/* Starts it with `arguments`, which end with NULL, and waits until it listens. NULL: no arguments. */
sim *sim_start(const char *const *arguments);

const char *sim_url(const sim *s); /* "http://127.0.0.1:PORT", or https */
uint16_t sim_port(const sim *s);

/* Read, reset or change a simulator with plain http. sim_fault: every = 0 switches the fault off. */
sim_stats sim_ask_stats(const sim *s);
void sim_reset(const sim *s);
void sim_fault(const sim *s, const char *name, unsigned every);

/* Change the locks of a simulator with plain http; `name` NULL: a name of the simulator. A re-added lock has the same
   serial number and name; it may have been removed before. Adding and re-adding return the lock's new id. */
int64_t sim_add_lock(const sim *s, const char *name);
int64_t sim_re_add_lock(const sim *s, int64_t id);
void sim_remove_lock(const sim *s, int64_t id);
void sim_rename_lock(const sim *s, int64_t id, const char *name);

/* Sends a request for `target` with the header lines in `header` (each with its end; "": none). Returns the whole
   response, to be freed. */
char *sim_say(const sim *s, const char *method, const char *target, const char *header);
char *sim_get(const sim *s, const char *target, const char *header);

/* Ends it with SIGTERM and frees it. *last: its final statistics; `last` may be NULL. */
void sim_stop(sim *s, sim_stats *last);

#endif
