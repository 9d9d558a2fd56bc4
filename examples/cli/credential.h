/* Reads the credential from a file, the environment or a terminal, never from the command line. */
#ifndef CLI_CREDENTIAL_H
#define CLI_CREDENTIAL_H

#include <stdbool.h>

#define CREDENTIAL_MAX 16384 /* bytes, the limit of the library */

typedef struct credential {
    char text[CREDENTIAL_MAX + 2];
    bool is_token;
} credential;

/* Fills `c` from `key_file` ("-": standard input), or if that is NULL from LOCKSYNC_PERSONAL_KEY,
   LOCKSYNC_ACCESS_TOKEN, the default key file or the terminal. Returns EXIT_DONE, or reports an error and returns its
   exit status. The caller must wipe `c`. */
int credential_read(credential *c, const char *key_file);

/* Reads the key from the terminal, without echo. */
int prompt_for_key(credential *c);

#endif
