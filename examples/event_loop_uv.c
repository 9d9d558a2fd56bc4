/* The pool in libuv's loop. It fetches the accounts whose personal keys come from stdin, all at once, while the loop
 * does other work. Environment: see configure.h. */
#include "configure.h"

#include <uv.h>

typedef struct program {
    lock_sync_pool *pool;
    uv_poll_t readable; /* the pool's descriptor */
    uv_timer_t timer;   /* the other work */
    size_t responses, ticks;
} program;

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    program *p = user;

    p->responses += report(ctx, status) == EXIT_SUCCESS; /* it prints a failure */
    lock_sync_results_free(results);
    lock_sync_ctx_free(ctx); /* a program that fetches again keeps the context, with its guard */
}

static void on_readable(uv_poll_t *readable, int status, int events)
{
    program *p = readable->data;

    (void)status, (void)events;
    (void)lock_sync_pool_dispatch(p->pool);
    if (lock_sync_pool_pending(p->pool) == 0) {
        uv_close((uv_handle_t *)&p->readable, NULL);
        uv_close((uv_handle_t *)&p->timer, NULL); /* nothing is left to wait for: uv_run() returns */
    }
}

static void on_tick(uv_timer_t *timer)
{
    program *p = timer->data;

    p->ticks++;
}

static void begin(program *p, const char *key)
{
    lock_sync_ctx *ctx = NULL;
    lock_sync_status status = lock_sync_ctx_new(&ctx);

    if (status == LOCK_SYNC_OK)
        status = configure(ctx);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_personal_key(ctx, key);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_pool_submit(p->pool, ctx, NULL, 0, on_done, p);
    if (report(ctx, status) != EXIT_SUCCESS)
        lock_sync_ctx_free(ctx);
}

int main(void)
{
    program p = {.readable.data = &p, .timer.data = &p};
    uv_loop_t *loop = uv_default_loop();
    char key[16385]; /* the longest key is 16384 bytes */

    if (loop == NULL || lock_sync_pool_new(&p.pool) != LOCK_SYNC_OK)
        return EXIT_FAILURE;
    while (scanf("%16384s", key) == 1)
        begin(&p, key);
    if (lock_sync_pool_pending(p.pool) > 0 && uv_poll_init(loop, &p.readable, lock_sync_pool_fd(p.pool)) == 0 &&
        uv_poll_start(&p.readable, UV_READABLE, on_readable) == 0 && uv_timer_init(loop, &p.timer) == 0 &&
        uv_timer_start(&p.timer, on_tick, 0, 1) == 0)
        (void)uv_run(loop, UV_RUN_DEFAULT);
    printf("%zu responses; the loop's other timer ticked %zu times meanwhile\n", p.responses, p.ticks);
    lock_sync_pool_free(p.pool); /* this would call the callbacks of running fetches */
    (void)uv_loop_close(loop);
    return p.responses > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
