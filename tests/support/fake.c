/* Stand-ins for what a host plugs in; see fake.h. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_include)
#  if __has_include(<valgrind/memcheck.h>)
#    include <valgrind/memcheck.h>
#  endif
#endif
#ifndef VALGRIND_MAKE_MEM_DEFINED
#  define VALGRIND_MAKE_MEM_DEFINED(block, size) 0
#endif

/* --- transport --- */

static void note_request(t_fake *fake, const lock_sync_request *q)
{
    if (fake->performed >= T_FAKE_STEPS)
        return;
    (void)snprintf(fake->url[fake->performed], sizeof fake->url[0], "%s", lock_sync_request_url(q));
    for (size_t i = 0; i < lock_sync_request_header_count(q); i++)
        if (strcmp(lock_sync_request_header_name(q, i), "Authorization") == 0)
            (void)snprintf(fake->authorization[fake->performed], sizeof fake->authorization[0], "%s",
                           lock_sync_request_header_value(q, i));
}

static lock_sync_status fake_perform(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    t_fake *fake = user;
    const t_step *step = &fake->steps[fake->performed < fake->step_count ? fake->performed : fake->step_count - 1];

    note_request(fake, q);
    fake->performed++;
    if (step->hook != NULL)
        step->hook(fake->user, q, s);
    if (step->http != 0)
        CHECK_OK(lock_sync_response_set_status(s, step->http));
    for (size_t i = 0; step->headers[i] != NULL; i += 2)
        CHECK_OK(lock_sync_response_add_header(s, step->headers[i], step->headers[i + 1]));
    if (step->body != NULL)
        (void)lock_sync_response_append_body(s, step->body, step->size > 0 ? step->size : strlen(step->body));
    return step->returns;
}

static void fake_destroy(void *user)
{
    t_fake *fake = user;

    fake->destroyed++;
}

lock_sync_transport t_fake_transport(t_fake *fake)
{
    return (lock_sync_transport){sizeof(lock_sync_transport), fake, fake_perform, NULL, fake_destroy};
}

void t_guard_off(lock_sync_ctx *ctx)
{
    MUST_OK(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_OFF));
}

void t_fake_use(lock_sync_ctx *ctx, t_fake *fake)
{
    lock_sync_transport transport = t_fake_transport(fake);

    t_guard_off(ctx);
    MUST_OK(lock_sync_set_transport(ctx, &transport));
}

lock_sync_status t_fetch_status(lock_sync_ctx *ctx)
{
    lock_sync_results *r;
    lock_sync_status status = lock_sync_fetch(ctx, NULL, 0, &r);

    CHECK((r != NULL) == (status == LOCK_SYNC_OK));
    lock_sync_results_free(r);
    return status;
}

/* --- heap --- */

/* Before each block; keeps the block aligned for everything. */
typedef union head {
    size_t size;
    max_align_t align;
} head;

static bool has(const unsigned char *block, size_t size, const char *text)
{
    size_t n = strlen(text);

    (void)VALGRIND_MAKE_MEM_DEFINED(block, size); /* padding is looked at, too */
    for (size_t i = 0; i + n <= size; i++)
        if (memcmp(block + i, text, n) == 0)
            return true;
    return false;
}

static void *heap_allocate(void *user, size_t size)
{
    t_heap *heap = user;
    head *block;

    heap->requests++;
    if (size == 0)
        heap->misuses++;
    if (heap->requests == heap->fail_at || (heap->goes_on && heap->fail_at > 0 && heap->requests > heap->fail_at)) {
        heap->refused++;
        return NULL;
    }
    block = malloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    memset(block + 1, 0xa5, size); /* nobody may count on zeros */
    block->size = size;
    heap->blocks++;
    heap->bytes += size;
    return block + 1;
}

static void heap_release(void *user, void *memory)
{
    t_heap *heap = user;
    head *block = memory;

    if (memory == NULL) {
        heap->misuses++;
        return;
    }
    block--;
    if (heap->secret != NULL && has(memory, block->size, heap->secret))
        heap->leaked_secrets++;
    heap->blocks--;
    heap->bytes -= block->size;
    memset(memory, 0x5a, block->size);
    free(block);
}

/* Always moves, so that a kept pointer into the old block is seen. */
static void *heap_reallocate(void *user, void *memory, size_t size)
{
    t_heap *heap = user;
    head *old = memory;
    void *moved = heap_allocate(user, size);

    if (memory == NULL) {
        heap->misuses++;
        return moved;
    }
    if (moved == NULL)
        return NULL;
    old--;
    memcpy(moved, memory, old->size < size ? old->size : size);
    heap_release(user, memory);
    return moved;
}

lock_sync_allocator t_heap_allocator(t_heap *heap)
{
    return (lock_sync_allocator){sizeof(lock_sync_allocator), heap, heap_allocate, heap_reallocate, heap_release};
}

void t_heap_fail_in(t_heap *heap, size_t n)
{
    heap->fail_at = heap->requests + 1 + n;
}

void t_heap_check_empty(const t_heap *heap)
{
    CHECK_INT(heap->blocks, 0);
    CHECK_INT(heap->bytes, 0);
    CHECK_INT(heap->misuses, 0);
    CHECK_INT(heap->leaked_secrets, 0);
}

/* --- logger --- */

void t_log_line(void *user, lock_sync_log_level level, const char *message)
{
    t_log *log = user;
    size_t size = strlen(log->text);

    log->lines++;
    log->last_level = level;
    CHECK(strpbrk(message, "\r\n") == NULL);
    (void)snprintf(log->text + size, sizeof log->text - size, "%s\n", message);
}
