/* Function attributes beyond the C standard. */
#ifndef LSYNC_BASE_ATTRIBUTES_H
#define LSYNC_BASE_ATTRIBUTES_H

/* Marks a function that rarely runs. It is not inlined, so that the prologues of its callers stay short. */
#ifdef __GNUC__
#  define LSYNC_COLD __attribute__((noinline, cold))
#else
#  define LSYNC_COLD
#endif

/* Marks a function with the format and arguments of printf. */
#if defined(__MINGW32__) /* with _GNU_SOURCE its printf has the GNU format, not that of Windows */
#  define LSYNC_PRINTF(format_at, first_at) __attribute__((format(gnu_printf, format_at, first_at)))
#elif defined(__GNUC__)
#  define LSYNC_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#else
#  define LSYNC_PRINTF(format_at, first_at)
#endif

#endif
