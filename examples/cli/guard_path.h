/* The file with an account's rate limit, which all runs of the command share. */
#ifndef CLI_GUARD_PATH_H
#define CLI_GUARD_PATH_H

#include "folders.h"

/* Writes the path of the credential's file in the user's state folder, and makes that folder. Returns EXIT_DONE, or
   reports an error and returns its exit status. */
int guard_path(const char *credential, char path[FOLDERS_PATH_SIZE]);

/* Reports that the library could not use this file, with the likely cause and advice; returns EXIT_GUARD. */
int guard_path_report(const char *path);

#endif
