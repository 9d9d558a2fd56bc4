/* Runs the pool with its state machine, watches and guards on virtual time, seed by seed. Checks the rules after each
   step.

     simulation [--seeds N] [--from SEED] [--seconds S]   N seeds from SEED (1) on, or as many as S seconds allow;
     simulation --seed SEED [--trace]                     one of them again, with all its steps.

   If a seed violates a rule, fails an assertion or crashes, its scenario is made smaller and printed step by step
   (not with --brief). The last line is "N passed, N failed". */
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
#define SEED_SECONDS 120 /* a seed takes milliseconds; the limit ends one that hangs, also under valgrind */
#define SHRINK_SECONDS 30

typedef struct options {
    uint64_t from;
    uint64_t seeds;
    int64_t seconds; /* 0: no limit */
    bool traced;
    bool brief; /* a seed that fails is named, but not explained */
} options;

/* Shared memory: the process that runs the seeds reports to the one that watches it. */
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

/* --- in a child process --- */

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

/* Runs a scenario, or if it is NULL, the seeds of the options. Returns whether all passed; otherwise prints how it
   ended. */
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

/* Removes actions that are not needed for the failure: large parts first, then smaller ones. */
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
        fprintf(stderr, "simulation: the value must be a number\n");
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
    done = shared->done; /* runs that explain a failure count in `shared`, too */
    printf("%" PRIu64 " seeds, %" PRIu64 " steps, %" PRId64 " s\n", done, shared->steps, seconds_now() - begun_s);
    if (!good && !o.brief && !o.traced)
        explain(arguments[0], shared->seed);
    printf("%" PRIu64 " passed, %d failed\n", done, !good);
    return good ? 0 : 1;
}
