/* The pages of a directory. One page alone must agree with the decoder of states; all pages together are one directory,
   in which each lock is as in the last page that has it.

   Input: a digit n > 0 for a heap whose n-th allocation fails in a second run; then the bodies of the pages, with the
   byte 1 between them, which JSON does not allow. */
#include "fuzz.h"

#include "../support/t_heap.h"
#include "wire/decode.h"
#include "wire/directory.h"
#include "wire/request.h"

#include <stdlib.h>
#include <string.h>

#define RECEIVED_AT_MS 1700000000000
#define PAGE_END 1
#define PAGES_MAX 4

static const fuzz_selection all_asked = {.n = 0};

typedef struct page {
    char *body; /* exactly as large as needed, so that a read beyond its NUL is noticed */
    size_t size;
    lock_sync_directory *alone; /* NULL: it is bad */
} page;

typedef struct input {
    t_heap heap;
    lock_sync_allocator memory;
    lock_sync_ctx *ctx;
    page pages[PAGES_MAX];
    size_t count;
} input;

/* --- one page --- */

static lock_sync_response *respond(const input *x, const page *p)
{
    lock_sync_response *s;

    FUZZ_CHECK(lock_sync_response_new(x->ctx, &s) == LOCK_SYNC_OK);
    FUZZ_CHECK(lock_sync_response_set_status(s, 200) == LOCK_SYNC_OK);
    FUZZ_CHECK(lock_sync_response_set_received_at_ms(s, RECEIVED_AT_MS) == LOCK_SYNC_OK);
    FUZZ_CHECK(lock_sync_response_append_body(s, p->body, p->size) == LOCK_SYNC_OK);
    return s;
}

static void check_text(const char *text)
{
    FUZZ_CHECK(text == NULL || fuzz_is_utf8(text)); /* reads to its NUL */
}

static void check_info(const lock_sync_directory *d, const lock_sync_lock_info *info)
{
    const lock_sync_lock_info *first = NULL;

    FUZZ_CHECK(info->id > 0 && info->bridge_id >= 0 && info->organization_id >= 0);
    FUZZ_CHECK(info->type >= 0 && info->access_level >= -1);
    check_text(info->name);
    check_text(info->serial_number);
    check_text(info->time_zone);
    FUZZ_CHECK(lock_sync_directory_find(d, info->id) == info); /* so each id occurs once */
    FUZZ_CHECK((lock_sync_directory_find_name(d, info->name, &first) > 0) == (info->name != NULL));
    FUZZ_CHECK(info->name == NULL || (first != NULL && strcmp(first->name, info->name) == 0));
    first = lock_sync_directory_find_serial(d, info->serial_number);
    FUZZ_CHECK((first != NULL) == (info->serial_number != NULL));
    FUZZ_CHECK(first == NULL || strcmp(first->serial_number, info->serial_number) == 0);
}

