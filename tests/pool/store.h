/* A guard over a store of the host's own that can be made to block: a record in memory, and a gate before each load. */
#ifndef POOL_STORE_H
#define POOL_STORE_H

#include <locksync/locksync.h>

#include <pthread.h>

typedef struct store store;

store *store_new(void); /* ends with the last of its guards, and store_free */
void store_free(store *s);
lock_sync_guard *store_guard(store *s, int64_t interval_ms);

/* The load of that number (from 1; counted over all guards) waits, and all after it, until store_release(). */
void store_block_at(store *s, size_t number);
void store_release(store *s);
/* Whether a load is waiting; `s` is a store: for kit_wait() and pool_run(). */
bool store_is_waiting(void *s);
size_t store_loads(store *s);
/* Whether it was asked on one thread only, and on which. */
bool store_has_one_asker(store *s, pthread_t *asker);
/* Whether that signal may come on it. */
bool store_asker_takes(store *s, int signal_number);

#endif
