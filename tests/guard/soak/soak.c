/* The soak: many users share one account's guard. The simulator enforces the interval (200 ms in place of the
   service's 20 s) and an hourly budget without any tolerance. Connections are late by 0 to 30 ms, a fetch has 500
   ms, and all users wait.

       guard-soak [SECONDS [memory|file|redis|pools]]     SECONDS of each, by default 30

   memory: 16 threads on one guard. file: 8 processes of 4 threads on one file. Each second one process is killed
   with SIGKILL and replaced, alternately a random one and the one that has the slot. redis: 8 processes on one key.
   The server is stopped three times (SIGSTOP). The storm (../storm) kills it. pools: the same, but half of the
   processes have a pool, whose guards decide on a channel.

   The soak counts the used slots and the possible ones. The interval runs from the response. So a time T has

       (T - down - lost) / (interval + mean request) + 1

   slots, because the first needs no interval before it. `down` is the time without the store. `lost` is the rest of the
   leases whose users were killed, or could not settle because the store was down. A request lasts from the slot to its
   end. T ends when the budget is used up.

   The exit status is 1 if the simulator counted a violation, or (from 10 s on) less than 90 % were used. */
#include "shared.h"

#include "../../support/child.h"
#include "../../support/kit.h"
#include "../../support/sim.h"

#ifdef WITH_REDIS
#  include "../redis_server.h"
#endif

#include <inttypes.h>
#include <locksync/locksync.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROCESSES 8
#define DOWNS_MAX 4
#define SHARE_LEAST 90.0
#define JUDGED_FROM_S 10.0

typedef struct span {
    int64_t from_us;
    int64_t to_us;
} span;

typedef struct scenario {
    const char *name;
    bool has_pools;
    double seconds;
    board *board;
    sim *sim;
    pid_t pids[PROCESSES];
    size_t processes;
    int64_t begin_us;
    int64_t end_us;
    span downs[DOWNS_MAX];
    size_t down_count;
    unsigned killed;
} scenario;

/* --- the result --- */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Returns how long others waited for a slot after its use, because its user was killed, or ended while the store was
   down. */
static int64_t lost_us(const scenario *s, const use *u)
{
    int64_t end_us = smaller(u->until_us, s->end_us);

    if (u->end_us == 0)
        return larger(0, end_us - u->begin_us);
    for (size_t i = 0; i < s->down_count; i++)
        if (u->end_us >= s->downs[i].from_us && u->end_us <= s->downs[i].to_us)
            return larger(0, end_us - s->downs[i].to_us);
    return 0;
}

static void print_fetches(const board *b)
{
    printf("       fetches:");
    for (lock_sync_status status = 0; status <= LOCK_SYNC_E_BUSY; status++)
        if (b->ended[status] > 0)
            printf(" %u %s", b->ended[status], lock_sync_status_name(status));
    printf("\n");
}

static int judge(const scenario *s)
{
    const board *b = s->board;
    sim_stats stats = sim_ask_stats(s->sim);
    int64_t violations = stats.interval_violations + stats.budget_violations + stats.window_violations;
    unsigned uses = (unsigned)smaller(b->uses, USES_MAX);
    unsigned used = 0;
    unsigned ended = 0;
    int64_t lost = 0;
    int64_t down_us = 0;
    int64_t request_us = 0;
    double possible;
    double share;
    bool good;

    for (unsigned i = 0; i < uses; i++) {
        const use *u = &b->use[i];

        used += !u->unsent;
        lost += lost_us(s, u);
        ended += u->end_us != 0 && !u->is_untimed;
        request_us += u->end_us != 0 ? u->end_us - u->begin_us : 0;
    }
    for (size_t i = 0; i < s->down_count; i++)
        down_us += larger(0, smaller(s->downs[i].to_us, s->end_us) - s->downs[i].from_us);
    request_us = ended > 0 ? request_us / ended : 0;
    possible = (double)(s->end_us - s->begin_us - down_us - lost) / (double)(INTERVAL_MS * 1000 + request_us) + 1;
    share = 100.0 * used / possible;
    good = violations == 0 && stats.syncs > 0 && (s->seconds < JUDGED_FROM_S || share >= SHARE_LEAST);
    printf("%-6s %5.1f s: %u slots used of %.1f possible: %.1f %%, budget %s\n", s->name,
           (double)(s->end_us - s->begin_us) / 1e6, used, possible, share, b->spent_us != 0 ? "used up" : "left");
    printf("       mean request %" PRId64 " us, store down %" PRId64 " ms, lost %" PRId64 " ms, killed %u\n",
           request_us, down_us / 1000, lost / 1000, s->killed);
    print_fetches(b);
    printf("       simulator: %" PRId64 " syncs of %" PRIu32 " allowed, %" PRId64 " violations, closest %" PRId64
           " us%s\n",
           stats.syncs, b->budget, violations, stats.closest_us, good ? "" : "  FAILED");
    return good ? 0 : 1;
}

/* --- a scenario --- */

