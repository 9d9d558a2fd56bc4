/* Makes a context that is ready to fetch. */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include "options.h"

#include <locksync/locksync.h>

/* Makes the context, with credential, settings, proxy and guard. Context and guard are transferred to the caller, and
   are NULL after a failure. Sets in `o` the base URL and the trial interval of the environment. Returns EXIT_DONE, or
   reports an error and returns its exit status. */
int setup(options *o, lock_sync_ctx **out, lock_sync_guard **guard);

#endif
