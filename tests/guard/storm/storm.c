/* The storm: eight processes on one guard, whose store loses what it was given.

       guard-storm [SECONDS [restart|failover|flush|file|private]]     each, 60 s long, if not said

   restart: Redis with snapshots only (save 1 1), killed with SIGKILL and started again.
   failover: its replica, which lacks the last half second, takes over its port.
   flush: FLUSHALL.
   file: the guard's file is deleted.
   private: a guard in memory for each process. Here the judge must find violations by others: it shows that it can.

   The interval is 100 ms, the hold 200 ms. Of the requests 3 % are answered with a 429 for up to a second, and 3 % are
   never settled. A loss closes the account for 30 s, so there is one each 45 s, the first after 14 s. Before each other
   one a request is answered with a 429 for 36 s, and the store loses its record at once. In runs of less than a minute
   there is one loss, after three quarters.

   Judged are the true times of all requests: none begins less than the interval after another's end; none is sent
   during a 429 by whoever received that, nor by others once its receiver has made another decision; in runs of a minute
   and more at least 100 slots were given. The exit status is 1 if that is not so. */
#include "storm.h"

#include "../../support/kit.h"
#include "../redis_server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
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
    char *dir; /* NULL: no file */
    redis_server *server; /* NULL: no Redis */
    redis_server *replica;
    pid_t pids[PROCESSES];
    int64_t begin_us;
} scenario;

static void sleep_until(const scenario *s, double second)
{
    int64_t left_us = s->begin_us + (int64_t)(second * 1e6) - kit_now_us();

    if (left_us > 0)
        (void)usleep((useconds_t)left_us);
}

/* --- losses --- */

static void lose_by_restart(scenario *s)
{
    redis_server_kill(s->server);
    redis_server_start(s->server);
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

static void lose_by_flush(scenario *s)
{
    redis_server_do(s->server, "FLUSHALL");
}

static void lose_the_file(scenario *s)
{
    (void)unlink(s->board->file);
}

/* Nothing is lost. */
static void lose_nothing(scenario *s)
{
    (void)s;
}

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
    way(s);
    b->lost_us[n] = kit_now_us();
    atomic_store(&b->losses, n + 1);
}

/* --- a scenario --- */

static void begin(scenario *s)
{
    board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (b == MAP_FAILED)
        kit_die("no shared memory");
    s->board = b;
    if (s->server != NULL) {
        redis_server_settle_in(s->server, "k");
        (void)snprintf(b->redis, sizeof b->redis, "%s", redis_server_url(s->server));
    } else if (s->dir != NULL) {
        (void)snprintf(b->file, sizeof b->file, "%s/guard", s->dir);
    }
    (void)fflush(NULL);
    s->begin_us = kit_now_us();
    for (unsigned i = 0; i < PROCESSES; i++)
        s->pids[i] = storm_start_process(b, i);
}

static void rage(scenario *s, void (*way)(scenario *s))
{
    if (s->seconds < LONG_S) {
        sleep_until(s, s->seconds * 0.75);
        lose(s, way, true);
    }
    for (unsigned n = 0; s->seconds >= LONG_S && n < LOSSES_MAX; n++) {
        double at = FIRST_LOSS_S + LOSSES_EACH_S * n;

        if (at > s->seconds - LOSSES_EACH_S)
            break;
        sleep_until(s, at);
        lose(s, way, n % 2 == 0);
    }
    sleep_until(s, s->seconds);
}

static int end(scenario *s, bool is_shared)
{
    board *b = s->board;
    bool good;
    verdict v;

    atomic_store(&b->stop, true);
    for (size_t i = 0; i < PROCESSES; i++) {
        int status = 0;

        (void)waitpid(s->pids[i], &status, 0);
        if (status != 0)
            kit_die("process %zu ended with status %d", i, status);
    }
    v = storm_judge(b);
    good = v.too_close + v.broken_own + v.broken_other == 0 && v.requests > 5;
    if (!is_shared)
        good = v.too_close > 0 && v.broken_other > 0 && v.broken_own == 0;
    if (s->seconds >= LONG_S)
        good = good && v.slots >= SLOTS_LEAST && v.after_losses > 0;
    printf("%-8s %5.1f s: %u slots, %u requests (%u after a loss), closest %.3f ms of %d, %u too close\n", s->name,
           (double)(kit_now_us() - s->begin_us) / 1e6, v.slots, v.requests, v.after_losses,
           v.requests > 1 ? (double)v.closest_us / 1e3 : 0.0, INTERVAL_MS, v.too_close);
    printf("         %u losses, %u calls without a store, %u 429s (%u not written at once), broken by the receiver %u, "
           "by others %u%s\n", b->losses, b->failures, v.limited, v.unwritten, v.broken_own, v.broken_other,
           good ? "" : "  FAILED");
    (void)fflush(stdout);
    (void)munmap(b, sizeof *b);
    return good ? 0 : 1;
}

static int with_redis(const char *name, double seconds, void (*way)(scenario *s))
{
    static const char *const snapshots[] = {"--save", "1 1", NULL};
    scenario s = {.name = name, .seconds = seconds};
    int failed;

    if (!redis_server_is_there()) {
        printf("%-8s there is no redis-server here\n", name);
        return 0;
    }
    s.server = redis_server_new(snapshots);
    if (way == lose_by_failover)
        s.replica = redis_server_new_replica(s.server);
    begin(&s);
    rage(&s, way);
    failed = end(&s, true);
    if (s.replica != NULL)
        redis_server_free(s.replica);
    redis_server_free(s.server);
    return failed;
}

static int with_a_file(double seconds)
{
    scenario s = {.name = "file", .seconds = seconds, .dir = kit_temp_dir()};
    int failed;

    begin(&s);
    rage(&s, lose_the_file);
    failed = end(&s, true);
    kit_remove_dir(s.dir);
    return failed;
}

static int with_private_guards(void)
{
    scenario s = {.name = "private", .seconds = 1};

    begin(&s);
    rage(&s, lose_nothing);
    return end(&s, false);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : LONG_S;
    const char *only = argc > 2 ? argv[2] : "restart failover flush file private";
    int failed = 0;

    if (seconds < 1 || seconds > 86400) {
        fprintf(stderr, "usage: guard-storm [SECONDS [restart|failover|flush|file|private]]\n");
        return 2;
    }
    if (strstr(only, "restart") != NULL)
        failed |= with_redis("restart", seconds, lose_by_restart);
    if (strstr(only, "failover") != NULL)
        failed |= with_redis("failover", seconds, lose_by_failover);
    if (strstr(only, "flush") != NULL)
        failed |= with_redis("flush", seconds, lose_by_flush);
    if (strstr(only, "file") != NULL)
        failed |= with_a_file(seconds);
    if (strstr(only, "private") != NULL)
        failed |= with_private_guards();
    return failed;
}
