/* A pool with one account in a state that is waited for: what a test then ends, frees or cancels. The pool and the
   account's context have heaps of their own. */
#ifndef POOL_SCENES_H
#define POOL_SCENES_H

#include "accounts.h"
#include "../support/t_heap.h"
#include "store.h"

typedef enum scene_state {
    SCENE_NEW,       /* submitted, not dispatched */
    SCENE_QUEUED,    /* another account has the only seat */
    SCENE_ASLEEP,    /* mode WAIT, the guard opens later */
    SCENE_HELD,      /* another account's look-up of the same name stalls */
    SCENE_LOOKUP,    /* its own look-up stalls */
    SCENE_ACTIVE,    /* its request is at a silent server */
    SCENE_ASKING,    /* its guard's store blocks */
    SCENE_SETTLING,  /* a good answer came; the store blocks when its slot is settled */
    SCENE_REPEATING, /* a 401 came, the provider set another key; the store blocks when asked for the repeat */
    SCENE_COUNT
} scene_state;

typedef struct scene {
    scene_state state;
    lock_sync_pool *pool;
    account a;
    account other; /* ctx NULL: there is none */
    raw_server *server;
    raw_server *good;
    store *store;
    lock_sync_guard *guard;
    t_heap pool_heap;
    t_heap heap; /* of a.ctx */
    void (*submit)(struct scene *s);
} scene;

extern const char *const scene_names[SCENE_COUNT];
/* Whether a store blocks in that state: then freeing the pool waits. */
bool scene_blocks(scene_state state);

/* Calls scene_begin at the scene's place, which must not move. The account is a's own `user`. */
void scene_begin(scene *s, scene_state state);
/* The same with another use of the account in place of account_submit(). */
void scene_begin_with(scene *s, scene_state state, void (*submit)(scene *s));
/* Lets go what blocks. */
void scene_release(scene *s);
/* Frees what is left, and looks whether both heaps are empty. pool may be NULL by then, as may a.ctx. */
void scene_end(scene *s);
/* How many scenes left something in a heap. A test goes through all states, and looks then. */
size_t scene_leaks(void);

#endif
