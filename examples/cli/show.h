/* locksync without --watch and --until: shows the locks, or checks them. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "names.h"

/* Returns the exit status. */
int show(names *n, bool color);

#endif
