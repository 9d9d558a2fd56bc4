/* What a program does with the library, as acts that can be made to run out of memory anywhere: what each needs is made
   before, the act itself leaves nothing behind, and may be done again. */
#ifndef TORTURE_ACTS_H
#define TORTURE_ACTS_H

#include "../integration/client.h"
#include "../support/certs.h"
#include "../support/heap.h"

typedef struct scene {
    heap heap; /* a host's allocator, where it is used */
    lock_sync_allocator own;
    const lock_sync_allocator *memory; /* NULL: malloc, or &own */
    lock_sync_ctx *ctx;
    lock_sync_pool *pool;
    lock_sync_guard *guard;
    lock_sync_request *q;
    lock_sync_results *before;
    lock_sync_results *after;
    lock_sync_status ended; /* what the pool's callback was told */
    size_t calls;
    bool wrong; /* something was good, and yet not what it should be */
} scene;

/* What may come of an act beside its own end and E_NO_MEMORY. */
typedef enum mercy { NONE, MAY_RESOLVE, MAY_GUARD } mercy;

typedef struct act {
    const char *name;
    void (*prepare)(scene *x);           /* NULL: nothing is needed */
    lock_sync_status (*run)(scene *x);
    lock_sync_status want;
    mercy mercy;
} act;

/* Servers, certificates and a folder, for all acts. */
void acts_begin(void);
void acts_end(void);

extern const act plain_acts[]; /* by http, or without a server; each list ends with a name of NULL */
extern const act tls_acts[];
extern const act watch_acts[];
extern const act first_fetch;
extern const act first_fetch_by_tls;

/* What the scene of an act is, until scene_end() frees it. */
void scene_begin(scene *x, const act *a, bool own_memory);
void scene_end(scene *x);

/* --- what acts share --- */

#define TIMEOUT_MS (5000 * kit_slack())

/* Ends an act at the first call that fails. */
#define DO(call)                                                                                                       \
    do {                                                                                                               \
        lock_sync_status done_ = (call);                                                                               \
        if (done_ != LOCK_SYNC_OK)                                                                                     \
            return done_;                                                                                              \
    } while (0)

void must(lock_sync_status status);
void make_ctx(scene *x); /* for the simulator; its guard is off */
void make_pool(scene *x); /* and a context */
void await_call(scene *x); /* dispatches until x->calls is not 0 */
lock_sync_status use_slot(lock_sync_guard *g); /* takes one, and settles it */

#endif
