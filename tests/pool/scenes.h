/* A pool with one account in a given state, which a test then ends, frees or cancels. The pool and the account's
   context have separate heaps. */
#ifndef POOL_SCENES_H
#define POOL_SCENES_H

#include "accounts.h"
#include "../support/t_heap.h"
#include "store.h"

typedef enum scene_state {
    SCENE_NEW,      /* submitted, not dispatched */
    SCENE_QUEUED,   /* another account has the only transfer */
    SCENE_ASLEEP,   /* mode WAIT; the guard opens later */
    SCENE_HELD,     /* another account's look-up of the same name stalls */
    SCENE_LOOKUP,   /* its own look-up stalls */
    SCENE_ACTIVE,   /* its request is at a silent server */
    SCENE_ASKING,   /* its guard's store blocks */
    SCENE_SETTLING, /* a good response arrived; the store blocks when the slot is settled */
    SCENE_RETRYING, /* a 401 arrived and the provider set another key; the store blocks when asked for the retry */
    SCENE_CHANNEL_ASKING, /* as the three before, but the store has a channel */
    SCENE_CHANNEL_SETTLING,
    SCENE_CHANNEL_RETRYING,
    SCENE_COUNT
} scene_state;

typedef struct scene {
    scene_state state;
    lock_sync_pool *pool;
    account a;
    account other; /* ctx is NULL if the state needs no other account */
    raw_server *server;
    raw_server *good;
    store *store;
    lock_sync_guard *guard;
    t_heap pool_heap;
    t_heap heap; /* of a.ctx */
    void (*submit)(struct scene *s);
} scene;

extern const char *const scene_names[SCENE_COUNT];
/* Returns whether a store blocks in that state; if so, freeing the pool waits. */
bool scene_blocks(scene_state state);
/* Returns whether a good response has arrived in that state. */
bool scene_settles(scene_state state);

/* Brings a new account into that state, submitted by that function. *s must not move, because callbacks get its
   account. */
void scene_begin(scene *s, scene_state state, void (*submit)(scene *s));
/* Releases the store and the resolver. */
void scene_release(scene *s);
/* Frees the rest, and reports blocks that are left in the two heaps. The pool and a.ctx may be NULL by then. */
void scene_end(scene *s);
/* Returns how many scenes left something in a heap. A test runs all states and then checks it. */
size_t scene_leaks(void);

#endif
