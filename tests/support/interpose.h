/* Replaces two parts of the system that a test cannot change otherwise: the resolver, and the trusted certificates. A
   program that uses this must be linked with export_dynamic. Then shared libraries call these functions in place of
   those of libc, OpenSSL and GnuTLS. No name is sent to a real resolver. */
#ifndef KIT_INTERPOSE_H
#define KIT_INTERPOSE_H

#include <stdbool.h>
#include <stddef.h>

/* Resolves every name to the numeric `address`. NULL, the default: only numeric addresses resolve. */
void resolver_set_address(const char *address);
/* Lets every look-up of a name wait until resolver_release(). */
void resolver_stall(void);
/* Lets a look-up wait if it is for the other address family only. libcurl before 8.20 makes no such look-up. */
void resolver_stall_other_family(void);
/* Sets a name whose look-ups do not wait. NULL, the default: all names wait. */
void resolver_prompt(const char *name);
void resolver_release(void);
/* Counts the look-ups. A name that is looked up once for each family counts once. */
size_t resolver_calls(void);
/* Returns whether a look-up is waiting. `unused`: for kit_wait(). */
bool resolver_is_stalling(void *unused);

/* Lets the TLS library load these paths in place of libcurl's default bundle and directory, those under /etc/ssl. NULL:
   not replaced. */
void trust_replace_defaults(const char *file, const char *dir);
/* Count the requests to load the default bundle, and the default directory. */
size_t trust_default_file_loads(void);
size_t trust_default_dir_loads(void);

#endif
