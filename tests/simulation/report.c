/* The simulation's output; see report.h. */
#include "report.h"

#include "clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    uint64_t seed;
    bool traced;
} about;

void report_begin(uint64_t seed, bool traced)
{
    about.seed = seed;
    about.traced = traced;
}

static void say(const char *format, va_list values)
{
    char text[400];

    (void)vsnprintf(text, sizeof text, format, values);
    printf("%12.6f  %s\n", (double)(clock_now_us() - CLOCK_BOOTED_US) / 1e6, text);
}

void trace(const char *format, ...)
{
    va_list values;

    if (!about.traced)
        return;
    va_start(values, format);
    say(format, values);
    va_end(values);
}

void violation(const char *format, ...)
{
    char text[400];
    va_list values;

    va_start(values, format);
    (void)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    printf("VIOLATION in seed %" PRIu64 " after %.6f s: %s\n", about.seed,
           (double)(clock_now_us() - CLOCK_BOOTED_US) / 1e6, text);
    (void)fflush(stdout);
    _exit(VIOLATION_EXIT);
}
