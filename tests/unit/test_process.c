/* Objects after a fork: the child notices it once, and renews them. */
#include "base/process.h"
#include "../support/checks.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(a_fork_changes_the_process_of_an_object_once)
{
    lsync_process p;
    int status = -1;
    pid_t child;

    lsync_process_init(&p);
    child = fork();
    MUST(child >= 0);
    if (child == 0) {
        bool changed = lsync_process_changed(&p);

        lsync_process_adopt(&p);
        _exit(changed && !lsync_process_changed(&p) ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(!lsync_process_changed(&p)); /* unchanged in the parent */
}

typedef struct crowd {
    lsync_process process;
    atomic_int arrived;
    atomic_int renewing;
    atomic_int early; /* threads that continued before it was renewed */
    atomic_bool renewed;
} crowd;

#define CROWD 4

static void *use(void *user)
{
    crowd *c = user;

    atomic_fetch_add(&c->arrived, 1);
    if (lsync_process_changed(&c->process)) {
        atomic_fetch_add(&c->renewing, 1);
        while (atomic_load(&c->arrived) < CROWD)
            (void)sched_yield();
        atomic_store(&c->renewed, true);
        lsync_process_adopt(&c->process);
    }
    if (!atomic_load(&c->renewed))
        atomic_fetch_add(&c->early, 1);
    return NULL;
}

TEST(other_threads_wait_until_an_object_is_renewed)
{
    for (int round = 0; round < 50; round++) {
        pthread_t threads[CROWD];
        crowd c;

        memset(&c, 0, sizeof c);
        lsync_process_init(&c.process);
        atomic_store(&c.process.id, (long)getppid()); /* as in a child after a fork */
        for (size_t i = 0; i < CROWD; i++)
            MUST_INT(pthread_create(&threads[i], NULL, use, &c), 0);
        for (size_t i = 0; i < CROWD; i++)
            MUST_INT(pthread_join(threads[i], NULL), 0);
        CHECK_INT(c.renewing, 1);
        CHECK_INT(c.early, 0);
        CHECK(!lsync_process_changed(&c.process));
    }
}
