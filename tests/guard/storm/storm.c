/* The storm: eight processes on one guard, whose store loses records.

       guard-storm [SECONDS [restart|empty|failover|sentinels|flush|stop|cut|file|private]]

   By default each of them runs for 60 s.

   With Redis, half of the processes call their guard and the others have a pool with three users, whose guards decide
   on a channel.

   restart: Redis with snapshots only (save 1 1) is killed with SIGKILL and started again. empty: the same without
   snapshots. failover: a replica that lacks the last half second takes over the server's port. sentinels: the master is
   killed with SIGKILL, and real sentinels promote such a replica. flush: FLUSHALL. file: the guard's file is deleted.
   stop, cut: nothing is lost, but after each second the server is stopped for 2.3 s, or all connections are cut
   repeatedly.
   private: a guard in memory for each process. Here the judge must find violations, which shows that it can.

   The interval is 100 ms, the lease 200 ms. Of the requests 3 % get a 429 for up to a second, and 3 % are never
   settled. A loss closes the account for 30 s, so there is one each 45 s, the first after 14 s. Before every second
   loss a request gets a 429 for 36 s, and the store loses its record at once. A run of less than a minute has one
   loss, after three quarters of its time. Meanwhile one process after another is stopped for up to a quarter of a
   second, as on a busy machine.

   The judge checks the true times of all requests:
   - No request begins less than the interval after the end of another.
   - The user that received a 429 sends nothing during it. The others send nothing after its next decision.
   - In a run of a minute or more at least 60 slots are granted.
   The exit status is 1 if one of these does not hold. */
#include "storm.h"

#include "../../support/child.h"
#include "../../support/kit.h"
#include "../../support/decoding.h"
#include "../redis_server.h"
#include "../sentinels.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONG_S 60.0
#define PRIVATE_S 2.0
#define SLOTS_LEAST 60
#define FIRST_LOSS_S 14.0
#define LOSSES_EACH_S 45.0
#define LONG_429_MS 36000
#define STOP_US_MAX 250000 /* of a process */
#define RUN_US_MAX 100000  /* until the next is stopped */
#define DOWN_US 2300000    /* of the server: longer than a call of the guard, which tries twice */
#define CUTS 5
#define CUTS_EACH_US 40000

typedef struct scenario {
    const char *name;
    double seconds;
    board *board;
    redis_server *server; /* NULL: no Redis */
    redis_server *replica;
    sentinels *sentinels; /* NULL: none */
    pid_t pids[PROCESSES];
    int64_t begin_us;
    int64_t back_us; /* when the store was back after the last loss */
    bool has_store;  /* that the processes share */
    uint64_t seed;
} scenario;

/* Stops one process after another for a while, until `second` of the scenario. */
static void jostle(scenario *s, double second)
{
    int64_t end_us = s->begin_us + (int64_t)(second * 1e6);

    while (s->has_store && kit_now_us() < end_us) {
        pid_t pid = s->pids[t_random(&s->seed) % PROCESSES];

        (void)kill(pid, SIGSTOP);
        (void)usleep((useconds_t)(t_random(&s->seed) % STOP_US_MAX));
        (void)kill(pid, SIGCONT);
        (void)usleep((useconds_t)(t_random(&s->seed) % RUN_US_MAX));
    }
    sleep_until(s->begin_us, second);
}

/* --- losses --- */

static void lose_by_restart(scenario *s)
{
    redis_server_restart(s->server);
}

static void lose_by_failover(scenario *s)
{
    redis_server *lost = s->server;

    redis_server_kill(lost);
    redis_server_promote(s->replica);
    if (!redis_server_replace(s->replica, lost))
        kit_die("this redis-server cannot change its port");
    s->server = s->replica;
    redis_server_free(lost);
    s->replica = redis_server_new_replica(s->server);
}

static bool is_promoted(void *user)
{
    const scenario *s = user;

    return sentinels_master(s->sentinels) == redis_server_port(s->replica);
}

