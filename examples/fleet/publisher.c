#include "publisher.h"

#include "clock.h"
#include "redis.h"
#include "scripts.h"
#include "share.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RETRY_MS 200 /* between two attempts to connect */

typedef struct item {
    struct item *next;
    bool is_beat;
    size_t account;
    char *command; /* in Redis's protocol */
    size_t size;
} item;

typedef struct queue {
    item *first;
    item **end;
} queue;

struct publisher {
    publisher_settings settings;
    pthread_t thread;
    pthread_mutex_t mutex; /* of the members below */
    pthread_cond_t wake;
    queue waiting;
    publisher_news *news;
    publisher_news **news_end;
    bool beats;    /* a heartbeat is under way */
    bool stopping; /* from now on nothing is queued */
    int64_t give_up_ms;
    int fd;
    redisContext *redis; /* of the thread only */
};

static void *must(void *block)
{
    if (block == NULL) {
        (void)fprintf(stderr, "fleet: out of memory\n");
        exit(EXIT_FAILURE);
    }
    return block;
}

/* --- the queue --- */

static void put(publisher *p, item *new)
{
    new->next = NULL;
    *p->waiting.end = new;
    p->waiting.end = &new->next;
    (void)pthread_cond_signal(&p->wake);
}

static item *new_item(size_t argc, const char **argv)
{
    item *new = must(calloc(1, sizeof *new));
    int size = (int)redisFormatCommandArgv(&new->command, (int)argc, argv, NULL);

    must(size > 0 ? new->command : NULL);
    new->size = (size_t)size;
    return new;
}

static item *new_beat(const publisher *p, const char *how)
{
    char ttl[24];
    const char *argv[] = {"EVAL", beat_script, "1", MEMBERS_KEY, p->settings.member, ttl, how};
    item *new;

    (void)snprintf(ttl, sizeof ttl, "%lld", (long long)p->settings.ttl_ms);
    new = new_item(sizeof argv / sizeof argv[0], argv);
    new->is_beat = true;
    return new;
}

void publisher_beat(publisher *p)
{
    (void)pthread_mutex_lock(&p->mutex);
    if (!p->beats)
        put(p, new_beat(p, "stay"));
    p->beats = true;
    (void)pthread_mutex_unlock(&p->mutex);
}

void publisher_publish(publisher *p, size_t account, size_t argc, const char **argv)
{
    char key[sizeof ACCOUNT_KEY_PREFIX + 256];
    char keep[24], close[24];
    const char **all = must(calloc(argc + 7, sizeof *all));
    item *new;

    (void)snprintf(key, sizeof key, ACCOUNT_KEY_PREFIX "%s", argv[0]);
    (void)snprintf(keep, sizeof keep, "%lld", (long long)p->settings.max_stream);
    (void)snprintf(close, sizeof close, "%lld", (long long)p->settings.interval_ms / 2);
    memcpy(all, (const char *[]){"EVAL", publish_script, "2", key, CHANGES_KEY}, 5 * sizeof *all);
    memcpy(all + 5, argv, 2 * sizeof *all); /* the account and the time */
    all[7] = keep;
    all[8] = close;
    memcpy(all + 9, argv + 2, (argc - 2) * sizeof *all);
    new = new_item(argc + 7, all);
    new->account = account;
    free(all);
    (void)pthread_mutex_lock(&p->mutex);
    put(p, new);
    (void)pthread_mutex_unlock(&p->mutex);
}

/* --- the news --- */

static publisher_news *new_news(enum news_kind kind, size_t count)
{
    publisher_news *new = must(calloc(1, sizeof *new + count * sizeof new->members[0]));

    new->kind = kind;
    new->count = count;
    return new;
}

static void announce(publisher *p, publisher_news *new)
{
    (void)pthread_mutex_lock(&p->mutex);
    *p->news_end = new;
    p->news_end = &new->next;
    if (new->kind == NEWS_MEMBERS)
        p->beats = false;
    (void)pthread_mutex_unlock(&p->mutex);
    (void)eventfd_write(p->fd, 1);
}

publisher_news *publisher_next(publisher *p)
{
    publisher_news *oldest;
    eventfd_t count;

    (void)pthread_mutex_lock(&p->mutex);
    oldest = p->news;
    if (oldest != NULL)
        p->news = oldest->next;
    else
        (void)eventfd_read(p->fd, &count);
    if (p->news == NULL)
        p->news_end = &p->news;
    (void)pthread_mutex_unlock(&p->mutex);
    return oldest;
}

int publisher_fd(const publisher *p)
{
    return p->fd;
}

/* --- the thread --- */

