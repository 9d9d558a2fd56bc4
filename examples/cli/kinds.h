/* The names of the kinds of changes, in lines for people and for scripts. */
#ifndef CLI_KINDS_H
#define CLI_KINDS_H

#include <locksync/locksync.h>

static const struct kind {
    uint32_t bit;
    const char *name;
} kinds[] = {
    {LOCK_SYNC_CHANGE_ADDED, "added"},         {LOCK_SYNC_CHANGE_REMOVED, "removed"},
    {LOCK_SYNC_CHANGE_CONNECTED, "connected"}, {LOCK_SYNC_CHANGE_DISCONNECTED, "disconnected"},
    {LOCK_SYNC_CHANGE_STATE, "state"},         {LOCK_SYNC_CHANGE_DOOR, "door"},
    {LOCK_SYNC_CHANGE_BATTERY, "battery"},     {LOCK_SYNC_CHANGE_CHARGING, "charging"},
    {LOCK_SYNC_CHANGE_RESULT, "result"},       {LOCK_SYNC_CHANGE_CONFIG, "config"},
    {LOCK_SYNC_CHANGE_RENAMED, "renamed"},     {LOCK_SYNC_CHANGE_NEW_ID, "new_id"},
};
#define KINDS_COUNT (sizeof kinds / sizeof kinds[0])

#endif
