/* Makes a context that is ready to fetch. */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include "folders.h"
#include "options.h"

#include <locksync/locksync.h>

typedef struct account {
    lock_sync_ctx *ctx;
    lock_sync_guard *guard;
    char names_path[FOLDERS_PATH_SIZE]; /* the file for the names of the locks; "": it cannot be made */
} account;

/* Makes the context, with credential, settings, proxy and guard. After a success the caller must free context and
   guard. Sets in `o` the base URL and the trial interval of the environment. Returns EXIT_DONE, or
   reports an error and returns its exit status. */
int setup(options *o, account *a);

#endif
