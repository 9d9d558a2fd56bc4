/* The helper thread may be done with a question before the sender goes on: this program stands before
   pthread_mutex_unlock, and makes the sender's thread slow there. The store's decision must stand none the less. */
#include "accounts.h"
#include "store.h"

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

TEST(a_refusal_of_the_store_stays_one)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    store *s = store_new();
    lock_sync_guard *g = store_guard(s, 3600000);
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(server));
    size_t sent = 0;

    MUST_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    account_guard(&a, g, LOCK_SYNC_GUARD_FAIL);
    slow_thread = pthread_self();
    for (int i = 0; i < TRIES; i++) {
        account_submit(&a, p);
        atomic_store(&slow, true);
        (void)pool_dispatch(p);
        atomic_store(&slow, false);
        pool_run_all(p);
        sent += a.status != LOCK_SYNC_E_TOO_SOON;
    }
    if (sent > 0)
        fail_msg("of %d refusals %zu were taken for a slot: the server got %zu requests", TRIES, sent,
                 raw_requests(server));
    account_free(&a);
    lock_sync_guard_unref(g);
    pool_end(p);
    store_free(s);
    raw_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(a_refusal_of_the_store_stays_one)};

    return T_MAIN(tests);
}
