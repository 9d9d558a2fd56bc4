/* A guard over an application's store that can be made to block: a record in memory, and a gate before each load. */
#ifndef POOL_STORE_H
#define POOL_STORE_H

#include <locksync/locksync.h>

#include <pthread.h>

typedef struct store store;

store *store_new(void); /* freed by store_free and the last of its guards */
void store_free(store *s);
lock_sync_guard *store_guard(store *s, int64_t interval_ms);
/* Opens the same with a channel: each swap counts as a load, and waits in the channel instead of blocking. */
lock_sync_guard *store_channel_guard(store *s, int64_t interval_ms);

/* Makes the load of that number, and all after it, wait until store_release(). Loads of all guards count, from 1. */
void store_block_at(store *s, size_t number);
void store_release(store *s);
/* Returns whether a load is waiting; `s` is a store. For kit_wait() and pool_run(). */
bool store_is_waiting(void *s);
size_t store_loads(store *s);
/* Makes the connections of channels fail, and later ones too while `broken`. */
void store_break(store *s, bool broken);
/* Returns how many swaps were on their way at once, at most. */
size_t store_most_open(store *s);
/* Returns whether only one thread called the store, and which. */
bool store_has_one_asker(store *s, pthread_t *asker);
/* Returns whether that thread does not block that signal. */
bool store_asker_takes(store *s, int signal_number);

#endif
