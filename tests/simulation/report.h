/* What the simulation says. */
#ifndef SIMULATION_REPORT_H
#define SIMULATION_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/* Of the scenario that runs from now on; `traced`: each step is told. */
void report_begin(uint64_t seed, bool traced);

/* One step, with the time; nothing unless it is traced. */
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A rule is broken: tells it, and ends the process. */
_Noreturn void violation(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define VIOLATION_EXIT 3

#endif
