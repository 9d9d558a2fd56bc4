/* The contestants of a fetch: this library, and what one would write with libcurl instead. Each keeps its own
   connection, but the one that makes a handle for each fetch. Every answer's status and length, or number of locks, is
   checked. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <locksync/locksync.h>

#include <curl/curl.h>

#define KEY "demo-key"
#define PERSONAL_KEY "Authorization: PersonalKey "
#define SYNC_PATH "/api/v37/my/lock/sync"

typedef struct client client;

typedef struct contestant {
    const char *name;
    void (*fetch)(client *c);
} contestant;

enum { OURS, OURS_GUARDED, BARE, REUSED_JANSSON, FRESH_CJSON, CONTESTANTS };
extern const contestant contestants[CONTESTANTS];

/* `base_url` and the allocator's user must outlive the client; NULL: malloc's. Fetches once with each contestant. */
client *client_new(const char *base_url, const lock_sync_allocator *allocator);
void client_free(client *c);
size_t client_locks(const client *c);
size_t client_bytes(const client *c);

/* The headers that the library sends too, to be freed. */
struct curl_slist *new_headers(const char *authorization);

#endif
