/* Sends heartbeats and responses to Redis in a thread of its own, so that the pool's thread never waits for the server.

   The queue is first in, first out. All that is queued travels together, in one round trip. After a lost connection it
   is sent again, which does no harm: see scripts.h. */
#ifndef FLEET_PUBLISHER_H
#define FLEET_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct publisher publisher;

/* A reply of the server. */
typedef struct publisher_news {
    struct publisher_news *next;
    enum news_kind { NEWS_MEMBERS, NEWS_STALE, NEWS_RECONNECTED } kind;
    size_t account;    /* STALE: a later response of this account was published already */
    int64_t offset_ms; /* MEMBERS: the server's clock minus clock_ms(), if offset_known */
    bool offset_known;
    size_t count; /* MEMBERS: the hashes of the members alive, ascending */
    uint64_t members[];
} publisher_news;

typedef struct publisher_settings {
    const char *redis_url; /* the texts must outlive the publisher */
    const char *member;
    int64_t ttl_ms;     /* a member without a heartbeat for this time is dead */
    int64_t max_stream; /* changes that the stream keeps, about */
    int64_t interval_ms;
} publisher_settings;

/* Returns NULL, after a line on stderr, if it cannot start. */
publisher *publisher_start(const publisher_settings *settings);

/* Returns a descriptor that is readable while there is news. */
int publisher_fd(const publisher *p);

/* Returns the oldest news, transferred: free() it. NULL: no more. */
publisher_news *publisher_next(publisher *p);

/* Queues a heartbeat, unless one is under way. */
void publisher_beat(publisher *p);

/* Queues a response: `argv` are arguments of publish_script, copied: the account, the time, and those of its locks. */
void publisher_publish(publisher *p, size_t account, size_t argc, const char **argv);

/* Sends what is queued, withdraws the heartbeat, and frees the publisher. It gives up after about `ttl_ms`. */
void publisher_stop(publisher *p);

#endif
