/* The shared parts of the fuzz targets; see fuzz.h. */
#include "fuzz.h"
#include "wire/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void fuzz_fail(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    abort();
}

/* --- input --- */

uint8_t fuzz_byte(fuzz_input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

uint64_t fuzz_number(fuzz_input *in, int bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)fuzz_byte(in) << (8 * i);
    return value;
}

char *fuzz_text_to(fuzz_input *in, uint8_t end, size_t *size)
{
    const uint8_t *found = in->left == 0 ? NULL : memchr(in->at, end, in->left);
    char *copy;

    *size = found == NULL ? in->left : (size_t)(found - in->at);
    copy = malloc(*size + 1);
    if (copy == NULL)
        abort();
    if (*size > 0)
        memcpy(copy, in->at, *size);
    copy[*size] = '\0';
    in->at += *size + (found != NULL);
    in->left -= *size + (found != NULL);
    return copy;
}

/* --- texts --- */

bool fuzz_is_utf8(const char *text)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000}; /* by the number of bytes that follow */
    const unsigned char *c = (const unsigned char *)text;

    while (*c != '\0') {
        size_t more = *c < 0x80 ? 0 : *c >= 0xf0 ? 3 : *c >= 0xe0 ? 2 : 1;
        uint32_t code = more == 0 ? *c : *c & (0x3fu >> more);

        if ((*c >= 0x80 && *c < 0xc0) || *c >= 0xf8)
            return false;
        c++;
        for (size_t i = 0; i < more; i++, c++) {
            if ((*c & 0xc0) != 0x80)
                return false;
            code = code << 6 | (*c & 0x3fu);
        }
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return false;
    }
    return true;
}

/* --- requested ids --- */

/* Collects the numbers > 0 in a body, up to `max`. */
static size_t numbers_of(const char *body, size_t size, int64_t *ids, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < size && n < max; i++) {
        int64_t sum = 0;

        for (; i < size && body[i] >= '0' && body[i] <= '9' && sum < INT64_MAX / 10 - 9; i++)
            sum = sum * 10 + (body[i] - '0');
        if (sum > 0)
            ids[n++] = sum;
    }
    return n;
}

void fuzz_ask(uint8_t letter, const char *body, size_t size, fuzz_selection *out)
{
    static const int64_t three[] = {12, 7, 99};
    int kind = letter % 8;

    memset(out, 0, sizeof *out);
    switch (kind) { /* 'a' is 1 */
    case 2:
    case 6: out->ids[out->n++] = 7; break;
    case 3:
        memcpy(out->ids, three, sizeof three);
        out->n = 3;
        break;
    case 4:
        for (; out->n < FUZZ_IDS_MAX; out->n++)
            out->ids[out->n] = (int64_t)out->n + 1;
        break;
    case 5: out->n = numbers_of(body, size, out->ids, FUZZ_IDS_MAX); break;
    case 7: out->n = numbers_of(body, size, out->ids, 1); break;
    case 0:
        for (; out->n < FUZZ_IDS_MAX; out->n++)
            out->ids[out->n] = 1 + (int64_t)(out->n * 61 % 150);
        break;
    default: break;
    }
    out->single = out->n > 0 && (kind == 6 || kind == 7);
}

static bool is_asked(const fuzz_selection *selection, size_t upto, int64_t id)
{
    for (size_t i = 0; i < upto; i++)
        if (selection->ids[i] == id)
            return true;
    return false;
}

void fuzz_check_results(const lock_sync_results *r, const fuzz_selection *selection)
{
    size_t n = lock_sync_results_count(r);
    size_t missing = 0;

    for (size_t i = 0; i < n; i++) {
        const lock_sync_lock *lock = lock_sync_results_at(r, i);

        FUZZ_CHECK(lock != NULL && lock->id > 0);
        FUZZ_CHECK(lock_sync_results_find(r, lock->id) == lock); /* so each id occurs once */
        FUZZ_CHECK(selection->n == 0 || is_asked(selection, selection->n, lock->id));
        FUZZ_CHECK(lock->battery_level >= 0 && lock->battery_level <= 100);
        FUZZ_CHECK((lock->fields & ~511u) == 0);
        FUZZ_CHECK((lock->fields & LOCK_SYNC_FIELD_STATE) != 0 || lock->state == 0);
        FUZZ_CHECK((lock->fields & LOCK_SYNC_FIELD_LAST_STATE_CHANGED) != 0 || lock->last_state_changed_ms == 0);
        FUZZ_CHECK((lock->fields & LOCK_SYNC_FIELD_REVISION) != 0 || lock->revision == 0);
        FUZZ_CHECK(lock->is_connected || (lock->fields & LSYNC_PRESENT_FIELDS) == 0);
        FUZZ_CHECK((lock->fields & LOCK_SYNC_FIELD_DEVICE_STATE) != 0 ||
                   (lock->fields & ~(uint32_t)(LOCK_SYNC_FIELD_CONNECTED | LOCK_SYNC_FIELD_REVISION)) == 0);
    }
    FUZZ_CHECK(lock_sync_results_at(r, n) == NULL);
    FUZZ_CHECK(lock_sync_results_find(r, 0) == NULL && lock_sync_results_find(r, -7) == NULL);
    for (size_t i = 0; i < selection->n; i++) {
        if (is_asked(selection, i, selection->ids[i]) || lock_sync_results_find(r, selection->ids[i]) != NULL)
            continue;
        FUZZ_CHECK(lock_sync_results_missing_at(r, missing) == selection->ids[i]);
        missing++;
    }
    FUZZ_CHECK(lock_sync_results_missing_count(r) == missing);
    FUZZ_CHECK(!selection->single || (n == 1 && missing == 0));
}

bool fuzz_same_results(const lock_sync_results *a, const lock_sync_results *b)
{
    size_t n = lock_sync_results_count(a);
    size_t missing = lock_sync_results_missing_count(a);

    if ((a == NULL) != (b == NULL) || n != lock_sync_results_count(b) ||
        missing != lock_sync_results_missing_count(b) ||
        lock_sync_results_fetched_at_ms(a) != lock_sync_results_fetched_at_ms(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (memcmp(lock_sync_results_at(a, i), lock_sync_results_at(b, i), sizeof(lock_sync_lock)) != 0)
            return false;
    for (size_t i = 0; i < missing; i++)
        if (lock_sync_results_missing_at(a, i) != lock_sync_results_missing_at(b, i))
            return false;
    return true;
}
