/* What compilers are told of functions beyond the standard. */
#ifndef LSYNC_BASE_ATTRIBUTES_H
#define LSYNC_BASE_ATTRIBUTES_H

/* A function that seldom runs: it is kept out of its callers, whose own prologue stays short then. */
#ifdef __GNUC__
#  define LSYNC_COLD __attribute__((noinline, cold))
#else
#  define LSYNC_COLD
#endif

/* A function with the format and arguments of printf. */
#if defined(__MINGW32__) /* whose printf, with _GNU_SOURCE, is GNU's and not Windows' */
#  define LSYNC_PRINTF(format_at, first_at) __attribute__((format(gnu_printf, format_at, first_at)))
#elif defined(__GNUC__)
#  define LSYNC_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#else
#  define LSYNC_PRINTF(format_at, first_at)
#endif

#endif
