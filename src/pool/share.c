/* How many of a pool's transfers or connections one origin may use; see share.h. */
#include "pool/share.h"

static uint32_t left_of(uint32_t max, uint32_t used)
{
    return max > used ? max - used : 0; /* a limit may be set below what is used */
}

bool lsync_share_allows(const lsync_budget *budget, uint32_t own, bool on_trial)
{
    uint32_t free = left_of(budget->max, budget->used);

    if (on_trial)
        return free > 0 && own < left_of(budget->max - budget->max / 2, budget->trial);
    if (own == 0)
        return free > 0;
    return own < (uint64_t)free * LSYNC_SHARE_MULTIPLE && free > budget->max / LSYNC_SHARE_LAST;
}
