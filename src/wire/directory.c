/* The building and reading of a directory; see directory.h. */
#include "wire/directory.h"
#include "base/memory.h"
#include "base/order.h"
#include "wire/record.h"
#include "wire/results.h"
#include "wire/schema.h"

#include <string.h>

/* The fault of a record in its page. */
typedef struct fault {
    size_t index;
    const char *what; /* static; NULL: no fault */
} fault;

typedef struct entry {
    lock_sync_lock_info info;
    lock_sync_lock lock;
} entry;

/* The texts of one page. */
typedef struct texts {
    struct texts *next;
    char bytes[];
} texts;

struct lock_sync_directory {
    lock_sync_allocator memory;
    entry *entries; /* in the service's order */
    size_t count;
    uint32_t *order; /* of the entries by id, once finished */
    texts *texts;
    lock_sync_results *results; /* once finished */
    bool has_more;              /* the last page that was added is full */
};

lock_sync_directory *lsync_directory_new(const lock_sync_allocator *memory)
{
    lock_sync_directory *d = lsync_alloc(memory, sizeof *d);

    if (d != NULL)
        *d = (lock_sync_directory){.memory = *memory};
    return d;
}

/* --- a record --- */

/* Returns the text of a member; NULL: it is no text, or has a NUL in it, which no C string can hold. */
static const char *text_of(const json_t *record, const char *key, size_t *size)
{
    const json_t *value = json_object_get(record, key);
    const char *text = json_string_value(value);

    *size = json_string_length(value);
    return text != NULL && memchr(text, '\0', *size) == NULL ? text : NULL;
}

static int64_t number_of(const json_t *record, const char *key, int64_t least, int64_t most, int64_t absent)
{
    const json_t *value = json_object_get(record, key);

    return json_is_integer(value) && json_integer_value(value) >= least && json_integer_value(value) <= most
               ? json_integer_value(value)
               : absent;
}

/* The members of lock_sync_lock_info that are texts. */
static const struct {
    const char *key;
    size_t offset;
} text_members[] = {
    {"name", offsetof(lock_sync_lock_info, name)},
    {"serialNumber", offsetof(lock_sync_lock_info, serial_number)},
    {"timeZone", offsetof(lock_sync_lock_info, time_zone)},
};

enum { TEXT_MEMBERS = sizeof text_members / sizeof text_members[0] };

/* Copies the texts of a record to `to`, each with its NUL, and points the info at them. Returns where they end. */
static char *read_texts(const json_t *record, lock_sync_lock_info *info, char *to)
{
    for (size_t i = 0; i < TEXT_MEMBERS; i++) {
        const char **member = (const char **)(void *)((char *)info + text_members[i].offset);
        size_t size;
        const char *text = text_of(record, text_members[i].key, &size);

        *member = NULL;
        if (text == NULL)
            continue;
        memcpy(to, text, size + 1);
        *member = to;
        to += size + 1;
    }
    return to;
}

static void read_numbers(const json_t *record, lock_sync_lock_info *info)
{
    info->bridge_id = number_of(record, "connectedToId", 1, INT64_MAX, 0);
    info->organization_id = number_of(record, "organizationId", 1, INT64_MAX, 0);
    info->type = (int32_t)number_of(record, "type", 1, INT32_MAX, 0);
    info->access_level = (int32_t)number_of(record, "accessLevel", 0, INT32_MAX, -1);
}

/* --- a page --- */

/* Allocates room for the texts of a page; NULL: out of memory. */
static texts *new_texts(lock_sync_directory *d, const json_t *page)
{
    size_t size = sizeof(texts);
    texts *block;

    for (size_t i = 0; i < json_array_size(page); i++)
        for (size_t k = 0; k < TEXT_MEMBERS; k++) {
            size_t length;

            if (text_of(json_array_get(page, i), text_members[k].key, &length) != NULL)
                size += length + 1; /* they are all in the body, so the sum cannot overflow */
        }
    block = lsync_alloc(&d->memory, size);
    if (block != NULL) {
        block->next = d->texts;
        d->texts = block;
    }
    return block;
}

