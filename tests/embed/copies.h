/* Shared by test_two_copies.c and its plugin. */
#ifndef EMBED_COPIES_H
#define EMBED_COPIES_H

#include <locksync/locksync.h>

/* X(name): each function that the test uses of a copy. */
/* clang-format off */
#define FUNCTIONS(X)                                                                                                   \
    X(ctx_new_with_allocator) X(ctx_free) X(set_base_url) X(set_personal_key) X(set_guard_mode) X(fetch)               \
    X(results_free) X(last_error) X(error_message)
/* clang-format on */

typedef void (*any_function)(void);

/* Returns a function of the plugin's copy; NULL if the name is not one of FUNCTIONS. */
any_function plugin_function(const char *name);

#endif
