#include "names_rules.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define OLD_MS INT64_C(86400000)
#define YOUNG_MS INT64_C(60000) /* the service would know no more, and allows ten requests in ten minutes */

int64_t names_id(const char *word)
{
    char *end;
    int64_t id;

    errno = 0;
    id = strtoimax(word, &end, 10);
    return errno == 0 && strspn(word, "0123456789") > 0 && *end == '\0' ? id : 0;
}

/* Compares with ASCII letters alike in both cases. In the locale C.UTF-8 of the command no other byte is a letter. */
fit names_fit(const lock_sync_lock_info *info, const char *word)
{
    if (info->id == names_id(word))
        return FIT_ID;
    if (info->serial_number != NULL && strcmp(info->serial_number, word) == 0)
        return FIT_SERIAL;
    if (info->name == NULL || strcasecmp(info->name, word) != 0)
        return FIT_NOT;
    return strcmp(info->name, word) == 0 ? FIT_NAME : FIT_NAME_IN_OTHER_CASE;
}

size_t names_find(const lock_sync_directory *directory, const char *word, fit *best, const lock_sync_lock_info **first)
{
    size_t found = 0;

    *best = FIT_NOT;
    *first = NULL;
    for (size_t i = 0; i < lock_sync_directory_count(directory); i++) {
        const lock_sync_lock_info *info = lock_sync_directory_at(directory, i);
        fit how = names_fit(info, word);

        if (how < *best) {
            *best = how;
            *first = info;
            found = 0;
        }
        found += how != FIT_NOT && how == *best;
    }
    return found;
}

bool names_differ(const lock_sync_directory *directory, const lock_sync_results *results, const int64_t *ids,
                  size_t count)
{
    for (size_t i = 0; i < lock_sync_results_count(results); i++) {
        const lock_sync_lock *now = lock_sync_results_at(results, i);
        const lock_sync_lock *then = lock_sync_results_find(lock_sync_directory_results(directory), now->id);

        if (then == NULL)
            return true;
        if ((now->fields & then->fields & LOCK_SYNC_FIELD_REVISION) != 0 && now->revision > then->revision)
            return true;
    }
    for (size_t i = 0; i < count; i++)
        if (lock_sync_results_find(results, ids[i]) == NULL && lock_sync_directory_find(directory, ids[i]) != NULL)
            return true;
    return false;
}

/* Returns whether the states may be available although the names are not: only this request was denied or refused.
   After any other failure the service must not be asked again at once. --watch and --until ask it later. */
static bool is_survived(const names_facts *f)
{
    switch (f->status) {
    case LOCK_SYNC_E_TOO_SOON:
    case LOCK_SYNC_E_FORBIDDEN:
    case LOCK_SYNC_E_NOT_FOUND:
    case LOCK_SYNC_E_MALFORMED:
    case LOCK_SYNC_E_TOO_LARGE: return true;
    default: return f->is_polling && lock_sync_status_is_retryable(f->status);
    }
}

static bool is_awaited(const names_facts *f)
{
    return f->status == LOCK_SYNC_E_TOO_SOON ? f->waits || f->is_polling
                                             : f->is_polling && lock_sync_status_is_retryable(f->status);
}

static names_step next_before_request(const names_facts *f)
{
    bool must_ask = f->is_wanted || f->is_old || f->age_ms < 0 || f->age_ms > OLD_MS ||
                    (f->is_lacking && f->age_ms >= YOUNG_MS);

    return must_ask ? NAMES_ASK : NAMES_USE;
}

names_step names_next(const names_facts *f)
{
    if (!f->has_asked)
        return next_before_request(f);
    if (f->status == LOCK_SYNC_OK || (!f->is_needed && (f->is_old || is_survived(f))))
        return NAMES_USE; /* if the names are old, there are states already */
    return f->is_needed && is_awaited(f) ? NAMES_WAIT : NAMES_FAIL;
}
