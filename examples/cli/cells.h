/* Formats a lock's values for the table and for lines of changes. An unknown value is "unknown". */
#ifndef CLI_CELLS_H
#define CLI_CELLS_H

#include <locksync/locksync.h>

#define CELL_SIZE 256 /* a longer name is cut, which no terminal could show in a table */

typedef struct cell {
    char text[CELL_SIZE];
    const char *color; /* an SGR parameter, such as "32"; "": none */
} cell;

/* Write the name or serial number that the directory has for the lock; NULL: none. A lock without name shows its id. */
void cell_name(const lock_sync_lock_info *info, int64_t id, cell *c);
void cell_serial(const lock_sync_lock_info *info, cell *c);
void cell_id(int64_t id, cell *c);
void cell_state(const lock_sync_lock *lock, cell *c);
void cell_door(const lock_sync_lock *lock, cell *c);
void cell_battery(const lock_sync_lock *lock, cell *c);
void cell_charging(const lock_sync_lock *lock, cell *c);
void cell_connected(const lock_sync_lock *lock, cell *c);
void cell_result(const lock_sync_lock *lock, cell *c); /* of the last movement */
void cell_revision(const lock_sync_lock *lock, cell *c);
void cell_changed(const lock_sync_lock *lock, cell *c);             /* when, in local time */
void cell_age(const lock_sync_lock *lock, int64_t now_ms, cell *c); /* how long ago */

bool has_low_battery(const lock_sync_lock *lock); /* under 20 % */

#endif
