/* Explains the error replies of a Redis server. Pure. */
#ifndef LSYNC_REDIS_REDIS_ERROR_H
#define LSYNC_REDIS_REDIS_ERROR_H

#include <stddef.h>

#define LSYNC_REDIS_ERROR_MAX 96 /* room for the explanation of any error, with the NUL */

/* Writes the meaning of an error reply and, in parentheses, its code: "the server's memory is full (OOM)". Quotes
   nothing else of the reply: it may contain a password that was sent, and bytes that are unsafe in a log. */
void lsync_redis_error_words(const char *error, char *words, size_t room);

#endif
