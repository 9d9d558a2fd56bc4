/* The helper thread may finish a request before the sender continues. This program interposes pthread_mutex_unlock
   and slows the sender down there. The store's decision must still count. */
#include "stage.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define TRIES 20

static atomic_bool slow;
static pthread_t slow_thread;

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    static int (*real)(pthread_mutex_t *);
    static const struct timespec pause = {0, 5000000};
    void *symbol;
    int result;

    if (real == NULL) {
        symbol = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
        memcpy(&real, &symbol, sizeof symbol);
    }
    result = real(mutex);
    if (atomic_load(&slow) && pthread_equal(pthread_self(), slow_thread))
        (void)nanosleep(&pause, NULL);
    return result;
}
#endif

TEST_ON_STAGE(a_denial_by_the_store_is_not_lost)
{
    raw_server *server = stage_server(NULL, 0);
    lock_sync_guard *g = stage_store_guard(stage_store(), 3600000);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));

    MUST_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    account_guard(a, g, LOCK_SYNC_GUARD_FAIL);
    slow_thread = pthread_self();
    for (int i = 0; i < TRIES; i++) {
        account_submit(a, p);
        atomic_store(&slow, true);
        (void)pool_dispatch(p);
        atomic_store(&slow, false);
        pool_run_all(p);
        expect_end(a, LOCK_SYNC_E_TOO_SOON);
    }
    MUST_INT(raw_requests(server), 0);
}
