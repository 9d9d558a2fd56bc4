/* A number within bounds. cmocka 1 compares without a sign, and cmocka 2 has given up the name that 1 has for it. */
#ifndef KIT_BETWEEN_H
#define KIT_BETWEEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#undef assert_in_range

#define assert_between(got, least, most)                                                                              \
    kit_between((int64_t)(got), (int64_t)(least), (int64_t)(most), #got, __FILE__, __LINE__)

static inline void kit_between(int64_t got, int64_t least, int64_t most, const char *what, const char *file, int line)
{
    if (got >= least && got <= most)
        return;
    print_error("%s: %lld, not %lld to %lld\n", what, (long long)got, (long long)least, (long long)most);
    _fail(file, line);
}

#endif
