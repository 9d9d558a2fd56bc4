/* A store that blocks; see store.h. */
#include "store.h"

#include "../support/kit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct channel channel;

struct store {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t block_at;
    size_t waiting;
    size_t loads;
    pthread_t asker;  /* the first thread that called */
    sigset_t blocked; /* signals blocked in that thread */
    bool has_others;
    channel *channels;
    bool broken;
    size_t open; /* swaps */
    size_t most_open;
};

typedef struct guard_entry {
    store *of;
    struct guard_entry *self; /* its key in a channel */
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

/* --- the channel --- */

/* A channel of one pool. Its connection is a pipe, which is readable when the channel must proceed. */
struct channel {
    channel *next;
    store *of;
    int pipe[2];
    bool connected;
    lock_sync_guard_swap *first;
    lock_sync_guard_swap **end;
};

static void ring(const channel *c)
{
    (void)!write(c->pipe[1], "!", 1);
}

static lock_sync_status open_channel(void *user, void **out)
{
    channel *c = calloc(1, sizeof *c);

    if (c == NULL || pipe2(c->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        kit_die("no channel");
    c->of = user;
    c->end = &c->first;
    (void)pthread_mutex_lock(&c->of->mutex);
    c->next = c->of->channels;
    c->of->channels = c;
    (void)pthread_mutex_unlock(&c->of->mutex);
    *out = c;
    return LOCK_SYNC_OK;
}

static void connect_channel(void *self)
{
    channel *c = self;

    (void)pthread_mutex_lock(&c->of->mutex);
    c->connected = !c->of->broken;
    (void)pthread_mutex_unlock(&c->of->mutex);
}

static void begin(void *self, lock_sync_guard_swap *swap)
{
    channel *c = self;
    store *s = c->of;

    (void)pthread_mutex_lock(&s->mutex);
    swap->begun_us = (int64_t)++s->loads; /* its number */
    swap->next = NULL;
    *c->end = swap;
    c->end = &swap->next;
    s->open++;
    s->most_open = s->open > s->most_open ? s->open : s->most_open;
    (void)pthread_mutex_unlock(&s->mutex);
    ring(c);
}

static int64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 + 1000000000;
}

static void carry_out(lock_sync_guard_swap *swap)
{
    guard_entry *h;

    memcpy(&h, swap->key, sizeof h);
    swap->now_us = now_us();
    swap->replaced = swap->record_size > 0 && swap->expected_size == h->size &&
                     (h->size == 0 || memcmp(swap->expected, h->record, h->size) == 0) &&
                     swap->now_us >= swap->not_before_us && swap->now_us <= swap->not_after_us;
    if (swap->replaced) {
        memcpy(h->record, swap->record, swap->record_size);
        h->size = swap->record_size;
    } else {
        memcpy(swap->found, h->record, h->size);
        swap->found_size = h->size;
    }
}

/* Ends the first swaps: up to the one that must wait, or all if the connection is lost. */
static void end_swaps(channel *c, bool lost)
{
    store *s = c->of;

    while (c->first != NULL && (lost || s->block_at == 0 || c->first->begun_us < (int64_t)s->block_at)) {
        lock_sync_guard_swap *swap = c->first;

        c->first = swap->next;
        if (c->first == NULL)
            c->end = &c->first;
        if (lost) {
            swap->status = LOCK_SYNC_E_GUARD;
            swap->unknown = true;
            memcpy(swap->why, "the connection was lost", sizeof "the connection was lost");
        } else {
            carry_out(swap);
        }
        swap->done = true;
        s->open--;
    }
    s->waiting = c->first != NULL;
}

static void proceed(void *self, bool readable, bool writable, int64_t time_us)
{
    channel *c = self;
    char bytes[4096];

    (void)writable, (void)time_us;
    if (readable)
        (void)!read(c->pipe[0], bytes, sizeof bytes);
    (void)pthread_mutex_lock(&c->of->mutex);
    c->connected = c->connected && !c->of->broken;
    end_swaps(c, !c->connected);
    (void)pthread_mutex_unlock(&c->of->mutex);
}

static int fd(void *self)
{
    const channel *c = self;

    return c->connected ? c->pipe[0] : -1;
}

static uint32_t wants(void *self, int64_t time_us, int64_t *due_us)
{
    channel *c = self;
    uint32_t wanted = LOCK_SYNC_CHANNEL_READ;

    (void)time_us;
    *due_us = INT64_MAX;
    (void)pthread_mutex_lock(&c->of->mutex);
    if (!c->connected)
        wanted = c->of->broken ? 0 : LOCK_SYNC_CHANNEL_CONNECT;
    (void)pthread_mutex_unlock(&c->of->mutex);
    return wanted;
}

static void close_channel(void *self)
{
    channel *c = self;
    channel **at = &c->of->channels;

    (void)pthread_mutex_lock(&c->of->mutex);
    end_swaps(c, true);
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    (void)pthread_mutex_unlock(&c->of->mutex);
    (void)close(c->pipe[0]);
    (void)close(c->pipe[1]);
    free(c);
}

static const lock_sync_guard_channel_ops channel_ops = {
    .struct_size = sizeof channel_ops,
    .open = open_channel,
    .connect = connect_channel,
    .begin = begin,
    .proceed = proceed,
    .fd = fd,
    .wants = wants,
    .close = close_channel,
};

static lock_sync_status look_at(void *user, lock_sync_guard_look *l)
{
    guard_entry *h = user;

    (void)pthread_mutex_lock(&h->of->mutex);
    memcpy(l->record, h->record, h->size);
    l->size = h->size;
    (void)pthread_mutex_unlock(&h->of->mutex);
    l->now_us = now_us();
    return LOCK_SYNC_OK;
}

static lock_sync_status swap_it(void *user, const void *old_record, size_t old_size, const void *new_record,
                                size_t new_size, int64_t expires_in_ms, bool *replaced)
{
    (void)expires_in_ms;
    return replace(user, old_record, old_size, new_record, new_size, replaced);
}

lock_sync_guard *store_channel_guard(store *s, int64_t interval_ms)
{
    guard_entry *h = calloc(1, sizeof *h);
    lock_sync_guard_store functions = {.struct_size = sizeof functions,
                                       .user = h,
                                       .look = look_at,
                                       .swap = swap_it,
                                       .destroy = free,
                                       .channel_ops = &channel_ops,
                                       .channel_user = s};
    lock_sync_guard *g;

    if (h == NULL)
        kit_die("out of memory");
    h->of = s;
    h->self = h;
    functions.key = &h->self;
    functions.key_size = sizeof h->self;
    if (lock_sync_guard_new_with_store(&functions, &g) != LOCK_SYNC_OK ||
        lock_sync_guard_set_min_interval_ms(g, interval_ms) != LOCK_SYNC_OK)
        kit_die("no guard");
    return g;
}

static void ring_all(const store *s)
{
    for (const channel *c = s->channels; c != NULL; c = c->next)
        ring(c);
}

void store_break(store *s, bool broken)
{
    (void)pthread_mutex_lock(&s->mutex);
    s->broken = broken;
    ring_all(s);
    (void)pthread_mutex_unlock(&s->mutex);
}

/* --- blocking --- */

void store_block_at(store *s, size_t number)
{
    (void)pthread_mutex_lock(&s->mutex);
    s->block_at = number;
    (void)pthread_cond_broadcast(&s->changed);
    ring_all(s);
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

size_t store_most_open(store *s)
{
    return look(s, &s->most_open);
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
