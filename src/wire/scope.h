/* What is asked for: a set of lock ids in the order given, or all locks. Pure. */
#ifndef LSYNC_WIRE_SCOPE_H
#define LSYNC_WIRE_SCOPE_H

#include "base/order.h"

/* Lives in a block of its owner's. */
typedef struct lsync_scope {
    const int64_t *ids;    /* each once, in the order asked */
    const uint32_t *order; /* of the ids; NULL: they ascend */
    size_t count;          /* 0: all locks */
} lsync_scope;

/* Bytes per id that lsync_scope_init needs, aligned as an int64_t. */
#define LSYNC_SCOPE_ROOM (sizeof(int64_t) + sizeof(uint32_t))

/* Copies n ids (each > 0) into `room`, each once. */
void lsync_scope_init(lsync_scope *scope, const int64_t *ids, size_t n, void *room);

/* The place of an id in `ids`, or LSYNC_NOT_FOUND. */
size_t lsync_scope_find(const lsync_scope *scope, int64_t id);

/* Whether an answer for `outer` answers for `inner` too. */
bool lsync_scope_covers(const lsync_scope *outer, const lsync_scope *inner);

#endif
