/* After fork(): what the child may use, and that a child which does not use the parent's objects does not disturb
   them, however it ends. For a guard in a file on both sides see tests/guard/test_file_fork.c, for a pool
   tests/pool/test_forked.c. */
#include "../integration/client.h"
#include "../support/child.h"
#include "../support/pems.h"

#include <stdlib.h>

/* The servers of a test, over http and https. Each test starts new ones, because it checks their counts. */
static sim *servers[2];

static int begin(void **user)
{
    static const char *const options[] = {"--static", "--personal-key", KEY, NULL};

    (void)user;
    servers[0] = sim_start(options);
    servers[1] = sim_start_tls(pems->good, pems->key);
    return 0;
}

static int end(void **user)
{
    (void)user;
    sim_stop(servers[0], NULL);
    sim_stop(servers[1], NULL);
    return 0;
}

static client client_of(const sim *s)
{
    client c = client_new(sim_url(s));

    MUST_OK(lock_sync_set_ca_file(c.ctx, pems->ca));
    return c;
}

static int fetch_and_free(void *user)
{
    lock_sync_status status = client_fetch(user);

    client_free(user);
    return status;
}

static int fetch_anew(void *user)
{
    client c = client_of(user);
    lock_sync_status status = client_fetch(&c);

    client_free(&c);
    return status;
}

static int do_nothing(void *user)
{
    (void)user;
    return 0;
}

static int leave_by_exit(void *user)
{
    (void)user;
    exit(0); /* runs all exit handlers of libraries */
}

TEST_IN(a_context_that_has_not_fetched_works_in_parent_and_child, begin, end)
{
    for (size_t i = 0; i < 2; i++) {
        client c = client_of(servers[i]);

        MUST_OK(in_child(fetch_and_free, &c));
        expect_fetch(&c, LOCK_SYNC_OK);
        MUST_INT(in_child(do_nothing, NULL), 0);
        client_free(&c);
    }
    MUST_INT(sim_ask_stats(servers[0]).connections, 2); /* one for each process */
}

TEST_IN(contexts_made_after_the_fork_work, begin, end)
{
    for (size_t i = 0; i < 2; i++) {
        client c = client_of(servers[i]);

        expect_fetch(&c, LOCK_SYNC_OK);
        MUST_OK(in_child(fetch_anew, servers[i]));
        expect_fetch(&c, LOCK_SYNC_OK);
        client_free(&c);
    }
    MUST_INT(sim_ask_stats(servers[0]).connections, 2);
}

TEST_IN(a_child_that_ends_keeps_the_parents_connection_open, begin, end)
{
    static int (*const ways[])(void *user) = {do_nothing, leave_by_exit};

    for (size_t i = 0; i < 2; i++) {
        client c = client_of(servers[i]);
        sim_stats stats;

        expect_fetch(&c, LOCK_SYNC_OK);
        for (size_t way = 0; way < 2; way++) {
            MUST_INT(in_child(ways[way], NULL), 0);
            expect_fetch(&c, LOCK_SYNC_OK);
        }
        client_free(&c);
        sim_stop(servers[i], &stats);
        servers[i] = NULL;
        MUST_INT(stats.requests, 3);
        MUST_INT(stats.connections, 1);
    }
}

static int read_and_free(void *user)
{
    lock_sync_results *r = user;
    bool good = lock_sync_results_count(r) == 4 && lock_sync_results_find(r, 1001) != NULL;

    lock_sync_results_free(r);
    return good ? 0 : 1;
}

TEST_IN(parent_and_child_have_separate_results, begin, end)
{
    client c = client_of(servers[0]);
    lock_sync_results *r;

    MUST_OK(lock_sync_fetch(c.ctx, NULL, 0, &r));
    MUST_INT(in_child(read_and_free, r), 0);
    MUST_INT(read_and_free(r), 0);
    client_free(&c);
}

static int take_slot(void *user)
{
    return lock_sync_guard_reserve(user, 0, NULL, NULL);
}

TEST(parent_and_child_have_separate_guards_in_memory)
{
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(in_child(take_slot, g));
    MUST_OK(take_slot(g));
    MUST_INT(in_child(take_slot, g), LOCK_SYNC_E_TOO_SOON); /* it knows the parent's slot */
    lock_sync_guard_unref(g);
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
