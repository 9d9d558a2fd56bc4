/* The shared parts of the integration tests; see client.h. */
#include "client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

client client_new(const char *base_url)
{
    client c = {NULL, log_lines_new()};

    MUST_OK(lock_sync_ctx_new(&c.ctx));
    MUST_OK(lock_sync_set_base_url(c.ctx, base_url));
    MUST_OK(lock_sync_set_personal_key(c.ctx, KEY));
    MUST_OK(lock_sync_set_logger(c.ctx, log_lines_keep, c.log));
    MUST_OK(lock_sync_set_guard_mode(c.ctx, LOCK_SYNC_GUARD_OFF));
    return c;
}

client client_trusting(const char *base_url, const char *ca_file)
{
    client c = client_new(base_url);

    MUST_OK(lock_sync_set_ca_file(c.ctx, ca_file));
    return c;
}

void client_free(client *c)
{
    lock_sync_ctx_free(c->ctx);
    MUST(!log_lines_contain(c->log, SECRET));
    log_lines_free(c->log);
}

sim *sim_start_usual(void)
{
    static const char *const arguments[] = {"--static", "--personal-key", KEY, NULL};

    return sim_start(arguments);
}

sim *sim_start_tls(const char *cert, const char *key)
{
    const char *const arguments[] = {"--static", "--personal-key", KEY, "--tls-cert", cert, "--tls-key", key, NULL};

    return sim_start(arguments);
}

static served *serve(const raw_step *script, char *text)
{
    served *s = calloc(1, sizeof *s);
    const raw_step saying[] = {RAW_READ_REQUEST, RAW_SEND(text, text == NULL ? 0 : strlen(text)), RAW_READ_REQUEST,
                               RAW_RESPOND, RAW_WAIT_FOR_CLOSE};

    if (s == NULL)
        kit_die("out of memory");
    s->text = text;
    memcpy(s->steps, saying, sizeof saying);
    s->script = text == NULL ? script : s->steps;
    s->server = raw_start(AF_INET, &s->script, s->script == NULL ? 0 : 1);
    s->c = client_new(raw_url(s->server));
    return s;
}

served *served_begin(const raw_step *script)
{
    return serve(script, NULL);
}

served *served_saying(char *text)
{
    return serve(NULL, text);
}

void served_end(served *s)
{
    client_free(&s->c);
    raw_stop(s->server);
    free(s->text);
    free(s);
}

lock_sync_status client_fetch(const client *c)
{
    lock_sync_results *results = (lock_sync_results *)(uintptr_t)1;
    lock_sync_status status = lock_sync_fetch(c->ctx, NULL, 0, &results);

    MUST((results != NULL) == (status == LOCK_SYNC_OK));
    lock_sync_results_free(results);
    return status;
}

static bool has_secret(const client *c)
{
    const lock_sync_error *e = lock_sync_last_error(c->ctx);
    const char *id = lock_sync_error_correlation_id(e);
    bool found = strstr(lock_sync_error_message(e), SECRET) != NULL || log_lines_contain(c->log, SECRET) ||
                 (id != NULL && strstr(id, SECRET) != NULL);

    for (size_t i = 0; i < lock_sync_error_api_message_count(e); i++)
        found = found || strstr(lock_sync_error_api_message_at(e, i), SECRET) != NULL;
    return found;
}

void check_status(const client *c, lock_sync_status got, lock_sync_status want, const char *name, const char *file,
                  int line)
{
    const char *got_name = lock_sync_status_name(got);
    lock_sync_status last = lock_sync_error_status(lock_sync_last_error(c->ctx));
    bool good = t_check_text(got_name, lock_sync_status_name(want), name[0] == '\0' ? "the status" : name, file, line);

    good = t_check_text(lock_sync_status_name(last), got_name, "the last error", file, line) && good;
    good = t_check((error_text(c)[0] == '\0') == (got == LOCK_SYNC_OK), "only a failure has a message", file, line) &&
           good;
    good = t_check(!has_secret(c), "no text has a secret", file, line) && good;
    if (!good)
        print_error("%s\n", error_text(c));
    t_must(good, file, line);
}

void check_fetch(const client *c, lock_sync_status want, const char *name, const char *file, int line)
{
    check_status(c, client_fetch(c), want, name, file, line);
}

void check_good_at(const client *c, const char *base_url, const char *file, int line)
{
    check_status(c, lock_sync_set_base_url(c->ctx, base_url), LOCK_SYNC_OK, base_url, file, line);
    check_fetch(c, LOCK_SYNC_OK, base_url, file, line);
}

const char *error_text(const client *c)
{
    return lock_sync_error_message(lock_sync_last_error(c->ctx));
}

int32_t error_http_status(const client *c)
{
    return lock_sync_error_http_status(lock_sync_last_error(c->ctx));
}

/* --- threads --- */

struct background {
    pthread_t thread;
    void (*run)(void *user);
    void *user;
};

static void *run_background(void *user)
{
    const background *b = user;

    b->run(b->user);
    return NULL;
}

background *background_begin(void (*run)(void *user), void *user)
{
    background *b = malloc(sizeof *b);

    if (b == NULL)
        kit_die("out of memory");
    b->run = run;
    b->user = user;
    if (pthread_create(&b->thread, NULL, run_background, b) != 0)
        kit_die("no thread");
    return b;
}

void background_end(background *b)
{
    (void)pthread_join(b->thread, NULL);
    free(b);
}

struct canceller {
    background *thread;
    lock_sync_ctx *ctx;
    bool (*met)(void *user);
    void *user;
    int64_t at_us;
};

static void wait_and_cancel(void *user)
{
    canceller *c = user;

    if (!kit_wait(c->met, c->user, KIT_PATIENCE_MS))
        kit_die("the time to cancel did not come");
    c->at_us = kit_now_us();
    lock_sync_cancel(c->ctx);
}

canceller *canceller_begin(lock_sync_ctx *ctx, bool (*met)(void *user), void *user)
{
    canceller *c = malloc(sizeof *c);

    if (c == NULL)
        kit_die("out of memory");
    *c = (canceller){NULL, ctx, met, user, 0};
    c->thread = background_begin(wait_and_cancel, c);
    return c;
}

int64_t canceller_end(canceller *c)
{
    int64_t at_us;

    background_end(c->thread);
    at_us = c->at_us;
    free(c);
    return at_us;
}
