/* Time spans as text for people; see duration.h. */
#include "base/duration.h"

#include <inttypes.h>
#include <stdio.h>

void lsync_duration_text(int64_t ms, char text[LSYNC_DURATION_SIZE])
{
    int64_t s = ms <= 0 ? 0 : lsync_duration_up(ms, 1000);
    int64_t minutes = lsync_duration_up(s, 60);

    if (s < 60)
        (void)snprintf(text, LSYNC_DURATION_SIZE, "%" PRId64 " s", s);
    else if (s < 3600)
        (void)snprintf(text, LSYNC_DURATION_SIZE, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else
        (void)snprintf(text, LSYNC_DURATION_SIZE, "%" PRId64 " h %" PRId64 " min", minutes / 60, minutes % 60);
}
