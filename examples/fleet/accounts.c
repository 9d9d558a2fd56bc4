#include "accounts.h"

#include "clock.h"
#include "scripts.h"
#include "share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct account {
    accounts *all;
    const char *name; /* in the text, like the key */
    const char *key;
    uint64_t hash;
    lock_sync_ctx *ctx; /* NULL: not polled by this worker, like the watch */
    lock_sync_watch *watch;
    bool mine;
} account;

struct accounts {
    accounts_settings settings;
    char *text; /* of the file */
    size_t text_size;
    account *list;
    size_t count;
    size_t adjusted;  /* the first that accounts_adjust() has still to look at */
    bool under_way;   /* it left out a poll under way */
    int64_t until_ms; /* and does so until then */
    size_t refreshed; /* the same for accounts_refresh() */
};

/* --- the list --- */

/* Names are parts of keys and ids in Redis, and of JSON. */
static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";

static bool make_room(accounts *all, size_t *room)
{
    account *list;

    if (all->count < *room)
        return true;
    *room = 2 * *room + 64;
    list = realloc(all->list, *room * sizeof *list);
    if (list != NULL)
        all->list = list;
    return list != NULL;
}

/* Takes a line, which it cuts in two. */
static bool add(accounts *all, size_t *room, char *line)
{
    size_t size = strspn(line, allowed);

    if (size == 0 || size > NAME_MAX_SIZE || line[size] != ' ' || !make_room(all, room))
        return false;
    line[size] = '\0';
    all->list[all->count++] = (account){.all = all, .name = line, .key = line + size + 1, .hash = share_hash(line)};
    return true;
}

static bool add_lines(accounts *all)
{
    char *rest = all->text;
    size_t room = 0;
    char *line;

    while ((line = strsep(&rest, "\n")) != NULL)
        if (line[0] != '\0' && line[0] != '#' && !add(all, &room, line))
            return false;
    return all->count > 0;
}

accounts *accounts_read(const char *path, const accounts_settings *settings)
{
    accounts *all = calloc(1, sizeof *all);
    FILE *file = fopen(path, "r");
    bool good = all != NULL && file != NULL && getdelim(&all->text, &all->text_size, '\0', file) > 0 && add_lines(all);

    if (file != NULL)
        (void)fclose(file);
    if (good) {
        all->settings = *settings;
        all->adjusted = all->count;
        return all;
    }
    (void)fprintf(stderr, "fleet: %s cannot be read as lines with a name, a space and a key\n", path);
    accounts_free(all);
    return NULL;
}

/* --- polling --- */

static void on_changed(void *user, lock_sync_watch *watch, lock_sync_status status, const lock_sync_changes *changes)
{
    account *a = user;
    accounts *all = a->all;

    (void)changes; /* the script compares again, with what was published */
    if (status == LOCK_SYNC_OK)
        all->settings.on_response(all->settings.user, (size_t)(a - all->list), a->name, watch);
    else if (status != LOCK_SYNC_E_CANCELLED)
        (void)fprintf(stderr, "fleet: account %s: %s\n", a->name,
                      lock_sync_error_message(lock_sync_last_error(a->ctx)));
}

static lock_sync_status set_guard(account *a)
{
    const accounts_settings *settings = &a->all->settings;
    char key[sizeof GUARD_KEY_PREFIX + NAME_MAX_SIZE];
    lock_sync_guard *guard = NULL;
    lock_sync_status status;

    (void)snprintf(key, sizeof key, GUARD_KEY_PREFIX "%s", a->name);
    status = lock_sync_guard_open_redis(settings->redis, key, &guard);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_guard_set_min_interval_ms(guard, settings->interval_ms);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_guard(a->ctx, guard);
    lock_sync_guard_unref(guard);
    return status;
}

static void end(account *a)
{
    lock_sync_watch_free(a->watch);
    lock_sync_ctx_free(a->ctx);
    a->watch = NULL;
    a->ctx = NULL;
}

static void begin(account *a)
{
    const accounts_settings *settings = &a->all->settings;
    lock_sync_status status = lock_sync_ctx_new(&a->ctx);

    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_base_url(a->ctx, settings->base_url);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_personal_key(a->ctx, a->key);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_timeout_ms(a->ctx, settings->timeout_ms);
    if (status == LOCK_SYNC_OK)
        status = set_guard(a);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_watch_new(a->ctx, NULL, 0, &a->watch);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_watch_set_interval_ms(a->watch, settings->interval_ms);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_pool_watch(settings->pool, a->watch, on_changed, a);
    if (status != LOCK_SYNC_OK) {
        (void)fprintf(stderr, "fleet: account %s: %s\n", a->name, lock_sync_status_message(status));
        end(a);
    }
}

void accounts_set_members(accounts *all, uint64_t self, const uint64_t *members, size_t count)
{
    for (size_t i = 0; i < all->count; i++)
        all->list[i].mine = share_is_mine(all->list[i].hash, self, members, count);
    all->adjusted = 0;
    all->until_ms = INT64_MAX; /* a poll that waits for its guard ends soon after it has a slot */
}

void accounts_leave(accounts *all)
{
    accounts_set_members(all, 0, NULL, 0);
    all->until_ms = clock_ms() + all->settings.timeout_ms;
}

/* Returns whether no poll is under way: then the watch waits until the next one is due. */
static bool may_end(const account *a)
{
    return lock_sync_watch_due_in_ms(a->watch) > 0 || clock_ms() >= a->all->until_ms;
}

bool accounts_adjust(accounts *all, size_t most)
{
    for (; all->adjusted < all->count && most > 0; all->adjusted++) {
        account *a = &all->list[all->adjusted];

        if (a->mine == (a->ctx != NULL))
            continue;
        if (!a->mine && !may_end(a)) {
            all->under_way = true;
            continue;
        }
        if (a->mine)
            begin(a);
        else
            end(a);
        most--;
    }
    if (all->adjusted < all->count)
        return false;
    if (!all->under_way)
        return true;
    all->under_way = false;
    all->adjusted = 0;
    return false;
}

bool accounts_refresh(accounts *all, size_t most)
{
    for (; all->refreshed < all->count && most > 0; all->refreshed++) {
        const account *a = &all->list[all->refreshed];

        if (!a->mine || lock_sync_watch_results(a->watch) == NULL) /* NULL also without a watch */
            continue;
        all->settings.on_response(all->settings.user, all->refreshed, a->name, a->watch);
        most--;
    }
    if (all->refreshed < all->count)
        return false;
    all->refreshed = 0;
    return true;
}

void accounts_restart(accounts *all, size_t number)
{
    end(&all->list[number]);
    all->adjusted = 0;
}

void accounts_restart_all(accounts *all)
{
    for (size_t i = 0; i < all->count; i++)
        end(&all->list[i]);
    all->adjusted = 0;
}

void accounts_free(accounts *all)
{
    if (all == NULL)
        return;
    for (size_t i = 0; i < all->count; i++)
        end(&all->list[i]);
    if (all->text != NULL)
        explicit_bzero(all->text, all->text_size);
    free(all->text);
    free(all->list);
    free(all);
}
