/* What the integration tests share: a context with a logger that listens, and the checks that each row makes: the
   status and its detail, no secret in any text, and a context that still works. Macros, so that a failure names its
   place. */
#ifndef INTEGRATION_CLIENT_H
#define INTEGRATION_CLIENT_H

#include "../support/checks.h"

#include "../support/kit.h"
#include "../support/log_lines.h"
#include "../support/raw_server.h"
#include "../support/sim.h"

#include <locksync/locksync.h>

/* Every secret of a test holds this text, which may stand in no message and no log line. */
#define SECRET "5ecret"
#define KEY "key-" SECRET "-0123456789abcdef"
#define TOKEN "token-" SECRET "-fedcba9876543210"

typedef struct client {
    lock_sync_ctx *ctx;
    log_lines *log;
} client;

/* A context for that base URL, with KEY and a logger. The guard is off: these tests are about what is sent, at once. */
client client_new(const char *base_url);
/* The same with a CA file. */
client client_trusting(const char *base_url, const char *ca_file);
void client_free(client *c);

/* A simulator of four locks that stay as they are, for KEY; and one that speaks TLS, with that certificate. */
sim *sim_start_usual(void);
sim *sim_start_tls(const char *cert, const char *key);

/* A scripted server and a client for it; end with served_end(). */
typedef struct served {
    raw_server *server;
    client c;
    char *text;
    raw_step steps[5];
    const raw_step *script;
} served;

/* Its first connection has that script; NULL: good answers. */
served *served_begin(const raw_step *script);
/* Its first answer is that text, which it takes and frees; later ones are good. */
served *served_saying(char *text);
void served_end(served *s);

/* All locks, the results freed at once. */
lock_sync_status client_fetch(const client *c);

/* A fetch, its status, and what must hold for any. In a loop or a table name the case. */
#define expect_fetch(c, want) check_fetch((c), (want), "", __FILE__, __LINE__)
#define expect_fetch_of(c, want, name) check_fetch((c), (want), (name), __FILE__, __LINE__)
/* The same, and the context works again: with the same settings, the next fetch is good. */
#define expect_fetch_then_good(c, want) expect_fetch_then_good_of(c, want, "")
#define expect_fetch_then_good_of(c, want, name)                                                                       \
  do {                                                                                                                 \
    check_fetch((c), (want), (name), __FILE__, __LINE__);                                                              \
    check_fetch((c), LOCK_SYNC_OK, (name), __FILE__, __LINE__);                                                        \
  } while (0)
/* After a call: its status, and what must hold for any. */
#define expect_status(c, got, want) check_status((c), (got), (want), "", __FILE__, __LINE__)
/* The context works again, with that base URL. */
#define expect_good_at(c, base_url) check_good_at((c), (base_url), __FILE__, __LINE__)

void check_fetch(const client *c, lock_sync_status want, const char *name, const char *file, int line);
void check_status(const client *c, lock_sync_status got, lock_sync_status want, const char *name, const char *file,
                  int line);
void check_good_at(const client *c, const char *base_url, const char *file, int line);

/* Shorter readers of the last error. */
const char *error_text(const client *c);
int32_t error_http_status(const client *c);

/* A function on a thread of its own; background_end() waits for it. */
typedef struct background background;
background *background_begin(void (*run)(void *user), void *user);
void background_end(background *b);

/* Calls lock_sync_cancel() once `met` says true; see kit_wait(). canceller_end() tells when (kit_now_us()). */
typedef struct canceller canceller;
canceller *canceller_begin(lock_sync_ctx *ctx, bool (*met)(void *user), void *user);
int64_t canceller_end(canceller *c);

#endif
