/* The order of ids; see order.h. Uses heap sort: no extra memory, O(n log n) in the worst case. It is stable because
   equal ids are compared by their positions. */
#include "base/order.h"

#include <string.h>

int64_t lsync_id_at(const lsync_ids *ids, size_t i)
{
    int64_t id;

    memcpy(&id, (const char *)ids->first + i * ids->stride, sizeof id);
    return id;
}

bool lsync_ids_ascend(const lsync_ids *ids)
{
    for (size_t i = 1; i < ids->n; i++)
        if (lsync_id_at(ids, i - 1) >= lsync_id_at(ids, i))
            return false;
    return true;
}

static bool before(const lsync_ids *ids, uint32_t a, uint32_t b)
{
    int64_t id_a = lsync_id_at(ids, a);
    int64_t id_b = lsync_id_at(ids, b);

    return id_a < id_b || (id_a == id_b && a < b);
}

static void sift_down(const lsync_ids *ids, uint32_t *heap, size_t root, size_t end)
{
    for (size_t child; (child = 2 * root + 1) < end; root = child) {
        uint32_t swap = heap[root];

        if (child + 1 < end && before(ids, heap[child], heap[child + 1]))
            child++;
        if (!before(ids, swap, heap[child]))
            return;
        heap[root] = heap[child];
        heap[child] = swap;
    }
}

void lsync_order_by_id(const lsync_ids *ids, uint32_t *order)
{
    for (size_t i = 0; i < ids->n; i++)
        order[i] = (uint32_t)i;
    for (size_t root = ids->n / 2; root-- > 0;)
        sift_down(ids, order, root, ids->n);
    for (size_t end = ids->n; end > 1;) {
        uint32_t swap = order[--end];

        order[end] = order[0];
        order[0] = swap;
        sift_down(ids, order, 0, end);
    }
}

size_t lsync_order_find(const lsync_ids *ids, const uint32_t *order, int64_t id)
{
    size_t low = 0;
    size_t high = ids->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (lsync_id_at(ids, order == NULL ? middle : order[middle]) < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == ids->n)
        return LSYNC_NOT_FOUND;
    low = order == NULL ? low : order[low];
    return lsync_id_at(ids, low) == id ? low : LSYNC_NOT_FOUND;
}
