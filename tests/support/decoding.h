/* What tests of the pure middle share: contexts, answers to decode. */
#ifndef DECODING_H
#define DECODING_H

#include "checks.h"
#include "t_random.h"

#include "locksync/locksync.h"

/* The credential of t_ctx(): long and odd enough not to stand anywhere by chance. */
#define T_SECRET "sEcReT-4711-kEy/+="

/* A context with that personal key; ends the test when there is none. */
lock_sync_ctx *t_ctx(void);

/* A test with such a context, `ctx`, which is freed after it: not for one with a transport in a variable of the test,
   whose destroy function would come too late. */
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

/* The last error's parts, read through the public functions. */
lock_sync_status t_error_status(const lock_sync_ctx *ctx);
const char *t_error_message(const lock_sync_ctx *ctx);
int64_t t_error_offset(const lock_sync_ctx *ctx);

/* An answer, and the question it answers. */
typedef struct t_response {
    const int64_t *ids; /* n 0: all locks were asked for */
    size_t n;
    int64_t single; /* > 0: asked for at the endpoint for one lock */
    int32_t http;   /* 0: 200 */
    const char *body;
    size_t size;                    /* 0: up to the NUL */
    const char *headers[2 * 4 + 1]; /* name, value, ..., NULL */
    int64_t received_at_ms;         /* 0: as made */
} t_response;

/* Builds the request, fills a response, decodes it. */
lock_sync_status t_decode(lock_sync_ctx *ctx, const t_response *a, lock_sync_results **out);
/* The same, where only the status and the error matter. */
lock_sync_status t_decode_status(lock_sync_ctx *ctx, const t_response *a);

/* The only record of a good 200 answer {"result":[`record`]}; NULL (and a failed check) when it is not one. Free
   *results, which is NULL then. */
const lock_sync_lock *t_decode_record(lock_sync_ctx *ctx, const char *record, lock_sync_results **results);

/* `n` times `c` and a NUL; end with free(). */
char *t_repeat(char c, size_t n);

/* Whether two records tell the same. */
bool t_same_lock(const lock_sync_lock *a, const lock_sync_lock *b);

#endif
