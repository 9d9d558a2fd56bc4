/* One record of a response, in jansson's tree: the schema says which members it has. Pure. */
#ifndef LSYNC_WIRE_RECORD_H
#define LSYNC_WIRE_RECORD_H

#include "locksync/lock.h"

#include <jansson.h>

/* Returns false if the record has no usable id. */
bool lsync_record_read(const json_t *record, lock_sync_lock *lock);

#endif
