/* Two copies of the library in one process, as when a program and its plugin each bring one: the program's own, which
   it is linked with (shared, or as an archive), and one that is loaded beside it. Neither calls into the other, both
   fetch at the same time, and the loaded one may go. */
#include "../support/kit.h"
#include "../support/sim.h"

#include <locksync/locksync.h>

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 50

/* The functions of one copy. */
typedef struct copy {
    void *handle; /* NULL: the program's own */
    char *folder; /* of the loaded file */
    lock_sync_status (*ctx_new_with_allocator)(const lock_sync_allocator *allocator, lock_sync_ctx **out);
    void (*ctx_free)(lock_sync_ctx *ctx);
    lock_sync_status (*set_base_url)(lock_sync_ctx *ctx, const char *url);
    lock_sync_status (*set_personal_key)(lock_sync_ctx *ctx, const char *key);
    lock_sync_status (*set_guard_mode)(lock_sync_ctx *ctx, lock_sync_guard_mode mode);
    lock_sync_status (*fetch)(lock_sync_ctx *ctx, const int64_t *ids, size_t n, lock_sync_results **results);
    void (*results_free)(lock_sync_results *r);
    const lock_sync_error *(*last_error)(const lock_sync_ctx *ctx);
    const char *(*error_message)(const lock_sync_error *e);
} copy;

static copy own_copy(void)
{
    return (copy){NULL,
                  NULL,
                  lock_sync_ctx_new_with_allocator,
                  lock_sync_ctx_free,
                  lock_sync_set_base_url,
                  lock_sync_set_personal_key,
                  lock_sync_set_guard_mode,
                  lock_sync_fetch,
                  lock_sync_results_free,
                  lock_sync_last_error,
                  lock_sync_error_message};
}

static void find(void *handle, const char *name, void *function)
{
    void *symbol = dlsym(handle, name);

    if (symbol == NULL)
        kit_die("%s", dlerror());
    memcpy(function, &symbol, sizeof symbol); /* ISO C has no cast from an object's pointer to a function's */
}

/* Under another path, so that the loader does not take it for the one that is there. */
static copy loaded_copy(void)
{
    copy c = {.folder = kit_temp_dir()};
    char *path = kit_text("%s/libplugin.so", c.folder);
    char *command = kit_text("cp '%s' '%s'", getenv("LOCKSYNC_LIBRARY"), path);

    if (system(command) != 0)
        kit_die("%s", command);
    c.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (c.handle == NULL)
        kit_die("%s", dlerror());
    find(c.handle, "lock_sync_ctx_new_with_allocator", &c.ctx_new_with_allocator);
    find(c.handle, "lock_sync_ctx_free", &c.ctx_free);
    find(c.handle, "lock_sync_set_base_url", &c.set_base_url);
    find(c.handle, "lock_sync_set_personal_key", &c.set_personal_key);
    find(c.handle, "lock_sync_set_guard_mode", &c.set_guard_mode);
    find(c.handle, "lock_sync_fetch", &c.fetch);
    find(c.handle, "lock_sync_results_free", &c.results_free);
    find(c.handle, "lock_sync_last_error", &c.last_error);
    find(c.handle, "lock_sync_error_message", &c.error_message);
    free(command);
    free(path);
    return c;
}

static void unload(copy *c)
{
    dlclose(c->handle);
    kit_remove_dir(c->folder);
}

static lock_sync_ctx *context(const copy *c, const char *url)
{
    lock_sync_ctx *ctx;

    assert_int_equal(c->ctx_new_with_allocator(NULL, &ctx), LOCK_SYNC_OK);
    assert_int_equal(c->set_base_url(ctx, url), LOCK_SYNC_OK);
    assert_int_equal(c->set_personal_key(ctx, "key"), LOCK_SYNC_OK);
    return ctx;
}

static lock_sync_status fetch(const copy *c, lock_sync_ctx *ctx)
{
    lock_sync_results *results;
    lock_sync_status status = c->fetch(ctx, NULL, 0, &results);

    c->results_free(results);
    return status;
}

/* --- calls --- */

static void *while_it_lasts(void *user, size_t size)
{
    const bool *lasts = user;

    return *lasts ? malloc(size) : NULL;
}

static void *none(void *user, void *block, size_t size)
{
    (void)user;
    (void)block;
    (void)size;
    return NULL;
}

static void give_back(void *user, void *block)
{
    (void)user;
    free(block);
}

/* The file whose code or data that is. */
static const char *file_of(const void *address)
{
    Dl_info info;

    assert_int_not_equal(dladdr(address, &info), 0);
    return info.dli_fname;
}

/* Without memory for a message, lock_sync_error_message() calls lock_sync_status_message(): whose? */
static void a_copy_calls_its_own_functions(const copy *c)
{
    bool lasts = true;
    lock_sync_allocator memory = {sizeof memory, &lasts, while_it_lasts, none, give_back};
    lock_sync_ctx *ctx;
    void *function;

    assert_int_equal(c->ctx_new_with_allocator(&memory, &ctx), LOCK_SYNC_OK);
    lasts = false;
    assert_int_equal(c->set_personal_key(ctx, "key"), LOCK_SYNC_E_NO_MEMORY);
    memcpy(&function, &c->error_message, sizeof function);
    assert_string_equal(file_of(c->error_message(c->last_error(ctx))), file_of(function));
    c->ctx_free(ctx);
}

static void calls_inside_a_copy_stay_inside(void **user)
{
    copy own = own_copy();
    copy loaded = loaded_copy();

    (void)user;
    assert_true(own.fetch != loaded.fetch);
    a_copy_calls_its_own_functions(&own);
    a_copy_calls_its_own_functions(&loaded);
    unload(&loaded);
}

/* --- fetches --- */

typedef struct user_of_copy {
    const copy *c;
    lock_sync_ctx *ctx;
    int good;
} user_of_copy;

static void *fetch_often(void *user)
{
    user_of_copy *u = user;

    for (int i = 0; i < ROUNDS; i++)
        u->good += fetch(u->c, u->ctx) == LOCK_SYNC_OK;
    return NULL;
}

static void both_fetch_at_once_and_one_may_go(void **user)
{
    static const char *const arguments[] = {"--static", "--personal-key", "key", NULL};
    sim *server = sim_start(arguments);
    copy own = own_copy();

    (void)user;
    for (int load = 0; load < 2; load++) { /* and come back */
        copy loaded = loaded_copy();
        user_of_copy users[] = {{&own, context(&own, sim_url(server)), 0},
                                {&loaded, context(&loaded, sim_url(server)), 0}};
        pthread_t threads[2];

        for (int i = 0; i < 2; i++) { /* a guard of one's own: not asked before, asked before */
            assert_int_equal(fetch(users[i].c, users[i].ctx), LOCK_SYNC_OK);
            assert_int_equal(fetch(users[i].c, users[i].ctx), LOCK_SYNC_E_TOO_SOON);
            assert_int_equal(users[i].c->set_guard_mode(users[i].ctx, LOCK_SYNC_GUARD_OFF), LOCK_SYNC_OK);
        }
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, fetch_often, &users[i]), 0);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(users[0].good, ROUNDS);
        assert_int_equal(users[1].good, ROUNDS);
        loaded.ctx_free(users[1].ctx);
        unload(&loaded);
        assert_int_equal(fetch(&own, users[0].ctx), LOCK_SYNC_OK);
        own.ctx_free(users[0].ctx);
    }
    sim_stop(server, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_inside_a_copy_stay_inside),
        cmocka_unit_test(both_fetch_at_once_and_one_may_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
