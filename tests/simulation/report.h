/* The simulation's output. */
#ifndef SIMULATION_REPORT_H
#define SIMULATION_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/* Begins the report of a scenario; `traced`: prints each step. */
void report_begin(uint64_t seed, bool traced);

/* Prints one step with its time, if the scenario is traced. */
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reports a violated rule, and ends the process. */
_Noreturn void violation(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define VIOLATION_EXIT 3

#endif