static int ascending(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/* Returns the members of a reply. The server read its clock somewhere between `sent_ms` and now. If that is long, the
   time shows little. */
static publisher_news *members_of(const publisher *p, const redisReply *reply, int64_t sent_ms)
{
    publisher_news *new = new_news(NEWS_MEMBERS, reply->elements - 1);
    int64_t now_ms = clock_ms();

    new->offset_ms = reply->element[0]->integer - (sent_ms + now_ms) / 2;
    new->offset_known = now_ms - sent_ms < p->settings.ttl_ms / 8;
    for (size_t i = 0; i < new->count; i++)
        new->members[i] = share_hash(reply->element[i + 1]->str);
    qsort(new->members, new->count, sizeof new->members[0], ascending);
    return new;
}

/* Returns whether only one account cannot be published, because something else uses its key. Any other error is the
   server's: the item is sent again. */
static bool is_of_one_account(const item *sent, const redisReply *reply)
{
    return !sent->is_beat && strstr(reply->str, "WRONGTYPE") != NULL;
}

/* Returns whether the item is done. */
static bool take_reply(publisher *p, const item *sent, int64_t sent_ms)
{
    redisReply *reply = NULL;
    bool good = redisGetReply(p->redis, (void **)&reply) == REDIS_OK;

    if (good && reply->type == REDIS_REPLY_ERROR) {
        good = is_of_one_account(sent, reply);
        if (good)
            (void)fprintf(stderr, "fleet: account number %zu is not published: %s\n", sent->account + 1, reply->str);
        else
            (void)fprintf(stderr, "fleet: Redis: %s\n", reply->str);
    } else if (good && sent->is_beat) {
        announce(p, members_of(p, reply, sent_ms));
    } else if (good && reply->integer < 0) {
        publisher_news *stale = new_news(NEWS_STALE, 0);

        stale->account = sent->account;
        announce(p, stale);
    } else if (!good) {
        (void)fprintf(stderr, "fleet: Redis: %s\n", p->redis->errstr);
    }
    if (reply != NULL)
        freeReplyObject(reply);
    return good;
}

/* Frees the first item, which the server has carried out. */
static void drop_first(queue *batch)
{
    item *first = batch->first;

    batch->first = first->next;
    redisFreeCommand(first->command);
    free(first);
}

/* Sends all, and takes the replies until one is missing. An item with a reply leaves the batch. */
static bool send_all(publisher *p, queue *batch)
{
    int64_t sent_ms = clock_ms();
    bool good = true;

    for (const item *i = batch->first; good && i != NULL; i = i->next)
        good = redisAppendFormattedCommand(p->redis, i->command, i->size) == REDIS_OK;
    while (good && batch->first != NULL) {
        good = take_reply(p, batch->first, sent_ms);
        if (good)
            drop_first(batch);
    }
    return good;
}

static bool gives_up(publisher *p)
{
    bool over;

    (void)pthread_mutex_lock(&p->mutex);
    over = p->stopping && clock_ms() >= p->give_up_ms;
    (void)pthread_mutex_unlock(&p->mutex);
    return over;
}

/* Repeats until the server has replied to all, or the publisher gives up. */
static void deliver(publisher *p, queue *batch)
{
    while (batch->first != NULL && !gives_up(p)) {
        bool good;

        if (p->redis == NULL) {
            p->redis = redis_connect(p->settings.redis_url, p->settings.ttl_ms / 2);
            if (p->redis != NULL)
                announce(p, new_news(NEWS_RECONNECTED, 0));
        }
        good = p->redis != NULL && send_all(p, batch);
        if (!good) {
            if (p->redis != NULL)
                redisFree(p->redis);
            p->redis = NULL;
            (void)usleep(RETRY_MS * 1000);
        }
    }
}

/* Takes all that waits; an empty queue means that the publisher stops. */
static queue take(publisher *p)
{
    queue batch;

    (void)pthread_mutex_lock(&p->mutex);
    while (p->waiting.first == NULL && !p->stopping)
        (void)pthread_cond_wait(&p->wake, &p->mutex);
    batch = p->waiting;
    p->waiting = (queue){NULL, &p->waiting.first};
    (void)pthread_mutex_unlock(&p->mutex);
    return batch;
}

static void *run(void *user)
{
    publisher *p = user;
    queue batch = take(p);

    for (; batch.first != NULL; batch = take(p)) {
        deliver(p, &batch);
        while (batch.first != NULL)
            drop_first(&batch);
    }
    return NULL;
}

publisher *publisher_start(const publisher_settings *settings)
{
    publisher *p = must(calloc(1, sizeof *p));

    p->settings = *settings;
    p->waiting.end = &p->waiting.first;
    p->news_end = &p->news;
    (void)pthread_mutex_init(&p->mutex, NULL);
    (void)pthread_cond_init(&p->wake, NULL);
    p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (p->fd >= 0 && pthread_create(&p->thread, NULL, run, p) == 0)
        return p;
    (void)fprintf(stderr, "fleet: the publisher cannot start\n");
    if (p->fd >= 0)
        (void)close(p->fd);
    free(p);
    return NULL;
}

void publisher_stop(publisher *p)
{
    publisher_news *news;

    (void)pthread_mutex_lock(&p->mutex);
    put(p, new_beat(p, "leave"));
    p->stopping = true;
    p->give_up_ms = clock_ms() + p->settings.ttl_ms;
    (void)pthread_mutex_unlock(&p->mutex);
    (void)pthread_join(p->thread, NULL);
    while ((news = publisher_next(p)) != NULL)
        free(news);
    if (p->redis != NULL)
        redisFree(p->redis);
    (void)close(p->fd);
    (void)pthread_cond_destroy(&p->wake);
    (void)pthread_mutex_destroy(&p->mutex);
    free(p);
}
