/* The contestants that serve many accounts at once from one thread: this library's pool, and what one would write with
   libcurl's multi handle instead. Each keeps so many requests under way, each account's with its own key, until enough
   are answered. The status and length of every answer are checked, or what was read from it. */
#ifndef BENCH_POOL_CONTESTANTS_H
#define BENCH_POOL_CONTESTANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIRST_KEY 500000 /* the first account's key is key-500000: all keys are of one length */
#define KEY_MAX 24

typedef struct pool_setup {
    const char *base_url; /* must outlive all that is opened, as the next */
    const char *ca_file;  /* NULL: plain http */
    size_t accounts;
    size_t at_once;
    size_t bytes; /* of each answer */
    size_t locks;
    bool tells_key; /* the last lock's id is the number in the key */
} pool_setup;

/* The accounts with nothing under way. The one that waited longest is next. */
typedef struct idle_accounts {
    size_t *accounts;
    size_t room;
    size_t first;
    size_t count;
} idle_accounts;

void idle_init(idle_accounts *idle, size_t accounts);
void idle_put(idle_accounts *idle, size_t account);
size_t idle_take(idle_accounts *idle);

void write_key(char key[KEY_MAX], size_t account);

typedef struct pool_contestant {
    const char *name;
    const void *style; /* what `open` gets besides */
    void *(*open)(const pool_setup *setup, const void *style);
    void (*serve)(void *self, size_t requests); /* returns when all are answered, and no other is under way */
    void (*close)(void *self);
    size_t requests; /* in a turn: what takes a quarter of a second or so */
} pool_contestant;

extern const pool_contestant pool_of_ours;       /* liblocksync */
extern const pool_contestant multi_by_hand;      /* curl_multi_perform, no more options than needed */
extern const pool_contestant multi_with_options; /* curl_multi_socket_action and epoll, all options of the library */
extern const pool_contestant multi_with_a_connection_each; /* as multi_by_hand, a connection for each request */

/* Has the contestants take turns and prints a line of JSON for each. `count_connections` tells on how many connections
   that many requests came since it was asked last; NULL: that is not told. */
void take_turns(const char *scene, const pool_setup *setup, const pool_contestant *const *contestants, size_t count,
                size_t rounds, size_t (*count_connections)(void *user, size_t requests), void *user);

#endif
