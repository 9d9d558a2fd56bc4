/* Guards in PostgreSQL; see guard_libpq.h. A pool uses a channel. A blocking fetch does what a pool does, over a
 * channel that all guards of a database share. */
#include "guard_libpq.h"
#include "session.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_US 1000000
#define PAUSE_US 250000 /* after a failed connect */
#define BATCH_MAX 256

typedef struct channel {
    const char *conninfo;
    session session;
    bool is_ready;   /* connected */
    bool has_failed; /* to connect; the swaps that wait must fail first */
    int64_t retry_at_us;
    lock_sync_guard_swap *first; /* of those that wait: a list */
    lock_sync_guard_swap *last;
    lock_sync_guard_swap *batch[BATCH_MAX]; /* on their way, in one transaction */
    size_t count;
    size_t results;
    lock_sync_guard_swap *failed; /* the one that failed the transaction */
} channel;

struct guard_libpq {
    char *conninfo;
    pthread_mutex_t mutex; /* of `blocking` */
    channel blocking;
};

/* --- swaps that wait --- */

static void append(channel *c, lock_sync_guard_swap *swap)
{
    swap->next = NULL;
    if (c->first == NULL)
        c->first = swap;
    else
        c->last->next = swap;
    c->last = swap;
}

static lock_sync_guard_swap *take(channel *c)
{
    lock_sync_guard_swap *swap = c->first;

    c->first = swap->next;
    return swap;
}

static void fail(channel *c, lock_sync_guard_swap *swap, bool unknown)
{
    session_fail(&c->session, swap, unknown);
    swap->done = true; /* the last access: it belongs to the guard again */
}

/* --- the batch: a commit waits for the disk, so many swaps share one --- */

/* Ends all open swaps. session.why has the cause. The descriptor stays open until the pool has forgotten it. */
static void break_off(channel *c)
{
    c->is_ready = false;
    for (size_t i = 0; i < c->count; i++)
        fail(c, c->batch[i], true);
    c->count = 0;
    while (c->first != NULL)
        fail(c, take(c), false);
}

static int compare_keys(const void *a, const void *b)
{
    const lock_sync_guard_swap *x = *(lock_sync_guard_swap *const *)a;
    const lock_sync_guard_swap *y = *(lock_sync_guard_swap *const *)b;
    int order = memcmp(x->key, y->key, x->key_size < y->key_size ? x->key_size : y->key_size);

    return order != 0 ? order : (x->key_size > y->key_size) - (x->key_size < y->key_size);
}

/* Sends the next batch, ordered by keys: two transactions that lock their rows in one order cannot deadlock. */
static bool send_batch(channel *c, int64_t now_us)
{
    if (c->count == 0 && c->first != NULL) {
        c->failed = NULL;
        c->results = 0;
        while (c->first != NULL && c->count < BATCH_MAX)
            c->batch[c->count++] = take(c);
        qsort(c->batch, c->count, sizeof(lock_sync_guard_swap *), compare_keys);
        c->batch[0]->begun_us = now_us;
        for (size_t i = 0; i < c->count; i++)
            if (!session_send(&c->session, c->batch[i]))
                return false;
        if (!session_commit(&c->session))
            return false;
    }
    return session_flush(&c->session);
}

/* Ends the batch. If one swap failed, the others were not carried out: they wait again. */
static void end_batch(channel *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->failed == NULL)
            c->batch[i]->done = true;
        else if (c->batch[i] == c->failed)
            fail(c, c->failed, false);
        else
            append(c, c->batch[i]);
    c->count = 0;
}

static bool receive(channel *c)
{
    while (c->count > 0) {
        switch (session_take(&c->session, c->results < c->count ? c->batch[c->results] : NULL)) {
        case SESSION_RESULT: c->results++; break;
        case SESSION_COMMITTED: end_batch(c); break;
        case SESSION_FAILURE:
            if (c->results == c->count) /* the commit */
                return false;
            c->failed = c->batch[c->results];
            break;
        case SESSION_NOTHING:
        default: return session_is_good(&c->session);
        }
    }
    return true;
}

/* --- the functions of a channel --- */

static void init(channel *c, const char *conninfo)
{
    *c = (channel){.conninfo = conninfo, .session.fd = -1};
}

