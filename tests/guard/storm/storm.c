/* The storm: eight processes on one guard, whose store loses records.

       guard-storm [SECONDS [restart|failover|sentinels|flush|file|private]]     by default each of them for 60 s

   restart: Redis with snapshots only (save 1 1) is killed with SIGKILL and started again. failover: a replica that
   lacks the last half second takes over the server's port. sentinels: the master is killed with SIGKILL, and real
   sentinels promote such a replica. flush: FLUSHALL. file: the guard's file is deleted.
   private: a guard in memory for each process. Here the judge must find violations, which shows that it can.

   The interval is 100 ms, the lease 200 ms. Of the requests 3 % get a 429 for up to a second, and 3 % are never
   settled. A loss closes the account for 30 s, so there is one each 45 s, the first after 14 s. Before every second
   loss a request gets a 429 for 36 s, and the store loses its record at once. A run of less than a minute has one
   loss, after three quarters of its time.

   The judge checks the true times of all requests:
   - No request begins less than the interval after the end of another.
   - The process that received a 429 sends nothing during it. The others send nothing after its next decision.
   - In a run of a minute or more at least 100 slots are granted.
   The exit status is 1 if one of these does not hold. */
#include "storm.h"

#include "../../support/child.h"
#include "../../support/kit.h"
#include "../redis_server.h"
#include "../sentinels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONG_S 60.0
#define SLOTS_LEAST 100
#define FIRST_LOSS_S 14.0
#define LOSSES_EACH_S 45.0
#define LONG_429_MS 36000

typedef struct scenario {
    const char *name;
    double seconds;
    board *board;
    redis_server *server; /* NULL: no Redis */
    redis_server *replica;
    sentinels *sentinels; /* NULL: none */
    pid_t pids[PROCESSES];
    int64_t begin_us;
} scenario;

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
    s->server = s->replica;
    redis_server_start(lost); /* the sentinels make it a replica */
    s->replica = lost;
}

static void lose_by_flush(scenario *s)
{
    redis_server_do(s->server, "FLUSHALL");
}

static void lose_the_file(scenario *s)
{
    (void)unlink(s->board->place.file);
}

static const struct loss {
    const char *name;
    void (*way)(scenario *s); /* NULL: nothing is lost */
    enum { REDIS, A_FILE, PRIVATE } place;
    bool has_replica;
    bool has_sentinels;
} losses[] = {
    {"restart", lose_by_restart, REDIS, false, false},   {"failover", lose_by_failover, REDIS, true, false},
    {"sentinels", lose_by_sentinels, REDIS, true, true}, {"flush", lose_by_flush, REDIS, false, false},
    {"file", lose_the_file, A_FILE, false, false},       {"private", NULL, PRIVATE, false, false},
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
    if (way != NULL)
        way(s);
    b->lost_us[n] = kit_now_us();
    atomic_store(&b->losses, n + 1);
}

/* --- a scenario --- */

/* `dir`: the folder of the guard's file, if there is no server; NULL: memory. */
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
        s->pids[i] = begin_child(storm_work, b);
}

static void rage(scenario *s, void (*way)(scenario *s))
{
    if (s->seconds < LONG_S) {
        sleep_until(s->begin_us, s->seconds * 0.75);
        lose(s, way, true);
    }
    for (unsigned n = 0; s->seconds >= LONG_S && n < LOSSES_MAX; n++) {
        double at = FIRST_LOSS_S + LOSSES_EACH_S * n;

        if (at > s->seconds - LOSSES_EACH_S)
            break;
        sleep_until(s->begin_us, at);
        lose(s, way, n % 2 == 0);
    }
    sleep_until(s->begin_us, s->seconds);
}

static int end(scenario *s, bool is_shared)
{
    board *b = s->board;
    bool good;
    verdict v;

    atomic_store(&b->stop, true);
    for (size_t i = 0; i < PROCESSES; i++)
        if (end_child(s->pids[i]) != 0)
            kit_die("process %zu failed", i);
    v = storm_judge(b);
    good = v.too_close + v.broken_own + v.broken_other == 0 && v.requests > 5;
    if (!is_shared)
        good = v.too_close > 0 && v.broken_other > 0 && v.broken_own == 0;
    if (s->seconds >= LONG_S)
        good = good && v.slots >= SLOTS_LEAST && v.after_losses > 0;
    printf("%-8s %5.1f s: %u slots, %u requests (%u after a loss), closest %.3f ms of %d, %u too close\n", s->name,
           (double)(kit_now_us() - s->begin_us) / 1e6, v.slots, v.requests, v.after_losses,
           v.requests > 1 ? (double)v.closest_us / 1e3 : 0.0, INTERVAL_MS, v.too_close);
    printf(
        "         %u losses, %u calls without a store, %u 429s (%u not written at once), broken by the receiver %u, "
        "by others %u%s\n",
        b->losses, b->failures, v.limited, v.unwritten, v.broken_own, v.broken_other, good ? "" : "  FAILED");
    (void)fflush(stdout);
    kit_shared_free(b, sizeof *b);
    return good ? 0 : 1;
}

static int run(const struct loss *loss, double seconds)
{
    static const char *const snapshots[] = {"--save", "1 1", NULL};
    scenario s = {.name = loss->name, .seconds = loss->place == PRIVATE ? 1 : seconds};
    char *dir = loss->place == A_FILE ? kit_temp_dir() : NULL;
    int failed;

    if (loss->place == REDIS && !redis_server_is_there()) {
        printf("%-8s there is no redis-server here\n", loss->name);
        return 0;
    }
    if (loss->place == REDIS)
        s.server = redis_server_new(snapshots);
    if (loss->has_replica)
        s.replica = redis_server_new_replica(s.server);
    if (loss->has_sentinels)
        s.sentinels = sentinels_new(s.server);
    begin(&s, dir);
    rage(&s, loss->way);
    failed = end(&s, loss->place != PRIVATE);
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
    const char *only = "restart|failover|sentinels|flush|file|private";
    int failed = 0;

    if (!soak_arguments(argc, argv, &seconds, &only))
        return 2;
    for (size_t i = 0; i < COUNT_OF(losses); i++)
        if (strstr(only, losses[i].name) != NULL)
            failed |= run(&losses[i], seconds);
    return failed;
}
