/* Searches the memory of the process for the key after its context was freed. With an application's transport the
   key is nowhere. With libcurl it is in no live block, and in no block that the library freed. The key is computed
   and compared byte by byte, so that the test itself keeps no copy. */
#include "acts.h"
#include "alloc.h"

#include "../support/curl_flavour.h"
#include "../support/nginx.h"
#include "../support/pems.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_SIZE 48
#define SEEN_SIZE 16 /* only the key's end is searched: the allocator overwrites the beginning of a freed block */
#define CHUNK (1 << 20)

static const volatile unsigned seed = 5;
static sim *http;
static sim *https;
static nginx *http2;
static const char *urls[3]; /* of these servers; the last is NULL if nginx is not installed */
static size_t leaks;

static char key_at(size_t i)
{
    return (char)('A' + (i * 7 + i / 26 * 5 + seed) % 26);
}

static bool is_key_end(const char *at)
{
    for (size_t i = 0; i < SEEN_SIZE; i++)
        if (at[i] != key_at(KEY_SIZE - SEEN_SIZE + i))
            return false;
    return true;
}

static bool has_key(const void *block, size_t size)
{
    const char *at = block;

    for (size_t i = 0; i + SEEN_SIZE <= size; i++)
        if (is_key_end(at + i))
            return true;
    return false;
}

/* --- giving the key to the library --- */

/* Calls `set` with the key between two texts. No copy of the text is left when it returns. */
static lock_sync_status with_key(lock_sync_ctx *ctx, lock_sync_status (*set)(lock_sync_ctx *ctx, const char *text),
                                 const char *before, const char *after)
{
    char text[200];
    size_t n = strlen(before);
    lock_sync_status status;

    memcpy(text, before, n);
    for (size_t i = 0; i < KEY_SIZE; i++)
        text[n++] = key_at(i);
    strcpy(text + n, after);
    status = set(ctx, text);
    explicit_bzero(text, sizeof text);
    return status;
}

static lock_sync_status give_key(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)user, (void)rejected;
    return with_key(ctx, lock_sync_set_personal_key, "", "");
}

/* --- searching --- */

typedef struct found {
    size_t anywhere;
    size_t alive;   /* in a live block, or not on the heap */
    unsigned where; /* the owner of the last such block; 0: not on the heap */
} found;

static char *chunk; /* not searched itself */

static void look_at_place(found *f, uintptr_t at, bool on_heap)
{
    unsigned owner = alloc_owner_of((const void *)at);

    f->anywhere++;
    if (owner == 0 && on_heap)
        return;
    f->alive++;
    f->where = owner;
}

static void search_range(found *f, int memory, uintptr_t start, uintptr_t end, bool on_heap)
{
    for (uintptr_t at = start; at < end; at += CHUNK - SEEN_SIZE) {
        size_t size = end - at < CHUNK ? end - at : CHUNK;
        ssize_t n = at <= (uintptr_t)chunk + CHUNK && at + size >= (uintptr_t)chunk
                        ? 0
                        : pread(memory, chunk, size, (off_t)at);

        for (ssize_t i = 0; i + SEEN_SIZE <= n && i < CHUNK - SEEN_SIZE; i++)
            if (is_key_end(chunk + i))
                look_at_place(f, at + (uintptr_t)i, on_heap);
    }
}

/* Returns whether memory can be a heap, because it is of neither a file nor a stack: the break, and what libraries map
   for blocks. */
static bool is_heap(const char *line)
{
    return strstr(line, "[heap]") != NULL || (strchr(line, '/') == NULL && strchr(line, '[') == NULL);
}

