/* What the simulator has counted of the rules that it enforces. */
#ifndef GUARD_SIM_RULES_H
#define GUARD_SIM_RULES_H

#include "../support/sim.h"

typedef struct sim_rules {
    int64_t syncs;
    int64_t interval_violations;
    int64_t budget_violations; /* of any hour */
    int64_t window_violations; /* of the account's own hour */
    int64_t closest_us;
} sim_rules;

sim_rules sim_ask_rules(const sim *s);

#endif
