/* The proxy that the environment names; the library reads none. */
#ifndef CLI_PROXY_H
#define CLI_PROXY_H

#include <stddef.h>

/* Writes the proxy's URL for the host of `base_url`, "" if there shall be none, and in *variable where it was found.
   Returns EXIT_DONE, or complains. The URL may hold a password. */
int proxy_for(const char *base_url, char *proxy, size_t size, const char **variable);

#endif
