/* The order of ids: what makes look-ups, duplicates and comparisons O(n log n) at worst. */
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

#define LSYNC_ORDER_MAX UINT32_MAX /* ids that an order can hold */
#define LSYNC_NOT_FOUND SIZE_MAX

int64_t lsync_id_at(const lsync_ids *ids, size_t i);

/* Whether each id is greater than the one before; then no order is needed, see lsync_order_find. */
bool lsync_ids_ascend(const lsync_ids *ids);

/* Fills order[0..n) with the places of the ids, by id and, where equal, by place. */
void lsync_order_by_id(const lsync_ids *ids, uint32_t *order);

/* The first place of `id`, or LSYNC_NOT_FOUND. order NULL: the ids ascend. */
size_t lsync_order_find(const lsync_ids *ids, const uint32_t *order, int64_t id);

#endif
