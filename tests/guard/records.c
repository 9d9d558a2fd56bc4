/* For the tests of records; see records.h. */
#include "records.h"

#include <string.h>

const lsync_guard_limits service = {{S(20), S(60), 0}, 600, 0};

lsync_guard_record record_new(void)
{
    lsync_guard_record r;

    lsync_guard_record_init(&r);
    lsync_guard_roll(&r, NOW / CELL + 1);
    return r;
}

bool record_is_same(const lsync_guard_record *a, const lsync_guard_record *b)
{
    const lsync_guard_stored stored_a = {.record = *a};
    const lsync_guard_stored stored_b = {.record = *b};
    unsigned char bytes_a[LSYNC_GUARD_RECORD_SIZE];
    unsigned char bytes_b[LSYNC_GUARD_RECORD_SIZE];

    lsync_guard_pack(&stored_a, bytes_a);
    lsync_guard_pack(&stored_b, bytes_b);
    return memcmp(bytes_a, bytes_b, sizeof bytes_a) == 0;
}
