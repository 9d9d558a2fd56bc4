/* A mutex that a forked child can lock. No server. */
#include "../support/child.h"
#include "../support/kit.h"
#include "../support/decoding.h"
#include "guard/redis/fork_mutex.h"

#include <sched.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS 2000

typedef struct counter {
    lsync_fork_mutex mutex;
    int value; /* of which the mutex is */
} counter;

static void *count(void *user)
{
    counter *c = user;

    for (int i = 0; i < ROUNDS; i++) {
        lsync_fork_mutex_lock(&c->mutex);
        c->value++;
        lsync_fork_mutex_unlock(&c->mutex);
    }
    return NULL;
}

/* Many threads meet a mutex that was held at the fork: one of them makes it anew, and it holds. */
static int count_with_many_threads(void *user)
{
    counter *c = user;
    pthread_t threads[THREADS];

    (void)alarm(KIT_PATIENCE_MS / 1000);
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, count, c) != 0)
            return 2;
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    lsync_fork_mutex_destroy(&c->mutex);
    return c->value == THREADS * ROUNDS ? 0 : 1;
}

TEST(a_mutex_that_was_held_at_the_fork)
{
    counter c = {.value = 0};

    CHECK(lsync_fork_mutex_init(&c.mutex));
    for (int i = 0; i < 20; i++) {
        lsync_fork_mutex_lock(&c.mutex);
        CHECK_INT(in_child(count_with_many_threads, &c), 0);
        lsync_fork_mutex_unlock(&c.mutex);
    }
    CHECK_INT(c.value, 0);
    lsync_fork_mutex_destroy(&c.mutex);
}

static int destroy(void *user)
{
    counter *c = user;

    lsync_fork_mutex_destroy(&c->mutex);
    return 0;
}

TEST(a_mutex_that_the_child_only_destroys)
{
    counter c = {.value = 0};

    CHECK(lsync_fork_mutex_init(&c.mutex));
    lsync_fork_mutex_lock(&c.mutex);
    CHECK_INT(in_child(destroy, &c), 0);
    lsync_fork_mutex_unlock(&c.mutex);
    lsync_fork_mutex_destroy(&c.mutex);
}

/* --- while another thread makes it anew --- */

static void *lock_once(void *user)
{
    counter *c = user;

    lsync_fork_mutex_lock(&c->mutex);
    c->value = 1;
    lsync_fork_mutex_unlock(&c->mutex);
    return NULL;
}

TEST(a_mutex_that_is_being_made_anew)
{
    counter c = {.value = 0};
    pthread_t thread;

    CHECK(lsync_fork_mutex_init(&c.mutex));
    atomic_store(&c.mutex.process.id, -(long)getpid());
    MUST_INT(pthread_create(&thread, NULL, lock_once, &c), 0);
    for (int i = 0; i < 100; i++)
        (void)sched_yield(); /* it must not go on, however often it looks */
    CHECK_INT(atomic_load(&c.mutex.process.id), -(long)getpid());
    atomic_store(&c.mutex.process.id, getpid());
    MUST_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(c.value, 1);
    lsync_fork_mutex_destroy(&c.mutex);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_mutex_that_was_held_at_the_fork),
        T(a_mutex_that_the_child_only_destroys),
        T(a_mutex_that_is_being_made_anew),
    };

    return T_MAIN(tests);
}
