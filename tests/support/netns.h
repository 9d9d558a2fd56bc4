/* Two network namespaces, a client's and a server's, with a link between them: there a test may change what no test may
   change on a machine, its addresses. They need root, or a kernel that gives every user namespaces of his own, and the
   command ip. */
#ifndef KIT_NETNS_H
#define KIT_NETNS_H

#include <stdbool.h>

#define NETNS_SERVER "10.55.0.2"
#define NETNS_CLIENT "10.55.0.1" /* at first */

typedef struct netns netns;

/* Moves the calling thread, and those that it starts later, to the client's namespace, until netns_free(). NULL where
   that is not allowed: then *why is the reason, a constant. To be called before other threads run. */
netns *netns_make(const char **why);
/* NULL is allowed. What listens and is connected in them should be closed before. */
void netns_free(netns *n);

/* In between the calling thread is in the server's namespace: what it opens there belongs there for good. */
void netns_server_begin(const netns *n);
void netns_server_end(const netns *n);

/* The client's only address is this one from now on, as after a change of networks: what goes to the old one is
   lost. */
void netns_set_client_address(netns *n, const char *address);
/* While the link is down all that is sent is lost, either way. */
void netns_set_link(const netns *n, bool up);

#endif
