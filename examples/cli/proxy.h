/* Reads the proxy from the environment, which the library does not do. */
#ifndef CLI_PROXY_H
#define CLI_PROXY_H

#include <stddef.h>

/* Writes the URL of the proxy for `base_url`, or "" for no proxy, and sets *variable to the name of its variable.
   Returns EXIT_DONE, or reports an error and returns its exit status. The URL may contain a password. */
int proxy_for(const char *base_url, char *proxy, size_t size, const char **variable);

#endif