static void lose_by_sentinels(scenario *s)
{
    redis_server *lost = s->server;

    redis_server_kill(lost);
    redis_server_pause(s->replica, false);
    if (!kit_wait(is_promoted, s, KIT_PATIENCE_MS))
        kit_die("the sentinels do not promote the replica");
    s->back_us = kit_now_us();
    s->server = s->replica;
    redis_server_start(lost); /* the sentinels make it a replica */
    s->replica = lost;
}

static void lose_by_flush(scenario *s)
{
    redis_server_do(s->server, "FLUSHALL");
}

static void stop_server(scenario *s)
{
    redis_server_pause(s->server, true);
    (void)usleep(DOWN_US);
    redis_server_pause(s->server, false);
}

static void cut_connections(scenario *s)
{
    for (int i = 0; i < CUTS; i++) {
        redis_server_do(s->server, "CLIENT KILL TYPE normal");
        (void)usleep(CUTS_EACH_US);
    }
}

static void lose_the_file(scenario *s)
{
    (void)unlink(s->board->place.file);
}

static const struct loss {
    const char *name;
    void (*way)(scenario *s); /* NULL: nothing happens */
    enum { REDIS, A_FILE, PRIVATE } place;
    bool has_replica;
    bool has_sentinels;
    bool keeps_all;  /* nothing is lost */
    bool keeps_none; /* the server has no snapshots */
} losses[] = {
    {.name = "restart", lose_by_restart, REDIS},
    {.name = "empty", lose_by_restart, REDIS, .keeps_none = true},
    {.name = "failover", lose_by_failover, REDIS, .has_replica = true},
    {.name = "sentinels", lose_by_sentinels, REDIS, .has_replica = true, .has_sentinels = true},
    {.name = "flush", lose_by_flush, REDIS},
    {.name = "stop", stop_server, REDIS, .keeps_all = true},
    {.name = "cut", cut_connections, REDIS, .keeps_all = true},
    {.name = "file", lose_the_file, A_FILE},
    {.name = "private", NULL, PRIVATE},
};

static bool is_limited(void *user)
{
    const board *b = user;

    return atomic_load(&b->is_limited);
}

static void lose(scenario *s, void (*way)(scenario *s), bool after_429)
{
    board *b = s->board;
    unsigned n = b->losses;

    if (s->replica != NULL) {
        redis_server_cut_off(s->replica, s->server);
        (void)usleep(500000);
    }
    if (after_429) {
        atomic_store(&b->is_limited, false);
        atomic_store(&b->limit_next_ms, LONG_429_MS);
        if (!kit_wait(is_limited, b, 3000))
            atomic_store(&b->limit_next_ms, 0);
    }
    s->back_us = 0;
    if (way != NULL)
        way(s);
    b->lost_us[n] = kit_now_us();
    b->back_us[n] = s->back_us != 0 ? s->back_us : b->lost_us[n];
    atomic_store(&b->losses, n + 1);
}

/* --- a scenario --- */

/* Begins a scenario. `dir`: the folder of the guard's file, if there is no server; NULL: memory. */
static void begin(scenario *s, const char *dir)
{
    board *b = kit_shared(sizeof *b);
    char *url = s->sentinels == NULL ? NULL : sentinels_new_url(s->sentinels, "", "");

    s->board = b;
    if (s->server != NULL) {
        redis_server_settle_in(s->server, "k");
        (void)snprintf(b->place.redis, sizeof b->place.redis, "%s", url != NULL ? url : redis_server_url(s->server));
    } else if (dir != NULL) {
        (void)snprintf(b->place.file, sizeof b->place.file, "%s/guard", dir);
    }
    free(url);
    s->begin_us = kit_now_us();
    for (unsigned i = 0; i < PROCESSES; i++)
        s->pids[i] = begin_child(s->server != NULL && i % 2 == 1 ? storm_pool : storm_work, b);
}

static void rage(scenario *s, const struct loss *loss)
{
    for (double at = 1; loss->keeps_all && at < s->seconds; at = (double)(kit_now_us() - s->begin_us) / 1e6 + 1) {
        jostle(s, at);
        loss->way(s);
    }
    if (!loss->keeps_all && s->seconds < LONG_S) {
        jostle(s, s->seconds * 0.75);
        lose(s, loss->way, true);
    }
    for (unsigned n = 0; !loss->keeps_all && s->seconds >= LONG_S && n < LOSSES_MAX; n++) {
        double at = FIRST_LOSS_S + LOSSES_EACH_S * n;

        if (at > s->seconds - LOSSES_EACH_S)
            break;
        jostle(s, at);
        lose(s, loss->way, n % 2 == 0);
    }
    jostle(s, s->seconds);
}

