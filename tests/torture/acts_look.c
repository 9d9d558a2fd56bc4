/* Checks what the library returns, through all functions that read it: good results must be complete, and a failure
   must be reported. Reading needs no memory. If it did, a request for memory would fail here, too. */
#include "acts.h"

#include <string.h>

#define HTTP_STATUS_MAX 599

static bool is_read(const lock_sync_lock *lock)
{
    return lock_sync_lock_id(lock) == lock->id && lock_sync_lock_revision(lock) == lock->revision &&
           lock_sync_lock_last_state_changed_ms(lock) == lock->last_state_changed_ms &&
           lock_sync_lock_fields(lock) == lock->fields && lock_sync_lock_state(lock) == lock->state &&
           lock_sync_lock_door_state(lock) == lock->door_state &&
           lock_sync_lock_battery_level(lock) == lock->battery_level &&
           lock_sync_lock_state_change_result(lock) == lock->state_change_result &&
           lock_sync_lock_is_connected(lock) == lock->is_connected &&
           lock_sync_lock_is_charging(lock) == lock->is_charging &&
           (lock_sync_lock_is_locked(lock) == LOCK_SYNC_YES) == (lock->state == LOCK_SYNC_STATE_LOCKED) &&
           lock_sync_lock_is_jammed(lock) != LOCK_SYNC_YES && lock_sync_lock_state_name(lock->state)[0] != '\0' &&
           lock_sync_door_state_name(lock->door_state)[0] != '\0' && lock_sync_lock_state_text(lock)[0] != '\0' &&
           lock_sync_lock_door_text(lock)[0] != '\0';
}

static bool is_good(const scene *x, const lock_sync_results *r, size_t count, size_t missing)
{
    const lock_sync_lock *lock = lock_sync_results_find(r, 1001);
    bool good = lock_sync_results_count(r) == count && lock_sync_results_missing_count(r) == missing &&
                lock_sync_results_missing_at(r, 0) == (missing == 0 ? 0 : 9999) &&
                lock_sync_results_is_cached(r) == x->is_cached && lock_sync_results_fetched_at_ms(r) > 0 &&
                lock != NULL && lock->state == LOCK_SYNC_STATE_LOCKED && lock->battery_level >= 1 && lock->is_connected;

    for (size_t i = 0; i < lock_sync_results_count(r); i++)
        good = good && is_read(lock_sync_results_at(r, i));
    return good;
}

static bool reports(const lock_sync_error *e, lock_sync_status status)
{
    const char *id = lock_sync_error_correlation_id(e);
    bool good = lock_sync_error_status(e) == status &&
                (lock_sync_error_message(e)[0] == '\0') == (status == LOCK_SYNC_OK) &&
                lock_sync_error_http_status(e) >= 0 && lock_sync_error_http_status(e) <= HTTP_STATUS_MAX &&
                lock_sync_error_retry_after_ms(e) >= -1 && lock_sync_error_byte_offset(e) >= -1 &&
                (id == NULL || id[0] != '\0') && strncmp(lock_sync_status_name(status), "LOCK_SYNC_", 10) == 0 &&
                lock_sync_status_message(status)[0] != '\0' &&
                (status != LOCK_SYNC_OK || !lock_sync_status_is_retryable(status));

    for (size_t i = 0; i < lock_sync_error_api_message_count(e); i++)
        good = good && lock_sync_error_api_message_at(e, i)[0] != '\0';
    return good;
}

lock_sync_status check_results(scene *x, lock_sync_status status, lock_sync_results *r, size_t count, size_t missing)
{
    x->wrong = x->wrong || (r != NULL) != (status == LOCK_SYNC_OK) || !reports(lock_sync_last_error(x->ctx), status) ||
               (r != NULL && !is_good(x, r, count, missing));
    lock_sync_results_free(r);
    return status;
}

/* Returns whether the lock 1003 has a name. */
static bool is_directory_good(const lock_sync_directory *d, size_t count)
{
    const lock_sync_results *r = lock_sync_directory_results(d);
    const lock_sync_lock_info *named = NULL;
    bool good = lock_sync_directory_count(d) == count && lock_sync_results_count(r) == count &&
                lock_sync_directory_at(d, count) == NULL && lock_sync_directory_fetched_at_ms(d) > 0 &&
                !lock_sync_directory_has_more(d) && lock_sync_directory_find_name(d, "Front door", &named) == 1 &&
                named->id == 1003 && lock_sync_directory_find_serial(d, "10-1003") == named;

    for (size_t i = 0; good && i < count; i++) {
        const lock_sync_lock_info *info = lock_sync_directory_at(d, i);

        good = lock_sync_directory_find(d, info->id) == info && lock_sync_results_find(r, info->id) != NULL &&
               is_read(lock_sync_results_at(r, i));
    }
    return good;
}

lock_sync_status check_directory(scene *x, lock_sync_status status, lock_sync_directory *d, size_t count)
{
    x->wrong = x->wrong || (d != NULL) != (status == LOCK_SYNC_OK) || !reports(lock_sync_last_error(x->ctx), status) ||
               (d != NULL && !is_directory_good(d, count));
    lock_sync_directory_free(d);
    return status;
}

void look_at_request(scene *x, const lock_sync_request *q, const char *path)
{
    x->wrong = x->wrong || strcmp(lock_sync_request_method(q), "GET") != 0 ||
               strstr(lock_sync_request_url(q), path) == NULL || lock_sync_request_header_count(q) < 3 ||
               lock_sync_request_timeout_ms(q) != TIMEOUT_MS || lock_sync_request_connect_timeout_ms(q) < 1 ||
               lock_sync_request_is_cancelled(q);
    for (size_t i = 0; i < lock_sync_request_header_count(q); i++)
        x->wrong = x->wrong || lock_sync_request_header_name(q, i)[0] == '\0' ||
                   lock_sync_request_header_value(q, i)[0] == '\0';
}

void look_at_changes(scene *x, const lock_sync_changes *c, const uint32_t *kinds, size_t n)
{
    x->wrong = x->wrong || lock_sync_changes_count(c) != n;
    for (size_t i = 0; i < n && !x->wrong; i++) {
        const lock_sync_change *change = lock_sync_changes_at(c, i);

        x->wrong = (change->kinds & kinds[i]) != kinds[i] || lock_sync_change_kinds(change) != change->kinds ||
                   (lock_sync_change_before(change) == NULL) != ((kinds[i] & LOCK_SYNC_CHANGE_ADDED) != 0) ||
                   (lock_sync_change_after(change) == NULL) != ((kinds[i] & LOCK_SYNC_CHANGE_REMOVED) != 0);
    }
}
