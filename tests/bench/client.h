/* The contestants of a fetch: this library, and code with libcurl that does the same. Each keeps a separate
   connection, except for the one that makes a handle for each fetch. The status and the length or number of locks of
   each response are checked. */
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

enum { PLAIN, GUARDED, BARE, REUSED_JANSSON, FRESH_CJSON, CONTESTANTS };
extern const contestant contestants[CONTESTANTS];

/* Makes a client and fetches once with each contestant. `base_url` and the allocator's user must outlive it; NULL:
   malloc. */
client *client_new(const char *base_url, const lock_sync_allocator *allocator);
void client_free(client *c);
size_t client_locks(const client *c);
size_t client_bytes(const client *c);

/* Returns the headers that the library sends, too. Must be freed. */
struct curl_slist *new_headers(const char *authorization);

#endif