/* Prints a time in us, if there is one, in seconds. */
static void print_after(const char *what, int64_t us)
{
    if (us > 0)
        printf(", %s after %.2f s", what, (double)us / 1e6);
}

static void print(const scenario *s, const verdict *v, bool good)
{
    const board *b = s->board;

    printf("%-9s %5.1f s: %u slots, %u requests (%u of pools, %u after a loss), closest %.3f ms of %d, %u too close\n",
           s->name, (double)(kit_now_us() - s->begin_us) / 1e6, v->slots, v->requests, v->of_pools, v->after_losses,
           v->requests > 1 ? (double)v->closest_us / 1e3 : 0.0, INTERVAL_MS, v->too_close);
    printf("          %u losses", b->losses);
    print_after("pools decide", v->decided_after_us[IN_POOL]);
    print_after("others", v->decided_after_us[BLOCKING]);
    print_after("the next request", v->sent_after_us[0]);
    if (v->sent_after_us[1] > v->sent_after_us[0])
        print_after("at most", v->sent_after_us[1]);
    printf(
        "\n          %u calls without a store, %u 429s (%u not written at once), broken by the receiver %u, by others "
        "%u%s\n",
        b->failures, v->limited, v->unwritten, v->broken_own, v->broken_other, good ? "" : "  FAILED");
    (void)fflush(stdout);
}

static int end(scenario *s, const struct loss *loss)
{
    board *b = s->board;
    bool good;
    verdict v;

    atomic_store(&b->stop, true);
    for (size_t i = 0; i < PROCESSES; i++)
        if (end_child(s->pids[i]) != 0)
            kit_die("process %zu failed", i);
    v = storm_judge(b);
    good = v.too_close + v.broken_own + v.broken_other == 0 && v.requests > 0;
    if (loss->place == PRIVATE)
        good = v.too_close > 0 && v.broken_other > 0 && v.broken_own == 0;
    if (s->seconds >= LONG_S)
        good = good && v.slots >= SLOTS_LEAST && (v.after_losses > 0 || loss->keeps_all);
    print(s, &v, good);
    kit_shared_free(b, sizeof *b);
    return good ? 0 : 1;
}

static int run(const struct loss *loss, double seconds)
{
    static const char *const snapshots[] = {"--save", "1 1", NULL};
    scenario s = {.name = loss->name,
                  .seconds = loss->place == PRIVATE ? PRIVATE_S : seconds,
                  .has_store = loss->place != PRIVATE,
                  .seed = 7};
    char *dir = loss->place == A_FILE ? kit_temp_dir() : NULL;
    int failed;

    if (loss->place == REDIS && !redis_server_is_there()) {
        printf("%-9s there is no redis-server here\n", loss->name);
        return 0;
    }
    if (loss->place == REDIS)
        s.server = redis_server_new(loss->keeps_none ? NULL : snapshots);
    if (loss->has_replica)
        s.replica = redis_server_new_replica(s.server);
    if (loss->has_sentinels)
        s.sentinels = sentinels_new(s.server);
    begin(&s, dir);
    rage(&s, loss);
    failed = end(&s, loss);
    if (s.sentinels != NULL)
        sentinels_free(s.sentinels);
    if (s.replica != NULL)
        redis_server_free(s.replica);
    if (s.server != NULL)
        redis_server_free(s.server);
    kit_remove_dir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    double seconds = LONG_S;
    const char *only = "restart|empty|failover|sentinels|flush|stop|cut|file|private";
    int failed = 0;

    if (!soak_arguments(argc, argv, &seconds, &only))
        return 2;
    for (size_t i = 0; i < COUNT_OF(losses); i++)
        if (strstr(only, losses[i].name) != NULL)
            failed |= run(&losses[i], seconds);
    return failed;
}
