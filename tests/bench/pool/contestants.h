/* The contestants that serve many accounts at once from one thread: this library's pool, and code with libcurl's
   multi handle. Each keeps `at_once` requests under way, each with its account's key, until `requests` have
   responses. The status and length of each response, or its decoded records, are checked. */
#ifndef BENCH_POOL_CONTESTANTS_H
#define BENCH_POOL_CONTESTANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIRST_KEY 500000 /* the first account's key is key-500000: all keys have the same length */
#define KEY_MAX 24

typedef struct pool_setup {
    const char *base_url; /* must outlive all that is opened, like the next field */
    const char *ca_file;  /* NULL: plain http */
    size_t accounts;
    size_t at_once;
    size_t bytes; /* of each response */
    size_t locks;
    bool has_key_as_id; /* the last lock's id is the number in the key */
} pool_setup;

/* The accounts with no request under way. The one that waited longest is next. */
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
    const void *style; /* a second argument of `open` */
    void *(*open)(const pool_setup *setup, const void *style);
    void (*serve)(void *self, size_t requests); /* returns when all have responses, with no request under way */
    void (*close)(void *self);
    size_t requests; /* in a turn: about a quarter of a second's */
} pool_contestant;

extern const pool_contestant library_pool;       /* liblocksync */
extern const pool_contestant multi_by_hand;      /* curl_multi_perform, only the options that are needed */
extern const pool_contestant multi_with_options; /* curl_multi_socket_action and epoll, all options of the library */
extern const pool_contestant multi_with_a_connection_each; /* like multi_by_hand, with a connection for each request */

/* Runs the contestants in turns and prints a line of JSON for each. `count_connections` returns how many connections
   those requests came on since the last call. NULL: no count is printed. */
void take_turns(const char *scene, const pool_setup *setup, const pool_contestant *const *contestants, size_t count,
                size_t rounds, size_t (*count_connections)(void *user, size_t requests), void *user);

#endif
