/* The life of a watch, its settings, and what it knows. */
#include "base/clock.h"
#include "base/memory.h"
#include "watch/fetches.h"
#include "watch/names.h"

#include <string.h>

#define DEFAULT_INTERVAL_MS 20000
#define INTERVAL_MS_MAX 86400000

/* Makes a watch for n ids or serial numbers. NULL: out of memory. */
static lock_sync_watch *new_watch(lock_sync_ctx *ctx, size_t n, size_t serial_count, size_t text_size)
{
    size_t end = sizeof(lock_sync_watch), ids_at, serials_at, texts_at;
    bool fits = lsync_add_part(&end, n, sizeof(int64_t), &ids_at) &&
                lsync_add_part(&end, serial_count, sizeof(char *), &serials_at) &&
                lsync_add_part(&end, text_size, 1, &texts_at);
    char *block = fits ? lsync_alloc(&ctx->memory, end) : NULL;
    lock_sync_watch *w = (void *)block;

    if (block == NULL)
        return NULL;
    memset(block, 0, end);
    w->ctx = ctx;
    w->memory = ctx->memory;
    w->interval_ms = DEFAULT_INTERVAL_MS;
    lsync_random_seed(&w->random);
    lsync_buffer_init(&w->removed, &w->memory, SIZE_MAX);
    w->ids = (void *)(block + ids_at);
    w->serial_numbers = (void *)(block + serials_at);
    w->serial_count = serial_count;
    return w;
}

lock_sync_status lock_sync_watch_new(lock_sync_ctx *ctx, const int64_t *ids, size_t count, lock_sync_watch **out)
{
    lock_sync_status status;
    lock_sync_watch *watch;

    if (out != NULL)
        *out = NULL;
    status = lsync_ctx_check_out(ctx, out != NULL);
    if (status == LOCK_SYNC_OK)
        status = lsync_request_check_ids(ids, count, &ctx->error);
    if (status != LOCK_SYNC_OK || out == NULL) /* the second is for analysers: lsync_ctx_check_out has rejected NULL */
        return status;
    watch = new_watch(ctx, count, 0, 0);
    if (watch == NULL)
        return lsync_error_no_memory(&ctx->error);
    if (count > 0)
        memcpy(watch->ids, ids, count * sizeof ids[0]);
    watch->n = count;
    *out = watch;
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

/* Checks the serial numbers and adds up their sizes. Returns OK, or E_INVALID_ARGUMENT with the error set. */
static lock_sync_status check_serials(lock_sync_ctx *ctx, const char *const *serial_numbers, size_t count, size_t *size)
{
    *size = 0;
    if (serial_numbers == NULL || count == 0)
        return lsync_ctx_reject(ctx, "no serial numbers are given; lock_sync_watch_new watches all locks");
    if (count > LSYNC_ORDER_MAX)
        return lsync_ctx_reject(ctx, "the serial numbers are too many");
    for (size_t i = 0; i < count; i++) {
        if (serial_numbers[i] == NULL || serial_numbers[i][0] == '\0')
            return lsync_ctx_reject(ctx, "a serial number is NULL or empty");
        *size += strlen(serial_numbers[i]) + 1;
    }
    return LOCK_SYNC_OK;
}

lock_sync_status lock_sync_watch_new_by_serial(lock_sync_ctx *ctx, const char *const *serial_numbers, size_t count,
                                               lock_sync_watch **out)
{
    lock_sync_status status;
    lock_sync_watch *watch;
    size_t size;
    char *text;

    if (out != NULL)
        *out = NULL;
    status = lsync_ctx_check_out(ctx, out != NULL);
    if (status == LOCK_SYNC_OK)
        status = check_serials(ctx, serial_numbers, count, &size);
    if (status != LOCK_SYNC_OK || out == NULL) /* the second is for analysers: lsync_ctx_check_out has rejected NULL */
        return status;
    watch = new_watch(ctx, count, count, size);
    if (watch == NULL)
        return lsync_error_no_memory(&ctx->error);
    text = (char *)(watch->serial_numbers + count);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(serial_numbers[i]) + 1;

        watch->serial_numbers[i] = memcpy(text, serial_numbers[i], length);
        text += length;
    }
    watch->follows = true;
    *out = watch;
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

lock_sync_status lock_sync_watch_set_directory(lock_sync_watch *watch, bool follow)
{
    if (watch == NULL || (!follow && watch->serial_count > 0))
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    watch->follows = follow;
    if (!follow) {
        lock_sync_directory_free(watch->directory);
        watch->directory = NULL;
        lsync_buffer_free(&watch->removed);
    }
    return LOCK_SYNC_OK;
}

lock_sync_status lock_sync_watch_use_directory(lock_sync_watch *watch, lock_sync_directory *directory)
{
    int64_t age_ms = lsync_clock_unix_ms() - lock_sync_directory_fetched_at_ms(directory);
    const lsync_known nothing = {.results = NULL};
    bool is_fresh;

    if (watch == NULL || directory == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    if (watch->owner != NULL)
        return LOCK_SYNC_E_BUSY;
    if (watch->last_good != NULL || watch->directory != NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    watch->follows = true;
    watch->directory = directory;
    is_fresh = age_ms >= 0 && age_ms < LSYNC_DIRECTORY_MS; /* not if the clock was set back since */
    watch->directory_until_us = lsync_clock_boot_us() + (is_fresh ? LSYNC_DIRECTORY_MS - age_ms : 0) * 1000;
    if (watch->serial_count > 0)
        watch->n = lsync_names_find(directory, &nothing, watch->serial_numbers, watch->serial_count, watch->ids);
    return LOCK_SYNC_OK;
}

const lock_sync_directory *lock_sync_watch_directory(const lock_sync_watch *watch)
{
    return watch == NULL ? NULL : watch->directory;
}

lock_sync_status lock_sync_watch_set_interval_ms(lock_sync_watch *watch, int64_t interval_ms)
{
    if (watch == NULL || interval_ms < 1 || interval_ms > INTERVAL_MS_MAX)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    watch->interval_ms = interval_ms;
    return LOCK_SYNC_OK;
}

lock_sync_status lock_sync_watch_last_status(const lock_sync_watch *watch)
{
    return watch == NULL ? LOCK_SYNC_OK : watch->last_status;
}

const lock_sync_results *lock_sync_watch_results(const lock_sync_watch *watch)
{
    return watch == NULL ? NULL : watch->last_good;
}

int64_t lock_sync_watch_age_ms(const lock_sync_watch *watch)
{
    return watch == NULL || watch->last_good == NULL ? -1 : (lsync_clock_boot_us() - watch->last_good_us) / 1000;
}

int64_t lock_sync_watch_due_in_ms(const lock_sync_watch *watch)
{
    int64_t left_us = watch == NULL ? 0 : watch->due_us - lsync_clock_boot_us();

    return left_us <= 0 ? 0 : lsync_clock_ms_up(left_us);
}

void lock_sync_watch_free(lock_sync_watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->owner != NULL)
        watch->owner->leave(watch->owner);
    lsync_watch_drop_fetched(watch);
    lsync_buffer_free(&watch->removed);
    lock_sync_results_free(watch->last_good);
    lock_sync_directory_free(watch->directory);
    lsync_free(&watch->memory, watch);
}
