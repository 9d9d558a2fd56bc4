/* From the options to a context that is ready to fetch. */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include "options.h"

#include <locksync/locksync.h>

/* Makes the context, with credential, settings, proxy and guard; context and guard are transferred, and NULL after a
   failure. Sets in `o` what the environment decides (base URL, a try-out's interval). Returns EXIT_DONE, or
   complains. */
int setup(options *o, lock_sync_ctx **out, lock_sync_guard **guard);

#endif
