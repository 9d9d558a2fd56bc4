/* The locks that are requested: a set of ids in the order given, or all locks. Pure. */
#ifndef LSYNC_WIRE_SCOPE_H
#define LSYNC_WIRE_SCOPE_H

#include "base/order.h"

/* The ids and their order are borrowed from the block of the owner. */
typedef struct lsync_scope {
    const int64_t *ids;    /* without duplicates, in the order given */
    const uint32_t *order; /* of the ids; NULL: they ascend */
    size_t count;          /* 0: all locks */
} lsync_scope;

/* Bytes that lsync_scope_init needs for each id. Must be aligned for an int64_t. */
#define LSYNC_SCOPE_ROOM (sizeof(int64_t) + sizeof(uint32_t))

/* Copies n ids (each > 0) into `room`, without duplicates. */
void lsync_scope_init(lsync_scope *scope, const int64_t *ids, size_t n, void *room);

/* Returns the position of an id in `ids`, or LSYNC_NOT_FOUND. */
size_t lsync_scope_find(const lsync_scope *scope, int64_t id);

/* Returns whether results for `outer` include all locks of `inner`. */
bool lsync_scope_covers(const lsync_scope *outer, const lsync_scope *inner);

#endif
