/* The order of ids. With it, look-ups, duplicates and comparisons cost O(n log n) at most. */
#ifndef LSYNC_BASE_ORDER_H
#define LSYNC_BASE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* n ids, `stride` bytes apart: a plain array, or the id members of an array of records. */
typedef struct lsync_ids {
    const void *first;
    size_t stride;
    size_t n;
} lsync_ids;

#define LSYNC_ORDER_MAX UINT32_MAX /* limit on the ids in an order */
#define LSYNC_NOT_FOUND SIZE_MAX

int64_t lsync_id_at(const lsync_ids *ids, size_t i);

/* Returns whether each id is greater than the one before. Then lsync_order_find needs no order. */
bool lsync_ids_ascend(const lsync_ids *ids);

/* Fills order[0..n) with the positions of the ids, sorted by id. Equal ids are sorted by position. */
void lsync_order_by_id(const lsync_ids *ids, uint32_t *order);

/* Returns the first position of `id`, or LSYNC_NOT_FOUND. `order` is NULL if the ids ascend. */
size_t lsync_order_find(const lsync_ids *ids, const uint32_t *order, int64_t id);

#endif
