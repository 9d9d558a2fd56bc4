/* Structs that an application fills begin with their size. A struct of an older header is shorter. The library
   accepts it and does not read beyond its end. Each struct is in a block of exactly its size, so that a memory
   checker finds such a read. */
#include "../support/fake.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEWER 64 /* bytes that a newer header may have appended */

static lock_sync_status perform(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)q, (void)s;
    return LOCK_SYNC_E_CONNECT;
}

static lock_sync_status load(void *user, void *record, size_t *size, int64_t *now_ms)
{
    (void)user, (void)record;
    *size = 0;
    *now_ms = 1;
    return LOCK_SYNC_OK;
}

static lock_sync_status replace(void *user, const void *old_record, size_t old_size, const void *new_record,
                                size_t new_size, bool *replaced)
{
    (void)user, (void)old_record, (void)old_size, (void)new_record, (void)new_size;
    *replaced = true;
    return LOCK_SYNC_OK;
}

/* Each function passes the struct to the library and uses it. */

static lock_sync_status take_transport(const void *given)
{
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_status status = lock_sync_set_transport(ctx, given);
    lock_sync_results *r;

    t_guard_off(ctx);
    if (status == LOCK_SYNC_OK)
        CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_CONNECT);
    lock_sync_ctx_free(ctx);
    return status;
}

static lock_sync_status take_store(const void *given)
{
    lock_sync_guard *g;
    lock_sync_status status = lock_sync_guard_new_with_store(given, &g);

    if (status == LOCK_SYNC_OK)
        CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    lock_sync_guard_unref(g);
    return status;
}

/* --- a channel, which only a pool would use --- */

static lock_sync_status open_channel(void *user, void **channel)
{
    (void)user, (void)channel;
    return LOCK_SYNC_E_NO_MEMORY;
}

static void use(void *channel)
{
    (void)channel;
}

static void begin(void *channel, lock_sync_guard_swap *swap)
{
    (void)channel, (void)swap;
}

static void proceed(void *channel, bool readable, bool writable, int64_t now_us)
{
    (void)channel, (void)readable, (void)writable, (void)now_us;
}

static int fd_of(void *channel)
{
    (void)channel;
    return -1;
}

static uint32_t wants(void *channel, int64_t now_us, int64_t *due_us)
{
    (void)channel, (void)now_us, (void)due_us;
    return 0;
}

static lock_sync_status take_channel(const void *given)
{
    const lock_sync_guard_store store = {
        .struct_size = sizeof store, .load = load, .replace = replace, .channel_ops = given};

    return take_store(&store);
}

static lock_sync_status take_allocator(const void *given)
{
    lock_sync_ctx *ctx;
    lock_sync_status status = lock_sync_ctx_new_with_allocator(given, &ctx);

    if (status == LOCK_SYNC_OK)
        CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
    lock_sync_ctx_free(ctx);
    return status;
}

/* `shortest`: the size in 0.1.0 without optional members. */
typedef struct shape {
    const char *name;
    const void *whole;
    size_t shortest;
    size_t size;
    lock_sync_status (*take)(const void *given);
} shape;

static void check_size(const shape *s, size_t size, lock_sync_status want)
{
    unsigned char *block = malloc(size);

    MUST(block != NULL);
    memset(block, 0x5a, size); /* the library ignores the members of a longer struct */
    memcpy(block, s->whole, size < s->size ? size : s->size);
    memcpy(block, &size, sizeof size);
    t_row("%s of %zu bytes", s->name, size);
    CHECK_INT(s->take(block), want);
    free(block);
}

/* Counts the structs in the public headers that begin with their size. */
static size_t shapes_in_headers(void)
{
    glob_t headers;
    size_t count = 0;

    MUST_INT(glob(T_SOURCE_ROOT "/include/locksync/*.h", 0, NULL, &headers), 0);
    for (size_t i = 0; i < headers.gl_pathc; i++) {
        FILE *file = fopen(headers.gl_pathv[i], "re");
        char line[400];

        MUST(file != NULL);
        while (fgets(line, sizeof line, file) != NULL)
            count += strstr(line, "size_t struct_size;") != NULL && strstr(line, "sizeof(lock_sync") != NULL &&
                     strstr(line, "in the application's build") != NULL; /* the library fills the others */
        (void)fclose(file);
    }
    globfree(&headers);
    return count;
}

TEST(a_struct_of_an_older_header_is_accepted)
{
    t_heap heap = {0};
    const lock_sync_transport transport = {.perform = perform};
    const lock_sync_guard_store store = {.load = load, .replace = replace};
    const lock_sync_guard_channel_ops channel = {.open = open_channel,
                                                 .connect = use,
                                                 .begin = begin,
                                                 .proceed = proceed,
                                                 .fd = fd_of,
                                                 .wants = wants,
                                                 .close = use};
    const lock_sync_allocator allocator = t_heap_allocator(&heap);
    const shape shapes[] = {
        {"transport", &transport, offsetof(lock_sync_transport, cancel), sizeof transport, take_transport},
        {"store", &store, offsetof(lock_sync_guard_store, destroy), sizeof store, take_store},
        {"channel", &channel, sizeof channel, sizeof channel, take_channel},           /* all members are required */
        {"allocator", &allocator, sizeof allocator, sizeof allocator, take_allocator}, /* here too */
    };

    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        check_size(&shapes[i], sizeof(size_t), LOCK_SYNC_E_INVALID_ARGUMENT);
        check_size(&shapes[i], shapes[i].shortest - 1, LOCK_SYNC_E_INVALID_ARGUMENT);
        for (size_t size = shapes[i].shortest; size <= shapes[i].size + NEWER; size += sizeof(void *))
            check_size(&shapes[i], size, LOCK_SYNC_OK);
    }
    CHECK_INT(COUNT_OF(shapes), shapes_in_headers());
    t_heap_check_empty(&heap);
}
