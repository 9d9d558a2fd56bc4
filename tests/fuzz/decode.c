/* The direct decoder, the full one, and both combined on one body. If the direct one accepts a body, its results must
   be the full one's.

   Input: a letter for the requested locks (see fuzz_ask), a capital for results of all locks; a digit n > 0 for a
   heap whose n-th allocation fails in a second run; the body. */
#include "decode_tree.h"
#include "fuzz.h"

#include "../support/t_heap.h"
#include "base/memory.h"
#include "wire/decode_direct.h"

#include <stdlib.h>
#include <string.h>

#define RECEIVED_AT_MS 1700000000000

static const lsync_scope all_locks = {NULL, NULL, 0};
static const fuzz_selection all_asked = {.n = 0};

typedef struct outcome {
    lock_sync_status status;
    lock_sync_error error;
    lock_sync_results *r;
} outcome;

typedef lock_sync_status (*decoder)(const lock_sync_allocator *memory, const lock_sync_request *q,
                                    const lock_sync_response *s, const lsync_scope *scope, lock_sync_error *error,
                                    lock_sync_results **out);

static void run(decoder decode, const lock_sync_allocator *memory, const lock_sync_request *q,
                const lock_sync_response *s, const lsync_scope *scope, outcome *o)
{
    lsync_error_init(&o->error, memory);
    o->r = NULL;
    o->status = decode(memory, q, s, scope, &o->error, &o->r);
    FUZZ_CHECK((o->status == LOCK_SYNC_OK) == (o->r != NULL));
    FUZZ_CHECK(o->error.status == o->status);
}

static void end(outcome *o)
{
    lock_sync_results_free(o->r);
    lsync_error_clear(&o->error);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_outcome(const outcome *a, const outcome *b)
{
    bool same = a->status == b->status && fuzz_same_results(a->r, b->r) &&
                a->error.http_status == b->error.http_status && a->error.retry_after_ms == b->error.retry_after_ms &&
                a->error.byte_offset == b->error.byte_offset && same_text(a->error.message, b->error.message) &&
                a->error.api_message_count == b->error.api_message_count;

    for (size_t i = 0; same && i < a->error.api_message_count; i++)
        same = same_text(a->error.api_messages[i], b->error.api_messages[i]);
    return same;
}

/* Returns whether the message contains an offset, like that of invalid JSON. Others do not, like that of a bad
   record. */
static bool has_place(const outcome *o)
{
    return o->status == LOCK_SYNC_E_MALFORMED && strstr(o->error.message, ", at byte ") != NULL;
}

static void check_place(const outcome *o, const char *body, size_t size)
{
    int64_t offset = o->error.byte_offset;
    const char *nul = size == 0 ? NULL : memchr(body, '\0', size);

    FUZZ_CHECK(has_place(o) ? offset >= 0 && (size_t)offset <= size : offset == -1);
    FUZZ_CHECK(nul == NULL || (o->status == LOCK_SYNC_E_MALFORMED && offset == nul - body));
    FUZZ_CHECK(size != 0 || offset == 0);
}

/* Checks that if one allocation fails, the outcome is the same, or E_NO_MEMORY. */
static void check_shortage(t_heap *heap, size_t fail_in, const lock_sync_allocator *memory, const lock_sync_request *q,
                           const lock_sync_response *s, const lsync_scope *scope, const outcome *full)
{
    size_t blocks = heap->blocks;
    outcome o;

    heap->fail_at = heap->requests + fail_in;
    run(lsync_decode, memory, q, s, scope, &o);
    heap->fail_at = 0;
    FUZZ_CHECK(o.status == full->status || o.status == LOCK_SYNC_E_NO_MEMORY);
    FUZZ_CHECK(o.status != LOCK_SYNC_OK || fuzz_same_results(o.r, full->r));
    end(&o);
    FUZZ_CHECK(heap->blocks == blocks);
}

static void compare(t_heap *heap, const lock_sync_allocator *memory, const lock_sync_request *q,
                    const lock_sync_response *s, const fuzz_selection *selection, bool wide, size_t fail_in)
{
    const lsync_scope *scope = wide ? &all_locks : &q->scope;
    size_t blocks = heap->blocks;
    lock_sync_results *direct = lsync_decode_direct(memory, q, s, scope);
    outcome tree;
    outcome full;

    FUZZ_CHECK(heap->blocks == blocks + (direct != NULL));
    run(fuzz_decode_tree, memory, q, s, scope, &tree);
    run(lsync_decode, memory, q, s, scope, &full);
    FUZZ_CHECK(tree.status != LOCK_SYNC_E_NO_MEMORY);
    FUZZ_CHECK(direct == NULL || tree.status == LOCK_SYNC_OK);
    FUZZ_CHECK(direct == NULL || fuzz_same_results(direct, tree.r));
    FUZZ_CHECK(same_outcome(&tree, &full));
    check_place(&full, s->body.data, s->body.size);
    if (full.r != NULL) {
        fuzz_check_results(full.r, wide ? &all_asked : selection);
        FUZZ_CHECK(lock_sync_results_fetched_at_ms(full.r) == RECEIVED_AT_MS);
    }
    if (direct != NULL)
        fuzz_check_results(direct, wide ? &all_asked : selection);
    if (fail_in > 0)
        check_shortage(heap, fail_in, memory, q, s, scope, &full);
    end(&tree);
    end(&full);
    lock_sync_results_free(direct);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    uint8_t letter = fuzz_byte(&in);
    uint8_t digit = fuzz_byte(&in);
    t_heap heap = {0};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    fuzz_selection selection;
    lock_sync_request *q;
    lock_sync_response s;

    lsync_response_init(&s, &memory, SIZE_MAX / 2, RECEIVED_AT_MS);
    s.http_status = 200;
    if (in.left > 0) { /* exactly as large as needed, so that a read beyond its NUL is noticed */
        s.body.data = lsync_alloc(&memory, in.left + 1);
        s.body.capacity = in.left + 1;
        s.body.size = in.left;
        memcpy(s.body.data, in.at, in.left);
        s.body.data[in.left] = '\0';
    }
    fuzz_ask(letter, s.body.data, s.body.size, &selection);
    q = lsync_request_new(&memory, &(lsync_request_spec){
                                       .base_url = "https://api.example",
                                       .api_version = "v37",
                                       .authorization = "PersonalKey sEcReT-4711",
                                       .user_agent = "fuzz",
                                       .query = {.ids = selection.ids, .n = selection.n, .single = selection.single},
                                       .timeout_ms = 1000,
                                       .connect_timeout_ms = 1000,
                                   });
    compare(&heap, &memory, q, &s, &selection, letter >= 'A' && letter <= 'Z' && !selection.single,
            digit >= '1' && digit <= '9' ? digit - '0' : 0);
    lock_sync_request_free(q);
    lsync_response_release(&s);
    FUZZ_CHECK(heap.blocks == 0);
    return 0;
}