/* Starts the simulator and the processes. `place`: of the guard; NULL: memory. */
static void begin(scenario *s, const guard_place *place, size_t processes, unsigned threads)
{
    char budget[16];
    const char *options[] = {"--min-interval-ms", "200", "--hourly-budget", budget, "--static", NULL};
    board *b = kit_shared(sizeof *b);

    if (place != NULL)
        b->place = *place;
    b->threads = threads;
    /* so small that it is used up near the end */
    b->budget = (uint32_t)(s->seconds * 0.85 * 1000 / (INTERVAL_MS + JITTER_MS / 2)) + BUDGET_RESERVE + 1;
    (void)snprintf(budget, sizeof budget, "%" PRIu32, b->budget);
    s->board = b;
    s->sim = sim_start(options);
    (void)snprintf(b->url, sizeof b->url, "%s", sim_url(s->sim));
    s->begin_us = kit_now_us();
    s->processes = processes;
    for (size_t i = 0; i < processes; i++)
        s->pids[i] = begin_child(s->has_pools && i % 2 == 1 ? soak_pool : soak_work, b);
}

static int end(scenario *s)
{
    int failed;

    sleep_until(s->begin_us, s->seconds);
    s->end_us = kit_now_us();
    atomic_store(&s->board->stop, true);
    for (size_t i = 0; i < s->processes; i++)
        (void)end_child(s->pids[i]);
    if (s->board->spent_us != 0)
        s->end_us = smaller(s->end_us, s->board->spent_us);
    failed = judge(s);
    sim_stop(s->sim, NULL);
    kit_shared_free(s->board, sizeof *s->board);
    (void)fflush(stdout);
    return failed;
}

static int in_memory(double seconds)
{
    scenario s = {.name = "memory", .seconds = seconds};

    begin(&s, NULL, 1, 16);
    return end(&s);
}

/* Waits at most 0.4 s for a process with a slot, and returns its index; `otherwise`: no process had one. */
static size_t holder(const scenario *s, size_t otherwise)
{
    int64_t until_us = kit_now_us() + 400000;

    while (kit_now_us() < until_us) {
        unsigned uses = (unsigned)smaller(s->board->uses, USES_MAX);
        const use *u = uses == 0 ? NULL : &s->board->use[uses - 1];

        if (u != NULL && u->begin_us != 0 && u->end_us == 0)
            for (size_t i = 0; i < PROCESSES; i++)
                if (s->pids[i] == u->pid)
                    return i;
        (void)usleep(500);
    }
    return otherwise;
}

static int in_a_file(double seconds)
{
    scenario s = {.name = "file", .seconds = seconds};
    char *dir = kit_temp_dir();
    double gap = seconds < 10 ? seconds / 4 : 1;
    uint64_t seed = 7;
    guard_place place = {.redis = ""};
    int failed;

    (void)snprintf(place.file, sizeof place.file, "%s/guard", dir);
    begin(&s, &place, PROCESSES, 4);
    for (double second = gap; second < seconds; second += gap) {
        size_t victim;

        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        victim = (seed >> 33) % PROCESSES;
        sleep_until(s.begin_us, second + (double)((seed >> 40) % 200) / 1000);
        if (s.killed % 2 == 1)
            victim = holder(&s, victim);
        (void)kill(s.pids[victim], SIGKILL);
        (void)end_child(s.pids[victim]);
        s.killed++;
        s.pids[victim] = begin_child(soak_work, s.board);
    }
    failed = end(&s);
    kit_remove_dir(dir);
    return failed;
}

#ifdef WITH_REDIS
static int in_redis(double seconds, bool has_pools)
{
    static const double at[] = {0.2, 0.4, 0.6};
    scenario s = {.name = has_pools ? "pools" : "redis", .has_pools = has_pools, .seconds = seconds};
    guard_place place = {.file = ""};
    redis_server *server;
    int failed;

    if (!redis_server_is_there()) {
        printf("redis  there is no redis-server here\n");
        return 0;
    }
    server = redis_server_new(NULL);
    redis_server_settle_in(server, "k");
    (void)snprintf(place.redis, sizeof place.redis, "%s", redis_server_url(server));
    begin(&s, &place, PROCESSES, 1);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        span *down = &s.downs[s.down_count++];

        sleep_until(s.begin_us, seconds * at[i]);
        down->from_us = kit_now_us();
        redis_server_pause(server, true);
        (void)usleep((useconds_t)(seconds * 10000)); /* 0.3 s in the long run */
        redis_server_pause(server, false);
        down->to_us = kit_now_us();
    }
    failed = end(&s);
    redis_server_free(server);
    return failed;
}
#endif

int main(int argc, char **argv)
{
    double seconds = 30;
    const char *only = "memory|file|redis|pools";
    int failed = 0;

    if (!soak_arguments(argc, argv, &seconds, &only))
        return 2;
    if (strstr(only, "memory") != NULL)
        failed |= in_memory(seconds);
    if (strstr(only, "file") != NULL)
        failed |= in_a_file(seconds);
#ifdef WITH_REDIS
    if (strstr(only, "redis") != NULL)
        failed |= in_redis(seconds, false);
    if (strstr(only, "pools") != NULL)
        failed |= in_redis(seconds, true);
#endif
    return failed;
}
