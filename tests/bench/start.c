/* The time from the start of a process to its first byte on stdout, and to its end; the programs run by turns.

   bench-start BASE_URL ROUNDS (NAME PROGRAM)... prints one line of JSON per program. */
#include "tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAMS_MAX 8

typedef struct program {
    const char *name;
    const char *path;
    double *samples;
} program;

static _Noreturn void become(const program *p, const char *base_url, int output)
{
    if (dup2(output, STDOUT_FILENO) == STDOUT_FILENO)
        (void)execl(p->path, p->path, base_url, (char *)NULL);
    _exit(127);
}

static double time_start(const program *p, const char *base_url)
{
    double start = now_ns();
    double first_byte;
    int ends[2];
    int status;
    char byte;
    pid_t child;

    if (pipe(ends) != 0)
        die("no pipe");
    child = fork();
    if (child < 0)
        die("no process");
    if (child == 0)
        become(p, base_url, ends[1]);
    (void)close(ends[1]);
    if (read(ends[0], &byte, 1) != 1)
        die("%s wrote nothing", p->name);
    first_byte = now_ns();
    (void)close(ends[0]);
    if (waitpid(child, &status, 0) != child || status != 0)
        die("%s failed", p->name);
    return first_byte - start;
}

int main(int argc, char **argv)
{
    program programs[PROGRAMS_MAX];
    size_t count = argc > 3 ? (size_t)(argc - 3) / 2 : 0;
    size_t rounds = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;

    if (count == 0 || count > PROGRAMS_MAX || rounds == 0)
        die("usage: bench-start BASE_URL ROUNDS (NAME PROGRAM)...");
    for (size_t i = 0; i < count; i++) {
        programs[i] = (program){argv[3 + 2 * i], argv[4 + 2 * i], allocate(rounds * sizeof(double))};
        (void)time_start(&programs[i], argv[1]); /* loads its files into memory */
    }
    for (size_t round = 0; round < rounds; round++)
        for (size_t turn = 0; turn < count; turn++) {
            program *p = &programs[(round + turn) % count];

            p->samples[round] = time_start(p, argv[1]);
        }
    for (size_t i = 0; i < count; i++) {
        printf("{\"part\":\"start\",\"who\":\"%s\"", programs[i].name);
        print_samples(programs[i].samples, rounds);
        free(programs[i].samples);
    }
    return 0;
}
