/* Runs the pool, its machine, watches and guards on virtual time, seed by seed, and checks the rules after each step.

   simulation [--seeds N] [--from SEED] [--seconds S]   so many seeds from SEED (1) on, or as many as S seconds allow
   simulation --seed SEED [--trace]                     one of them again, with all that happens

   A seed that breaks a rule, an assertion or the program is made smaller and told step by step (not with --brief). The
   last line is "N passed, N failed". */
#include "world.h"

#include "../support/kit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEEDS 3000
#define SEED_SECONDS 120 /* a seed takes milliseconds; this is for what hangs, also under valgrind */
#define SHRINK_SECONDS 30

typedef struct options {
    uint64_t from;
    uint64_t seeds;
    int64_t seconds; /* 0: no limit */
    bool traced;
    bool brief; /* a seed that fails is named only */
} options;

/* What the process that runs the seeds tells the one that watches it. */
typedef struct progress {
    uint64_t seed;
    uint64_t done;
    uint64_t steps;
} progress;

static progress *shared;

static int64_t seconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* --- in a process of its own --- */

static void run(const scenario *s, bool traced)
{
    shared->seed = s->seed;
    (void)alarm(SEED_SECONDS);
    report_begin(s->seed, traced);
    if (traced)
        scenario_print(s);
    world_run(s);
    (void)alarm(0);
    shared->done++;
    shared->steps += sim.steps;
}

static void run_seeds(const options *o)
{
    static scenario s;
    int64_t begun_s = seconds_now();

    for (uint64_t i = 0; i < o->seeds && (o->seconds == 0 || seconds_now() - begun_s < o->seconds); i++) {
        scenario_make(&s, o->from + i);
        run(&s, o->traced);
    }
}

/* Runs a scenario, or if it is NULL, what the options say. Whether all went well; tells how it ended if not. */
static bool passes(const scenario *s, const options *o, bool is_quiet)
{
    int status = 0;
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        if (is_quiet && (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL))
            _exit(2);
        if (s != NULL)
            run(s, !is_quiet);
        else
            run_seeds(o);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("simulation");
        exit(2);
    }
    if (WIFSIGNALED(status) && !is_quiet)
        printf("seed %" PRIu64 " ended by signal %d (%s)\n", shared->seed, WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* --- a seed that failed --- */

/* Leaves out what is not needed for it to fail: first much at once, then less and less. */
static void shrink(scenario *s)
{
    static scenario smaller;
    int64_t begun_s = seconds_now();

    for (size_t size = s->action_count / 2 + 1; size > 0; size /= 2)
        for (size_t at = 0; at + size <= s->action_count && seconds_now() - begun_s < SHRINK_SECONDS;) {
            smaller = *s;
            scenario_cut(&smaller, at, size);
            if (passes(&smaller, NULL, true))
                at += size;
            else
                *s = smaller;
        }
}

static void explain(const char *program, uint64_t seed)
{
    static scenario s;
    size_t before;

    scenario_make(&s, seed);
    before = s.action_count;
    if (passes(&s, NULL, true)) {
        printf("seed %" PRIu64 " alone does not fail\n", seed);
        return;
    }
    shrink(&s);
    printf("\nwith %zu of its %zu actions:\n", s.action_count, before);
    (void)passes(&s, NULL, false);
    printf("\nreplay: %s --seed %" PRIu64 " --trace\n", program, seed);
}

/* --- the program --- */

static uint64_t number_of(const char *text)
{
    char *end;
    uint64_t number = text == NULL ? 0 : strtoull(text, &end, 10);

    if (text == NULL || *text == '\0' || *end != '\0') {
        fprintf(stderr, "simulation: a number is needed\n");
        exit(2);
    }
    return number;
}

static options options_of(char **arguments)
{
    options o = {.from = 1, .seeds = SEEDS};

    for (; *arguments != NULL; arguments++) {
        if (strcmp(*arguments, "--trace") == 0) {
            o.traced = true;
        } else if (strcmp(*arguments, "--brief") == 0) {
            o.brief = true;
        } else if (strcmp(*arguments, "--seeds") == 0) {
            o.seeds = number_of(*++arguments);
        } else if (strcmp(*arguments, "--from") == 0) {
            o.from = number_of(*++arguments);
        } else if (strcmp(*arguments, "--seconds") == 0) {
            o.seconds = (int64_t)number_of(*++arguments);
            o.seeds = UINT64_MAX;
        } else if (strcmp(*arguments, "--seed") == 0) {
            o.from = number_of(*++arguments);
            o.seeds = 1;
        } else {
            fprintf(stderr, "simulation [--seeds N] [--from SEED] [--seconds S] [--brief] | --seed SEED [--trace]\n");
            exit(2);
        }
    }
    return o;
}

int main(int count, char **arguments)
{
    options o = options_of(arguments + 1);
    int64_t begun_s = seconds_now();
    uint64_t done;
    bool good;

    (void)count;
    shared = kit_shared(sizeof *shared);
    good = passes(NULL, &o, false);
    done = shared->done; /* what is tried to explain a failure counts there too */
    printf("%" PRIu64 " seeds, %" PRIu64 " steps, %" PRId64 " s\n", done, shared->steps, seconds_now() - begun_s);
    if (!good && !o.brief && !o.traced)
        explain(arguments[0], shared->seed);
    printf("%" PRIu64 " passed, %d failed\n", done, !good);
    return good ? 0 : 1;
}
