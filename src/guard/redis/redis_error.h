/* What a Redis server's error means, in words. Pure. */
#ifndef LSYNC_REDIS_REDIS_ERROR_H
#define LSYNC_REDIS_REDIS_ERROR_H

#include <stddef.h>

#define LSYNC_REDIS_ERROR_MAX 96 /* room for the words of any error, with the NUL */

/* Writes what an error reply means and, in parentheses, its code: "the server's memory is full (OOM)". Nothing else of
   the reply is repeated, because it may hold what was sent, a password for example, and bytes that no log can take. */
void lsync_redis_error_words(const char *error, char *words, size_t room);

#endif
