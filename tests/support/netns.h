/* Two network namespaces, a client's and a server's, with a link between them. In them a test may change addresses,
   which it must not do on the machine itself. They need the command ip, and root or a kernel that allows user
   namespaces. */
#ifndef KIT_NETNS_H
#define KIT_NETNS_H

#include <stdbool.h>

#define NETNS_SERVER "10.55.0.2"
#define NETNS_CLIENT "10.55.0.1" /* at first */

typedef struct netns netns;

/* Moves the calling thread, and those that it starts later, to the client's namespace, until netns_free(). Call it
   before other threads run. NULL: not allowed; *why is the reason, a constant. */
netns *netns_make(const char **why);
/* Moves the thread back. Close the sockets in the namespaces before. NULL is allowed. */
void netns_free(netns *n);

/* Put the calling thread into the server's namespace, and back. The sockets that it opens there stay there. */
void netns_server_begin(const netns *n);
void netns_server_end(const netns *n);

/* Replaces the client's only address, as after a change of networks. Packets to the old address are lost. */
void netns_set_client_address(netns *n, const char *address);
/* Sets the link up or down. While it is down, packets in both directions are lost. */
void netns_set_link(const netns *n, bool up);

#endif