/* Makes room for `more` entries, > 0. */
static bool reserve(lock_sync_directory *d, size_t more)
{
    size_t count;
    size_t size;
    bool fits = lsync_size_add(d->count, more, &count) && count <= LSYNC_ORDER_MAX &&
                lsync_size_mul(count, sizeof d->entries[0], &size);
    entry *entries = fits ? lsync_realloc(&d->memory, d->entries, size) : NULL;

    if (entries != NULL)
        d->entries = entries;
    return entries != NULL;
}

static bool is_equal_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_equal(const entry *a, const entry *b)
{
    const lock_sync_lock_info *x = &a->info, *y = &b->info;

    return is_equal_text(x->name, y->name) && is_equal_text(x->serial_number, y->serial_number) &&
           is_equal_text(x->time_zone, y->time_zone) && x->bridge_id == y->bridge_id &&
           x->organization_id == y->organization_id && x->type == y->type && x->access_level == y->access_level &&
           lsync_lock_is_equal(&a->lock, &b->lock);
}

static lsync_ids ids_from(const lock_sync_directory *d, size_t first)
{
    return (lsync_ids){d->entries == NULL ? NULL : &d->entries[first].info.id, sizeof d->entries[0], d->count - first};
}

/* Sorts the entries from `first` on by id, and by place where ids are equal. NULL: out of memory. */
static uint32_t *sort_from(const lock_sync_directory *d, size_t first)
{
    const lsync_ids ids = ids_from(d, first);
    size_t size;
    uint32_t *order = lsync_size_mul(ids.n + 1, sizeof *order, &size) ? lsync_alloc(&d->memory, size) : NULL;

    if (order != NULL)
        lsync_order_by_id(&ids, order);
    return order;
}

