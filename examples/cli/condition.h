/* The states that --check and --until know. */
#ifndef CLI_CONDITION_H
#define CLI_CONDITION_H

#include "rows.h"

typedef struct condition condition;

/* Returns NULL if no state is called so. */
const condition *condition_find(const char *word);

/* Returns the first of these that applies. EXIT_MISSING: a lock was not found. EXIT_NO: one is known not to be in the
   state. EXIT_UNKNOWN: of one it is not known, or there are no locks. EXIT_DONE: all are in the state. */
int condition_status(const condition *c, const rows *r);

#endif
