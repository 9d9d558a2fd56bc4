/* How many of a pool's transfers or connections one origin may use; see share.h. */
#include "pool/share.h"

static uint32_t left_of(uint32_t max, uint32_t used)
{
    return max > used ? max - used : 0; /* a limit may be set below what is used */
}

bool lsync_share_allows(const lsync_budget *budget, uint32_t own, bool on_trial)
{
    uint32_t reserved = own == 0 ? 0 : budget->max / LSYNC_SHARE_LAST;
    uint32_t free = left_of(budget->max, budget->used);
    uint32_t free_for_trial = left_of(budget->max - budget->max / 2, budget->trial);

    if (free <= reserved)
        return false;
    if (on_trial)
        return own < free_for_trial && free_for_trial > reserved;
    return own < (uint64_t)free * LSYNC_SHARE_MULTIPLE;
}
