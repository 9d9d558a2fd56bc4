/* A store that blocks; see store.h. */
#include "store.h"

#include "../support/kit.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct store {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t block_at;
    size_t waiting;
    size_t loads;
    pthread_t asker;  /* the first thread that called */
    sigset_t blocked; /* signals blocked in that thread */
    bool has_others;
};

typedef struct guard_entry {
    store *of;
    unsigned char record[LOCK_SYNC_GUARD_RECORD_MAX];
    size_t size;
} guard_entry;

store *store_new(void)
{
    store *s = calloc(1, sizeof *s);

    if (s == NULL || pthread_mutex_init(&s->mutex, NULL) != 0 || pthread_cond_init(&s->changed, NULL) != 0)
        kit_die("no store");
    return s;
}

void store_free(store *s)
{
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
}

static void note_thread(store *s)
{
    if (s->loads == 1) {
        s->asker = pthread_self();
        (void)pthread_sigmask(SIG_SETMASK, NULL, &s->blocked);
    }
    s->has_others = s->has_others || !pthread_equal(s->asker, pthread_self());
}

static lock_sync_status load(void *user, void *record, size_t *size, int64_t *now_ms)
{
    guard_entry *h = user;
    store *s = h->of;

    (void)pthread_mutex_lock(&s->mutex);
    s->loads++;
    note_thread(s);
    s->waiting++;
    while (s->block_at != 0 && s->loads >= s->block_at)
        (void)pthread_cond_wait(&s->changed, &s->mutex);
    s->waiting--;
    memcpy(record, h->record, h->size);
    *size = h->size;
    (void)pthread_mutex_unlock(&s->mutex);
    *now_ms = kit_now_ms() + 1000000;
    return LOCK_SYNC_OK;
}

static lock_sync_status replace(void *user, const void *old_record, size_t old_size, const void *new_record,
                                size_t new_size, bool *replaced)
{
    guard_entry *h = user;

    (void)pthread_mutex_lock(&h->of->mutex);
    *replaced = old_size == h->size && (old_size == 0 || memcmp(old_record, h->record, old_size) == 0);
    if (*replaced) {
        memcpy(h->record, new_record, new_size);
        h->size = new_size;
    }
    (void)pthread_mutex_unlock(&h->of->mutex);
    return LOCK_SYNC_OK;
}

lock_sync_guard *store_guard(store *s, int64_t interval_ms)
{
    guard_entry *h = calloc(1, sizeof *h);
    const lock_sync_guard_store functions = {
        .struct_size = sizeof functions, .user = h, .load = load, .replace = replace, .destroy = free};
    lock_sync_guard *g;

    if (h == NULL)
        kit_die("out of memory");
    h->of = s;
    if (lock_sync_guard_new_with_store(&functions, &g) != LOCK_SYNC_OK ||
        lock_sync_guard_set_min_interval_ms(g, interval_ms) != LOCK_SYNC_OK)
        kit_die("no guard");
    return g;
}

void store_block_at(store *s, size_t number)
{
    (void)pthread_mutex_lock(&s->mutex);
    s->block_at = number;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->mutex);
}

void store_release(store *s)
{
    store_block_at(s, 0);
}

static size_t look(store *s, const size_t *value)
{
    size_t is;

    (void)pthread_mutex_lock(&s->mutex);
    is = *value;
    (void)pthread_mutex_unlock(&s->mutex);
    return is;
}

bool store_is_waiting(void *s)
{
    return look(s, &((store *)s)->waiting) > 0;
}

size_t store_loads(store *s)
{
    return look(s, &s->loads);
}

bool store_has_one_asker(store *s, pthread_t *asker)
{
    bool is_one;

    (void)pthread_mutex_lock(&s->mutex);
    *asker = s->asker;
    is_one = s->loads > 0 && !s->has_others;
    (void)pthread_mutex_unlock(&s->mutex);
    return is_one;
}

bool store_asker_takes(store *s, int signal_number)
{
    bool takes;

    (void)pthread_mutex_lock(&s->mutex);
    takes = sigismember(&s->blocked, signal_number) != 1;
    (void)pthread_mutex_unlock(&s->mutex);
    return takes;
}