static lock_sync_status open_channel(void *user, void **out)
{
    const guard_libpq *db = user;
    channel *c = malloc(sizeof *c);

    if (c == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    init(c, db->conninfo);
    *out = c;
    return LOCK_SYNC_OK;
}

static void connect_channel(void *user)
{
    channel *c = user;

    c->is_ready = session_connect(&c->session, c->conninfo, session_clock_us() + TIMEOUT_US);
    c->has_failed = !c->is_ready;
}

static void begin(void *user, lock_sync_guard_swap *swap)
{
    append(user, swap);
}

/* Returns whether there is more to read. Then responses came in time, and this thread was late. */
static bool has_arrived(const channel *c)
{
    struct pollfd input = {.fd = c->session.fd, .events = POLLIN};

    return poll(&input, 1, 0) > 0;
}

static void proceed(void *user, bool readable, bool writable, int64_t now_us)
{
    channel *c = user;
    bool good = c->is_ready && (!readable || session_read(&c->session)) && receive(c) && send_batch(c, now_us) &&
                receive(c); /* libpq may have read while it sent */

    (void)writable; /* send_batch() tries anyway */
    if (good && c->count > 0 && now_us - c->batch[0]->begun_us >= TIMEOUT_US && !has_arrived(c)) {
        session_explain(&c->session, "no response");
        good = false;
    }
    if (c->has_failed)
        c->retry_at_us = now_us + PAUSE_US;
    c->has_failed = false;
    if (!good)
        break_off(c);
}

static int descriptor(void *user)
{
    const channel *c = user;

    return c->is_ready ? c->session.fd : -1;
}

static uint32_t wants(void *user, int64_t now_us, int64_t *due_us)
{
    const channel *c = user;

    *due_us = INT64_MAX;
    if (c->count > 0)
        *due_us = c->batch[0]->begun_us + TIMEOUT_US;
    else if (c->has_failed || c->first != NULL)
        *due_us = now_us;
    if (!c->is_ready)
        return !c->has_failed && now_us >= c->retry_at_us ? LOCK_SYNC_CHANNEL_CONNECT : 0;
    return LOCK_SYNC_CHANNEL_READ | (c->session.has_more ? LOCK_SYNC_CHANNEL_WRITE : 0);
}

static void close_channel(void *user)
{
    channel *c = user;

    session_explain(&c->session, "the pool was freed");
    break_off(c);
    session_disconnect(&c->session);
    free(c);
}

static const lock_sync_guard_channel_ops channel_ops = {
    .struct_size = sizeof channel_ops,
    .open = open_channel,
    .connect = connect_channel,
    .begin = begin,
    .proceed = proceed,
    .fd = descriptor,
    .wants = wants,
    .close = close_channel,
};

/* --- the store of a guard, for blocking fetches --- */

typedef struct store {
    guard_libpq *db;
    size_t key_size;
    char key[];
} store;

/* Does what a pool does. */
static void carry_out(void *user, lock_sync_guard_swap *swap)
{
    const store *s = user;
    channel *c = &s->db->blocking;
    int64_t due_us;

    (void)pthread_mutex_lock(&s->db->mutex);
    proceed(c, true, false, session_clock_us()); /* the server may have closed the connection meanwhile */
    if (wants(c, session_clock_us(), &due_us) & LOCK_SYNC_CHANNEL_CONNECT)
        connect_channel(c);
    begin(c, swap);
    proceed(c, false, false, session_clock_us());
    while (!swap->done) {
        uint32_t events = wants(c, session_clock_us(), &due_us);

        (void)session_await(descriptor(c), events & LOCK_SYNC_CHANNEL_WRITE ? POLLIN | POLLOUT : POLLIN, due_us);
        proceed(c, true, true, session_clock_us());
    }
    (void)pthread_mutex_unlock(&s->db->mutex);
}

/* --- public --- */

guard_libpq *guard_libpq_new(const char *conninfo)
{
    guard_libpq *db = malloc(sizeof *db);
    char *copy = strdup(conninfo);

    if (db == NULL || copy == NULL) {
        free(db);
        free(copy);
        return NULL;
    }
    db->conninfo = copy;
    (void)pthread_mutex_init(&db->mutex, NULL);
    init(&db->blocking, copy);
    return db;
}

void guard_libpq_free(guard_libpq *db)
{
    if (db == NULL)
        return;
    session_disconnect(&db->blocking.session);
    (void)pthread_mutex_destroy(&db->mutex);
    free(db->conninfo);
    free(db);
}

lock_sync_status guard_libpq_open(guard_libpq *db, const char *key, lock_sync_guard **out)
{
    size_t size = strlen(key);
    store *s = calloc(1, sizeof *s + size);
    lock_sync_guard_store to;
    lock_sync_status status;

    if (s == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    s->db = db;
    s->key_size = size;
    memcpy(s->key, key, size);
    to = (lock_sync_guard_store){.struct_size = sizeof to,
                                 .user = s,
                                 .destroy = free,
                                 .carry_out = carry_out,
                                 .channel_ops = &channel_ops,
                                 .channel_user = db,
                                 .key = s->key,
                                 .key_size = size};
    status = lock_sync_guard_new_with_store(&to, out);
    if (status != LOCK_SYNC_OK)
        free(s);
    return status;
}