/* Looks for two records of one lock in the page that begins at `first`, which differ. */
static lock_sync_status check_page(const lock_sync_directory *d, size_t first, fault *f)
{
    uint32_t *order = sort_from(d, first);

    if (order == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    f->what = NULL;
    for (size_t i = 1; i < d->count - first; i++) {
        const entry *earlier = &d->entries[first + order[i - 1]], *later = &d->entries[first + order[i]];

        if (earlier->info.id == later->info.id && !is_equal(earlier, later) && (f->what == NULL || order[i] < f->index))
            *f = (fault){order[i], "contradicts an earlier record of the same lock"};
    }
    lsync_free(&d->memory, order);
    return f->what == NULL ? LOCK_SYNC_OK : LOCK_SYNC_E_MALFORMED;
}

static lock_sync_status add_records(lock_sync_directory *d, const json_t *page, fault *f)
{
    size_t first = d->count;
    size_t records = json_array_size(page);
    texts *block = records == 0 || reserve(d, records) ? new_texts(d, page) : NULL;
    char *to;

    if (block == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    to = block->bytes;
    for (size_t i = 0; i < records; i++) {
        const json_t *record = json_array_get(page, i);
        entry *e = &d->entries[d->count];

        if (!lsync_record_read(record, &e->lock)) {
            *f = (fault){i, "has no usable id"};
            return LOCK_SYNC_E_MALFORMED;
        }
        e->info.id = e->lock.id;
        to = read_texts(record, &e->info, to);
        read_numbers(record, &e->info);
        d->count++;
    }
    return check_page(d, first, f);
}

lock_sync_status lsync_directory_add(lock_sync_directory *d, const lsync_decoding *page)
{
    json_t *body;
    const json_t *records;
    fault f = {0, NULL};
    lock_sync_status status = lsync_body_load(page, &body);

    if (status == LOCK_SYNC_OK)
        status = lsync_body_result(page, body, JSON_ARRAY, &records);
    if (status == LOCK_SYNC_OK) {
        d->has_more = json_array_size(records) == LSYNC_PAGE_LOCKS;
        status = add_records(d, records, &f);
        if (status == LOCK_SYNC_E_NO_MEMORY)
            (void)lsync_error_no_memory(page->error);
        else if (status != LOCK_SYNC_OK)
            status = lsync_body_malformed_record(page, f.index, json_array_size(records), f.what);
    }
    json_decref(body);
    return status;
}

/* --- the end --- */

/* Keeps the last of several entries of one lock. Marks the others with the id 0, which no lock has, and removes
   them. */
static void drop_earlier(lock_sync_directory *d, const uint32_t *order)
{
    size_t kept = 0;

    for (size_t i = 1; i < d->count; i++)
        if (d->entries[order[i - 1]].info.id == d->entries[order[i]].info.id)
            d->entries[order[i - 1]].lock.id = 0;
    for (size_t i = 0; i < d->count; i++)
        if (d->entries[i].lock.id != 0)
            d->entries[kept++] = d->entries[i];
    d->count = kept;
}

lock_sync_status lsync_directory_finish(lock_sync_directory *d, int64_t fetched_at_ms)
{
    static const lsync_scope all = {NULL, NULL, 0};
    lsync_ids ids;

    d->order = sort_from(d, 0);
    if (d->order == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    drop_earlier(d, d->order);
    ids = ids_from(d, 0);
    lsync_order_by_id(&ids, d->order);
    d->results = lsync_results_new(&d->memory, &all, d->count, fetched_at_ms);
    if (d->results == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    for (size_t i = 0; i < d->count; i++)
        lsync_results_add(d->results, &d->entries[i].lock);
    (void)lsync_results_finish(d->results); /* each lock is there once */
    return LOCK_SYNC_OK;
}

void lock_sync_directory_free(lock_sync_directory *directory)
{
    lock_sync_allocator memory;

    if (directory == NULL)
        return;
    memory = directory->memory;
    for (texts *block = directory->texts, *next; block != NULL; block = next) {
        next = block->next;
        lsync_free(&memory, block);
    }
    lock_sync_results_free(directory->results);
    lsync_free(&memory, directory->order);
    lsync_free(&memory, directory->entries);
    lsync_free(&memory, directory);
}

/* --- reading --- */

size_t lock_sync_directory_count(const lock_sync_directory *directory)
{
    return directory == NULL ? 0 : directory->count;
}

const lock_sync_lock_info *lock_sync_directory_at(const lock_sync_directory *directory, size_t i)
{
    return i < lock_sync_directory_count(directory) ? &directory->entries[i].info : NULL;
}

const lock_sync_lock_info *lock_sync_directory_find(const lock_sync_directory *directory, int64_t id)
{
    lsync_ids ids;
    size_t found;

    if (lock_sync_directory_count(directory) == 0)
        return NULL;
    ids = ids_from(directory, 0);
    found = lsync_order_find(&ids, directory->order, id);
    return found == LSYNC_NOT_FOUND ? NULL : &directory->entries[found].info;
}

const lock_sync_lock_info *lock_sync_directory_find_serial(const lock_sync_directory *directory,
                                                           const char *serial_number)
{
    for (size_t i = 0; serial_number != NULL && i < lock_sync_directory_count(directory); i++) {
        const lock_sync_lock_info *info = &directory->entries[i].info;

        if (info->serial_number != NULL && strcmp(info->serial_number, serial_number) == 0)
            return info;
    }
    return NULL;
}

size_t lock_sync_directory_find_name(const lock_sync_directory *directory, const char *name,
                                     const lock_sync_lock_info **first)
{
    size_t found = 0;

    if (first != NULL)
        *first = NULL;
    for (size_t i = 0; name != NULL && i < lock_sync_directory_count(directory); i++) {
        const lock_sync_lock_info *info = &directory->entries[i].info;

        if (info->name == NULL || strcmp(info->name, name) != 0)
            continue;
        if (found++ == 0 && first != NULL)
            *first = info;
    }
    return found;
}

const lock_sync_results *lock_sync_directory_results(const lock_sync_directory *directory)
{
    return directory == NULL ? NULL : directory->results;
}

int64_t lock_sync_directory_fetched_at_ms(const lock_sync_directory *directory)
{
    return directory == NULL ? 0 : lock_sync_results_fetched_at_ms(directory->results);
}

bool lock_sync_directory_has_more(const lock_sync_directory *directory)
{
    return directory != NULL && directory->has_more;
}
