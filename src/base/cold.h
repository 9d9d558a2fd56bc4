/* Marks a function that seldom runs: the compiler keeps it out of its callers, whose own prologue stays short then. */
#ifndef LSYNC_BASE_COLD_H
#define LSYNC_BASE_COLD_H

#ifdef __GNUC__
#define LSYNC_COLD __attribute__((noinline, cold))
#else
#define LSYNC_COLD
#endif

#endif