static void check_directory(const lock_sync_directory *d)
{
    const lock_sync_results *r = lock_sync_directory_results(d);
    size_t n = lock_sync_directory_count(d);

    FUZZ_CHECK(lock_sync_results_count(r) == n);
    FUZZ_CHECK(lock_sync_directory_at(d, n) == NULL && lock_sync_directory_find(d, 0) == NULL);
    FUZZ_CHECK(lock_sync_directory_fetched_at_ms(d) == RECEIVED_AT_MS);
    fuzz_check_results(r, &all_asked);
    for (size_t i = 0; i < n; i++) {
        check_info(d, lock_sync_directory_at(d, i));
        FUZZ_CHECK(lock_sync_results_at(r, i)->id == lock_sync_directory_at(d, i)->id);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Returns whether a lock is the same in two directories. */
static bool same_lock(const lock_sync_directory *a, const lock_sync_directory *b, int64_t id)
{
    const lock_sync_lock_info *x = lock_sync_directory_find(a, id), *y = lock_sync_directory_find(b, id);

    return x != NULL && y != NULL && same_text(x->name, y->name) && same_text(x->serial_number, y->serial_number) &&
           same_text(x->time_zone, y->time_zone) && x->bridge_id == y->bridge_id &&
           x->organization_id == y->organization_id && x->type == y->type && x->access_level == y->access_level &&
           memcmp(lock_sync_results_find(lock_sync_directory_results(a), id),
                  lock_sync_results_find(lock_sync_directory_results(b), id), sizeof(lock_sync_lock)) == 0;
}

/* Decodes the same body as the states of all locks: a directory is as strict, and rejects two names of a lock too. */
static void check_states(const input *x, const lock_sync_response *s, lock_sync_status status,
                         const lock_sync_directory *d)
{
    lock_sync_request *q;
    lock_sync_results *r;
    lock_sync_status states;

    FUZZ_CHECK(lock_sync_request_build(x->ctx, NULL, 0, &q) == LOCK_SYNC_OK);
    states = lock_sync_response_decode(x->ctx, q, s, &r);
    FUZZ_CHECK(status == states || (status == LOCK_SYNC_E_MALFORMED && states == LOCK_SYNC_OK));
    FUZZ_CHECK(lock_sync_directory_count(d) == (d == NULL ? 0 : lock_sync_results_count(r)));
    for (size_t i = 0; i < lock_sync_directory_count(d); i++) {
        const lock_sync_lock *lock = lock_sync_results_at(r, i);

        FUZZ_CHECK(memcmp(lock_sync_results_find(lock_sync_directory_results(d), lock->id), lock, sizeof *lock) == 0);
    }
    lock_sync_results_free(r);
    lock_sync_request_free(q);
}

/* Checks that if one allocation fails, the outcome is the same, or E_NO_MEMORY. */
static void check_shortage(input *x, size_t fail_in, const lock_sync_request *q, const lock_sync_response *s,
                           lock_sync_status want)
{
    lock_sync_directory *d;
    lock_sync_status status;

    x->heap.fail_at = x->heap.requests + fail_in;
    status = lock_sync_response_decode_directory(x->ctx, q, s, &d);
    x->heap.fail_at = 0;
    FUZZ_CHECK(status == want || status == LOCK_SYNC_E_NO_MEMORY);
    FUZZ_CHECK((status == LOCK_SYNC_OK) == (d != NULL));
    if (d != NULL)
        check_directory(d);
    lock_sync_directory_free(d);
}

static void check_page(input *x, page *p, size_t fail_in)
{
    lock_sync_request *q;
    lock_sync_response *s = respond(x, p);
    lock_sync_status status;

    FUZZ_CHECK(lock_sync_request_build_directory(x->ctx, 1, &q) == LOCK_SYNC_OK);
    status = lock_sync_response_decode_directory(x->ctx, q, s, &p->alone);
    FUZZ_CHECK(status != LOCK_SYNC_E_NO_MEMORY);
    FUZZ_CHECK((status == LOCK_SYNC_OK) == (p->alone != NULL));
    FUZZ_CHECK(lock_sync_error_status(lock_sync_last_error(x->ctx)) == status);
    if (p->alone != NULL)
        check_directory(p->alone);
    check_states(x, s, status, p->alone);
    if (fail_in > 0)
        check_shortage(x, fail_in, q, s, status);
    lock_sync_response_free(s);
    lock_sync_request_free(q);
}

/* --- all pages --- */

/* Adds the pages to a directory, up to a bad one. Returns whether all are good. */
static bool add_pages(const input *x, lock_sync_directory *d)
{
    bool good = true;

    for (size_t i = 0; good && i < x->count; i++) {
        const page *p = &x->pages[i];
        lock_sync_response *s = respond(x, p);
        lock_sync_request *q;
        lock_sync_error error;

        lsync_error_init(&error, &x->memory);
        FUZZ_CHECK(lock_sync_request_build_directory(x->ctx, (uint32_t)i + 1, &q) == LOCK_SYNC_OK);
        good = lsync_directory_add(d, &(lsync_decoding){&x->memory, q, s, &error}) == LOCK_SYNC_OK;
        FUZZ_CHECK(good == (p->alone != NULL)); /* other pages make none good or bad */
        FUZZ_CHECK(!good || lock_sync_directory_has_more(d) || lock_sync_directory_count(p->alone) != LSYNC_PAGE_LOCKS);
        lsync_error_clear(&error);
        lock_sync_response_free(s);
        lock_sync_request_free(q);
    }
    return good;
}

/* Returns the last page that has a lock. */
static const lock_sync_directory *last_with(const input *x, int64_t id)
{
    size_t i = x->count;

    while (i > 0 && lock_sync_directory_find(x->pages[i - 1].alone, id) == NULL)
        i--;
    return i == 0 ? NULL : x->pages[i - 1].alone;
}

static void check_all_pages(const input *x)
{
    lock_sync_directory *d = lsync_directory_new(&x->memory);

    FUZZ_CHECK(d != NULL);
    if (add_pages(x, d)) {
        FUZZ_CHECK(lsync_directory_finish(d, RECEIVED_AT_MS) == LOCK_SYNC_OK);
        check_directory(d);
        for (size_t i = 0; i < lock_sync_directory_count(d); i++) {
            int64_t id = lock_sync_directory_at(d, i)->id;

            FUZZ_CHECK(same_lock(d, last_with(x, id), id));
        }
        for (size_t i = 0; i < x->count; i++)
            for (size_t k = 0; k < lock_sync_directory_count(x->pages[i].alone); k++)
                FUZZ_CHECK(lock_sync_directory_find(d, lock_sync_directory_at(x->pages[i].alone, k)->id) != NULL);
    }
    lock_sync_directory_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    uint8_t digit = fuzz_byte(&in);
    size_t fail_in = digit >= '1' && digit <= '9' ? digit - (size_t)'0' : 0;
    input x = {.count = 0};

    x.memory = t_heap_allocator(&x.heap);
    FUZZ_CHECK(lock_sync_ctx_new_with_allocator(&x.memory, &x.ctx) == LOCK_SYNC_OK);
    FUZZ_CHECK(lock_sync_set_personal_key(x.ctx, "sEcReT-4711") == LOCK_SYNC_OK);
    do {
        page *p = &x.pages[x.count++];

        p->body = fuzz_text_to(&in, PAGE_END, &p->size);
        check_page(&x, p, fail_in);
    } while (in.left > 0 && x.count < PAGES_MAX);
    check_all_pages(&x);
    for (size_t i = 0; i < x.count; i++) {
        lock_sync_directory_free(x.pages[i].alone);
        free(x.pages[i].body);
    }
    lock_sync_ctx_free(x.ctx);
    FUZZ_CHECK(x.heap.blocks == 0);
    return 0;
}