static found search(void)
{
    found f = {0, 0, 0};
    FILE *maps = fopen("/proc/self/maps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    char line[512];

    MUST(maps != NULL && memory >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        char *rest;
        uintptr_t start = strtoul(line, &rest, 16);
        uintptr_t end = strtoul(rest + 1, &rest, 16);

        if (rest[1] == 'r' && strstr(line, "[v") == NULL)
            search_range(&f, memory, start, end, is_heap(line));
    }
    (void)fclose(maps);
    (void)close(memory);
    return f;
}

static void look_at_release(unsigned owner, const void *block, size_t size)
{
    leaks += owner == ALLOC_LOCKSYNC && has_key(block, size);
}

/* --- an application's transport --- */

static lock_sync_status perform(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    static const char body[] = "{\"result\":[{\"id\":1001}]}";
    size_t *calls = user;
    const char *value = lock_sync_request_header_value(q, 1);

    MUST(has_key(value, strlen(value)));
    if (++*calls == 1)
        return lock_sync_response_set_status(s, 401);
    (void)lock_sync_response_set_status(s, 200);
    return lock_sync_response_append_body(s, body, sizeof body - 1);
}

static void quiet(void *user, lock_sync_log_level level, const char *message)
{
    (void)user, (void)level;
    MUST(!(has_key(message, strlen(message))));
}

TEST(with_an_own_transport_the_key_is_nowhere)
{
    size_t calls = 0;
    lock_sync_transport transport = {.struct_size = sizeof transport, .user = &calls, .perform = perform};
    lock_sync_request *q;
    lock_sync_results *r;
    lock_sync_ctx *ctx;

    must(lock_sync_ctx_new(&ctx));
    must(lock_sync_set_logger(ctx, quiet, NULL));
    must(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_OFF));
    must(lock_sync_set_transport(ctx, &transport));
    must(with_key(ctx, lock_sync_set_access_token, "", ""));
    MUST(search().anywhere > 0); /* the search finds a key that exists */
    must(with_key(ctx, lock_sync_set_access_token, "an-other-", ""));
    must(lock_sync_set_token_provider(ctx, give_key, NULL));
    must(lock_sync_fetch(ctx, NULL, 0, &r)); /* a 401, then a request with the provider's key */
    MUST_INT(calls, 2);
    lock_sync_results_free(r);
    must(lock_sync_fetch_one(ctx, 1001, &r) == LOCK_SYNC_E_MALFORMED ? LOCK_SYNC_OK : LOCK_SYNC_E_API);
    must(with_key(ctx, lock_sync_set_proxy, "http://joe:", "@proxy.test:3128"));
    MUST_INT(with_key(ctx, lock_sync_set_personal_key, "", " \n"), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(with_key(ctx, lock_sync_set_proxy, "http://joe:", "@proxy:0"), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(with_key(ctx, lock_sync_set_base_url, "https://joe:", "@host"), LOCK_SYNC_E_INVALID_ARGUMENT);
    must(lock_sync_request_build(ctx, NULL, 0, &q));
    lock_sync_request_free(q);
    lock_sync_ctx_free(ctx);
    MUST_INT(search().anywhere, 0);
}

/* --- libcurl --- */

static lock_sync_ctx *ctx_for(const char *url)
{
    lock_sync_ctx *ctx;

    must(lock_sync_ctx_new(&ctx));
    must(lock_sync_set_logger(ctx, quiet, NULL));
    must(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_OFF));
    must(lock_sync_set_base_url(ctx, url));
    must(lock_sync_set_ca_file(ctx, pems->ca));
    must(with_key(ctx, lock_sync_set_personal_key, "", ""));
    return ctx;
}

static void fetch_twice(lock_sync_ctx *ctx)
{
    lock_sync_results *r;

    for (int i = 0; i < 2; i++) {
        must(lock_sync_fetch(ctx, NULL, 0, &r));
        lock_sync_results_free(r);
    }
}

static void check_gone(const char *name)
{
    found f = search();

    print_message("%s: %zu copies in blocks that other libraries freed\n", name, f.anywhere - f.alive);
    if (curl_has_gnutls() && f.where == 0) /* GnuTLS may leave a copy outside of the heap, of an unknown owner */
        f.alive = 0;
    if (f.alive > 0)
        fail_msg("%s: %zu copies, the last in a block of owner %u", name, f.alive, f.where);
    MUST_INT(leaks, 0);
}

TEST(with_libcurl_the_key_is_in_no_live_block_and_none_of_the_library)
{
    for (size_t i = 0; i < COUNT_OF(urls) && urls[i] != NULL; i++) {
        lock_sync_ctx *ctx = ctx_for(urls[i]);

        fetch_twice(ctx);
        lock_sync_ctx_free(ctx);
        check_gone(urls[i]);
    }
}

static void note(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    (void)ctx;
    *(lock_sync_status *)user = status;
    lock_sync_results_free(results);
}

static lock_sync_status fetch_in_pool(lock_sync_pool *p, lock_sync_ctx *ctx)
{
    lock_sync_status status = LOCK_SYNC_E_BUSY;

    must(lock_sync_pool_submit(p, ctx, NULL, 0, note, &status));
    while (lock_sync_pool_pending(p) > 0)
        must(lock_sync_pool_wait(p, -1));
    return status;
}

/* The pool outlives the context: its buffers and transfers have no copy either. */
TEST(the_key_is_in_no_block_of_a_pool_that_stays)
{
    for (size_t i = 0; i < COUNT_OF(urls) && urls[i] != NULL; i++) {
        lock_sync_ctx *ctx = ctx_for(urls[i]);
        lock_sync_pool *p;

        must(lock_sync_pool_new(&p));
        must(fetch_in_pool(p, ctx));
        lock_sync_ctx_free(ctx);
        check_gone(urls[i]);
        lock_sync_pool_free(p);
        check_gone("the pool freed");
    }
}

/* Each ends at another point: in the header, in the body, in the decoder, at the deadline. */
TEST(the_key_is_in_no_block_after_failed_fetches)
{
    static const char *const faults[] = {"401",      "403",           "429",      "500",       "html",
                                         "bad-json", "success-false", "redirect", "truncated", "reset",
                                         "huge",     "gzip-bomb",     "slow"};
    lock_sync_pool *p;

    must(lock_sync_pool_new(&p));
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        lock_sync_ctx *ctx = ctx_for(urls[0]);
        lock_sync_status status = LOCK_SYNC_OK;
        lock_sync_results *r;

        sim_fault(http, faults[i], 1);
        must(lock_sync_set_timeout_ms(ctx, 250 * kit_slack()));
        MUST(lock_sync_fetch(ctx, NULL, 0, &r) != LOCK_SYNC_OK);
        MUST(fetch_in_pool(p, ctx) != LOCK_SYNC_OK);
        must(lock_sync_pool_submit(p, ctx, NULL, 0, note, &status));
        must(lock_sync_pool_dispatch(p));
        lock_sync_ctx_free(ctx); /* during the fetch, unless it has ended */
        MUST(status != LOCK_SYNC_OK);
        sim_fault(http, faults[i], 0);
        check_gone(faults[i]);
    }
    lock_sync_pool_free(p);
    check_gone("the pool freed");
}

static void make_secure_servers(void)
{
    const char *const options[] = {"--static", "--any-key", "--tls-cert", pems->good, "--tls-key", pems->key, NULL};
    const nginx_setup setup = {.cert = pems->good, .key = pems->key, .body = "{\"result\":[{\"id\":1001}]}"};

    https = sim_start(options);
    http2 = nginx_exists() ? nginx_start(&setup) : NULL;
}

static int begin(void **user)
{
    static const char *const options[] = {"--static", "--any-key", NULL};

    (void)user;
    chunk = malloc(CHUNK);
    MUST(chunk != NULL);
    (void)pems_make(NULL);
    http = sim_start(options);
    make_secure_servers();
    urls[0] = sim_url(http);
    urls[1] = sim_url(https);
    urls[2] = http2 == NULL ? NULL : nginx_url(http2);
    alloc_know(~0U);
    alloc_on_release(look_at_release);
    return 0;
}

static int end(void **user)
{
    (void)user;
    alloc_on_release(NULL);
    sim_stop(http, NULL);
    sim_stop(https, NULL);
    nginx_stop(http2);
    (void)pems_free(NULL);
    free(chunk);
    return 0;
}

int main(void)
{
    return t_run_all_in(begin, end);
}
