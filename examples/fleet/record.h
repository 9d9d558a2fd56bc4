/* A lock as text, in the form in which the fleet compares, stores and publishes it. */
#ifndef FLEET_RECORD_H
#define FLEET_RECORD_H

#include <locksync/locksync.h>

/* Room for each text below, with its NUL. */
#define RECORD_SIZE 256

/* Writes the known values as JSON. Two texts differ exactly if a watch reports a change between the records. Example:
   {"connected":true,"state":6,"door":3,"battery":80,"charging":false,"result":0,"revision":7} */
void record_write(const lock_sync_lock *lock, char text[RECORD_SIZE]);

/* Writes last_state_changed_ms, which by itself is no change; "" if it is unknown. */
void record_write_moved(const lock_sync_lock *lock, char text[RECORD_SIZE]);

#endif
