/* The uses of the library by a program, as acts that can run out of memory anywhere. The needs of an act are made
   before it. The act itself leaves nothing behind, and can be run again. */
#ifndef TORTURE_ACTS_H
#define TORTURE_ACTS_H

#include "../integration/client.h"
#include "../support/raw_server.h"
#include "../support/t_heap.h"

typedef struct scene {
    t_heap heap; /* the application's allocator, if it is used */
    lock_sync_allocator own;
    const lock_sync_allocator *memory; /* NULL: malloc, or &own */
    lock_sync_ctx *ctx;
    lock_sync_pool *pool;
    lock_sync_guard *guard;
    raw_server *server; /* of directories; NULL: the simulator */
    lock_sync_request *q;
    lock_sync_results *before;
    lock_sync_results *after;
    lock_sync_status ended; /* the status that the pool's callback got */
    size_t calls;
    bool is_cached; /* the response is expected from the cache */
    bool wrong;     /* something succeeded with wrong results */
} scene;

/* How an act may end beside its expected status and E_NO_MEMORY: with E_RESOLVE if libcurl ran out of memory, with
   E_GUARD if hiredis did. USES_MALLOC: a part of it does not use the application's allocator, for example a guard in a
   file. */
enum { NONE = 0, MAY_RESOLVE = 1, MAY_GUARD = 2, USES_MALLOC = 4 }; /* bits */

typedef struct act {
    const char *name;
    void (*prepare)(scene *x); /* NULL: nothing is needed */
    lock_sync_status (*run)(scene *x);
    lock_sync_status want;
    unsigned allowed;
} act;

/* Starts or stops the servers, and makes or removes certificates and a directory, for all acts. */
extern char *guard_path;
void acts_begin(void);
void acts_end(void);

extern const act plain_acts[]; /* over http, or without a server; each list ends with a name of NULL */
extern const act guard_acts[];
extern const act pool_acts[];
extern const act watch_acts[];
extern const act directory_acts[];
extern const act tls_acts[];
extern const act http2_acts[]; /* empty if nginx is not installed */
extern const act first_fetch;
extern const act first_fetch_by_tls;

/* Prepares the scene of an act; scene_end() frees it. */
void scene_begin(scene *x, const act *a, bool own_memory);
void scene_end(scene *x);

/* --- what acts share --- */

#define TIMEOUT_MS (5000 * kit_slack())

/* Ends an act at the first call that fails. */
#define DO(call)                                                                                                       \
  do {                                                                                                                 \
    lock_sync_status done_ = (call);                                                                                   \
    if (done_ != LOCK_SYNC_OK)                                                                                         \
      return done_;                                                                                                    \
  } while (0)

void must(lock_sync_status status);
void make_ctx(scene *x);     /* for the simulator; its guard is off */
void make_named(scene *x);   /* the same with a host name in its URL */
void make_guarded(scene *x); /* with a guard in a file */
void add_pool(scene *x);
void make_pool(scene *x); /* and a context */
void make_guarded_pool(scene *x);
void use_guard(scene *x, lock_sync_status made); /* sets x->guard, which opens at once */
lock_sync_status give_better_key(void *user, lock_sync_ctx *ctx, bool rejected); /* token provider: after a 401 */
lock_sync_status fetch_some(scene *x);
lock_sync_status fetch_all(scene *x);
lock_sync_status submit(scene *x);
void await_call(scene *x); /* dispatches until x->calls is not 0 */
/* Runs a watch in the pool until its first call, and frees it. The callback sets calls and ended of the scene. */
lock_sync_status watch_until_called(scene *x, lock_sync_watch *w, lock_sync_watch_fn changed);
lock_sync_status use_slot(lock_sync_guard *g); /* takes a slot and settles it */

/* Check what the library returned, and note in the scene what is wrong. The first two free what they check. */
lock_sync_status check_results(scene *x, lock_sync_status status, lock_sync_results *r, size_t count, size_t missing);
lock_sync_status check_directory(scene *x, lock_sync_status status, lock_sync_directory *d, size_t count);
void look_at_request(scene *x, const lock_sync_request *q, const char *path);
void look_at_changes(scene *x, const lock_sync_changes *c, const uint32_t *kinds, size_t n);

#endif
