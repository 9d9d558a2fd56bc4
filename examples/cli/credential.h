/* The credential: from a file, the environment or a terminal, never from the command line. */
#ifndef CLI_CREDENTIAL_H
#define CLI_CREDENTIAL_H

#include <stdbool.h>

#define CREDENTIAL_MAX 16384 /* bytes, as the library takes them */

typedef struct credential {
    char text[CREDENTIAL_MAX + 2];
    bool is_token;
} credential;

/* Fills `c`: from `key_file` if that is not NULL, else from LOCKSYNC_PERSONAL_KEY, LOCKSYNC_ACCESS_TOKEN, or the
   terminal. Returns EXIT_DONE, or complains. The caller wipes it. */
int credential_read(credential *c, const char *key_file);

/* Asks on the terminal, without echo; see prompt.c. */
int prompt_for_key(credential *c);

#endif
