/* Stands between libcurl and two things of the system that a test cannot change otherwise: the resolver, and the
   trusted certificates of the system. A program that uses this must be linked with export_dynamic, so that shared
   libraries see these functions in place of libc's, OpenSSL's and GnuTLS'. No name but a loopback address is ever
   resolved for real. */
#ifndef KIT_INTERPOSE_H
#define KIT_INTERPOSE_H

#include <stdbool.h>
#include <stddef.h>

/* Every name resolves to `address`, a numeric one; NULL: only what is numeric resolves (the default). */
void resolver_set_address(const char *address);
/* Every look-up of a name waits until resolver_release(). */
void resolver_stall(void);
/* Every look-up waits that is for one family, and not for the answer's; libcurl before 8.20 makes none. */
void resolver_stall_other_family(void);
/* The name whose look-ups do not wait; NULL: there is none (the default). */
void resolver_prompt(const char *name);
void resolver_release(void);
/* How many look-ups have been made; one that asks for each family on a thread of its own counts once. */
size_t resolver_calls(void);
/* Whether a look-up is waiting. `unused`: for kit_wait(). */
bool resolver_is_stalling(void *unused);

/* What the TLS library gets when it is asked for libcurl's default bundle and its default directory (those under /etc/ssl):
   these paths instead. NULL: nothing is replaced. */
void trust_replace_defaults(const char *file, const char *dir);
/* How often the default bundle, and the default directory, were asked for. */
size_t trust_default_file_loads(void);
size_t trust_default_dir_loads(void);

#endif
