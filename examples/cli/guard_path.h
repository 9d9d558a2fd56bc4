/* Where the rate limit of an account is kept, so that all runs of the command keep it together. */
#ifndef CLI_GUARD_PATH_H
#define CLI_GUARD_PATH_H

#include <stddef.h>

/* Writes the path of the credential's file in the user's state folder, which is made (mode 0700) if there is none.
   Returns EXIT_DONE, or complains. The name is a hash of the credential and tells nothing of it. */
int guard_path(const char *credential, char *path, size_t size);

/* Complains that the library could not use this file: why, as far as can be seen now, and what to do. */
int guard_path_complain(const char *path);

#endif
