/* Shared by the integration tests: a context with a logger, and checks that apply to each row. They check the status
   and its detail, that no text has a secret, and that the context still works. They are macros, so that a failure
   names its line. */
#ifndef INTEGRATION_CLIENT_H
#define INTEGRATION_CLIENT_H

#include "../support/checks.h"

#include "../support/kit.h"
#include "../support/log_lines.h"
#include "../support/raw_server.h"
#include "../support/sim.h"

#include <locksync/locksync.h>

/* All secrets of the tests contain this text, which must be in no message and no log line. */
#define SECRET "5ecret"
#define KEY "key-" SECRET "-0123456789abcdef"
#define TOKEN "token-" SECRET "-fedcba9876543210"

typedef struct client {
    lock_sync_ctx *ctx;
    log_lines *log;
} client;

/* Makes a context for that base URL, with KEY and a logger. The guard is off, so that requests are sent at once. */
client client_new(const char *base_url);
/* Makes one with a CA file. */
client client_trusting(const char *base_url, const char *ca_file);
void client_free(client *c);

/* Starts a simulator of four locks that do not change, for KEY; sim_start_tls() one that uses TLS with that
   certificate. */
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

/* Starts a server whose first connection runs that script; NULL: good responses. */
served *served_begin(const raw_step *script);
/* Starts a server whose first response is that text, transferred. Later ones are good. */
served *served_saying(char *text);
void served_end(served *s);

/* Fetches all locks and frees the results. */
lock_sync_status client_fetch(const client *c);

/* Fetches, and checks the status and what applies to all. In a loop or a table, name the case. */
#define expect_fetch(c, want) check_fetch((c), (want), "", __FILE__, __LINE__)
#define expect_fetch_in_row(c, want, name) check_fetch((c), (want), (name), __FILE__, __LINE__)
/* Does the same, and checks that the next fetch with the same settings is good. */
#define expect_fetch_then_good(c, want) expect_fetch_then_good_in_row(c, want, "")
#define expect_fetch_then_good_in_row(c, want, name)                                                                   \
  do {                                                                                                                 \
    check_fetch((c), (want), (name), __FILE__, __LINE__);                                                              \
    check_fetch((c), LOCK_SYNC_OK, (name), __FILE__, __LINE__);                                                        \
  } while (0)
/* Checks the status of a call, and what applies to all. */
#define expect_status(c, got, want) check_status((c), (got), (want), "", __FILE__, __LINE__)
/* Checks that the context works with that base URL. */
#define expect_good_at(c, base_url) check_good_at((c), (base_url), __FILE__, __LINE__)

void check_fetch(const client *c, lock_sync_status want, const char *name, const char *file, int line);
void check_status(const client *c, lock_sync_status got, lock_sync_status want, const char *name, const char *file,
                  int line);
void check_good_at(const client *c, const char *base_url, const char *file, int line);

/* Read the last error. */
const char *error_text(const client *c);
int32_t error_http_status(const client *c);

/* Runs a function on another thread; background_end() waits for it. */
typedef struct background background;
background *background_begin(void (*run)(void *user), void *user);
void background_end(background *b);

/* Calls lock_sync_cancel() when `met` returns true; see kit_wait(). canceller_end() returns the time of the call
   (kit_now_us()). */
typedef struct canceller canceller;
canceller *canceller_begin(lock_sync_ctx *ctx, bool (*met)(void *user), void *user);
int64_t canceller_end(canceller *c);

#endif
