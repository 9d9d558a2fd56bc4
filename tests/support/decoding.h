/* For tests of requests and decoding: contexts, and responses to decode. */
#ifndef DECODING_H
#define DECODING_H

#include "checks.h"
#include "t_random.h"

#include "locksync/locksync.h"

/* The credential of t_ctx(): so long and strange that no other text contains it by chance. */
#define T_SECRET "sEcReT-4711-kEy/+="

/* Makes a context with that personal key. Ends the test on failure. */
lock_sync_ctx *t_ctx(void);

/* A test with such a context, `ctx`, which is freed after the test. Not for a transport in a local variable of the
   test: its destroy function would be called too late. */
#define TEST_WITH_CTX(name)                                                                                            \
  static void name##_with(lock_sync_ctx *ctx);                                                                         \
  TEST(name)                                                                                                           \
  {                                                                                                                    \
    lock_sync_ctx *with = t_ctx();                                                                                     \
                                                                                                                       \
    name##_with(with);                                                                                                 \
    lock_sync_ctx_free(with);                                                                                          \
  }                                                                                                                    \
  static void name##_with(lock_sync_ctx *ctx)

/* Return the last error's parts, read through the public functions. */
lock_sync_status t_error_status(const lock_sync_ctx *ctx);
const char *t_error_message(const lock_sync_ctx *ctx);
int64_t t_error_offset(const lock_sync_ctx *ctx);

/* A response, and the request that it belongs to. */
typedef struct t_response {
    const int64_t *ids; /* n 0: a request for all locks */
    size_t n;
    int64_t single; /* > 0: a request to the endpoint for one lock */
    int32_t http;   /* 0: 200 */
    const char *body;
    size_t size;                    /* 0: up to the NUL */
    const char *headers[2 * 4 + 1]; /* name, value, ..., NULL */
    int64_t received_at_ms;         /* 0: when the response was made */
} t_response;

/* Builds the request, fills a response and decodes it. */
lock_sync_status t_decode(lock_sync_ctx *ctx, const t_response *a, lock_sync_results **out);
/* Decodes without returning the results. */
lock_sync_status t_decode_status(lock_sync_ctx *ctx, const t_response *a);

/* Decodes the 200 response {"result":[`record`]} and returns its only record. NULL, with a failed check: it is not one
   record. Free *results, which is NULL in that case. */
const lock_sync_lock *t_decode_record(lock_sync_ctx *ctx, const char *record, lock_sync_results **results);

/* Decodes the body of a 200 response as page 1 of a directory. */
lock_sync_status t_decode_directory(lock_sync_ctx *ctx, const char *body, lock_sync_directory **out);

/* Returns a text of `n` times `c`; free() it. */
char *t_repeat(char c, size_t n);

/* Returns whether two records have equal values. */
bool t_same_lock(const lock_sync_lock *a, const lock_sync_lock *b);

#endif
