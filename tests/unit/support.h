/* What the unit tests share: checks that let a table go on after a bad row, contexts, answers to decode, a heap that
   counts, and a transport without a network (fake.h has the last two). */
#ifndef T_SUPPORT_H
#define T_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "locksync/locksync.h"

#define T_COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A test is a function without an argument; its name is the behaviour. */
#define TEST(name) static void name(void **t_state __attribute__((unused)))
#define T(name) {#name, name, t_before, t_after, NULL}
#define T_MAIN(tests) t_main(tests, T_COUNT(tests))

int t_before(void **state);
int t_after(void **state); /* fails the test when a check failed */
int t_main(const struct CMUnitTest *tests, size_t n);

/* Names the row of a table that the next checks are about, and counts it as a case. */
void t_row(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool t_check(bool good, const char *what, const char *file, int line);
bool t_check_int(int64_t got, int64_t want, const char *what, const char *file, int line);
bool t_check_text(const char *got, const char *want, const char *what, const char *file, int line);
bool t_check_holds(const char *text, const char *part, bool wanted, const char *what, const char *file, int line);

#define CHECK(condition) t_check(condition, #condition, __FILE__, __LINE__)
#define CHECK_INT(got, want) t_check_int((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)
#define CHECK_TEXT(got, want) t_check_text(got, want, #got, __FILE__, __LINE__)
#define CHECK_HOLDS(text, part) t_check_holds(text, part, true, #text, __FILE__, __LINE__)
#define CHECK_LACKS(text, part) t_check_holds(text, part, false, #text, __FILE__, __LINE__)
#define CHECK_OK(call) t_check_int(call, LOCK_SYNC_OK, #call, __FILE__, __LINE__)

/* The credential of t_ctx(): long and odd enough not to stand anywhere by chance. */
#define T_SECRET "sEcReT-4711-kEy/+="

/* A context with that personal key; ends the test when there is none. */
lock_sync_ctx *t_ctx(void);

/* The last error's parts, read through the public functions. */
lock_sync_status t_error_status(const lock_sync_ctx *ctx);
const char *t_error_message(const lock_sync_ctx *ctx);
int64_t t_error_offset(const lock_sync_ctx *ctx);

/* An answer, and the question it answers. */
typedef struct t_answer {
    const int64_t *ids; /* n 0: all locks were asked for */
    size_t n;
    int64_t single; /* > 0: asked for at the endpoint for one lock */
    int32_t http;   /* 0: 200 */
    const char *body;
    size_t size;              /* 0: up to the NUL */
    const char *headers[2 * 4 + 1]; /* name, value, ..., NULL */
    int64_t received_at_ms;   /* 0: as made */
} t_answer;

/* Builds the request, fills a response, decodes it. */
lock_sync_status t_decode(lock_sync_ctx *ctx, const t_answer *a, lock_sync_results **out);

/* The only record of a good 200 answer {"result":[`record`]}; NULL (and a failed check) when it is not one. Free
   *results, which is NULL then. */
const lock_sync_lock *t_decode_record(lock_sync_ctx *ctx, const char *record, lock_sync_results **results);

/* Numbers that are the same in each run. */
uint64_t t_random(uint64_t *seed);

/* `n` times `c` and a NUL; end with free(). */
char *t_repeat(char c, size_t n);

/* Whether two records tell the same. */
bool t_same_lock(const lock_sync_lock *a, const lock_sync_lock *b);

#endif
