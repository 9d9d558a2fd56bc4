/* Two copies of the library in one process, as when a program and its plugin each have one. The program is linked with
   one (shared, or an archive) and loads the other: a shared library, or a plugin that contains the archive. Neither may
   call the other, both must fetch at the same time, and the loaded one can be unloaded. */
#include "../support/checks.h"
#include "../support/child.h"
#include "../support/kit.h"
#include "../support/sim.h"
#include "../support/t_heap.h"
#include "copies.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 50

#define POINTER(name) __typeof__(lock_sync_##name) *name;
typedef struct copy {
    void *handle; /* NULL: the program's copy */
    char *folder; /* of the loaded file */
    FUNCTIONS(POINTER)
} copy;

#define OWN(name) .name = lock_sync_##name,
static const copy own = {FUNCTIONS(OWN)};

/* Looks a function up in a plugin if `ask` is not NULL, else among the exported ones. */
static void find(void *handle, any_function (*ask)(const char *name), const char *name, void *function)
{
    void *symbol = dlsym(handle, name);
    any_function answer = NULL;

    if (ask != NULL) {
        CHECK(symbol == NULL); /* the archive's symbols are hidden */
        answer = ask(name);
        MUST(answer != NULL);
        memcpy(function, &answer, sizeof answer);
        return;
    }
    if (symbol == NULL)
        kit_die("%s", dlerror());
    memcpy(function, &symbol, sizeof symbol); /* ISO C has no cast from an object pointer to a function pointer */
}

/* Loads a file with another path, so that the loader does not use the copy that is loaded already. */
static copy load_copy(void)
{
    copy c = {.folder = kit_temp_dir()};
    any_function (*ask)(const char *name) = NULL;
    void *symbol;
    char *path = kit_text("%s/libplugin.so", c.folder);
    const char *const argv[] = {"cp", getenv("LOCKSYNC_LIBRARY"), path, NULL};

    child_run(argv);
    c.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (c.handle == NULL)
        kit_die("%s", dlerror());
    symbol = dlsym(c.handle, "plugin_function");
    memcpy(&ask, &symbol, sizeof symbol);
#define FIND(name) find(c.handle, ask, "lock_sync_" #name, &c.name);
    FUNCTIONS(FIND)
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

    MUST_OK(c->ctx_new_with_allocator(NULL, &ctx));
    MUST_OK(c->set_base_url(ctx, url));
    MUST_OK(c->set_personal_key(ctx, "key"));
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

/* Returns the file that contains that code or data. */
static const char *file_of(const void *address)
{
    Dl_info info;

    MUST(dladdr(address, &info) != 0);
    return info.dli_fname;
}

/* Checks that lock_sync_error_message(), without memory for a message, calls lock_sync_status_message() of the same
   copy. */
static void check_its_own_functions_are_called(const copy *c)
{
    t_heap heap = {.goes_on = true};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    lock_sync_ctx *ctx;
    void *function;

    MUST_OK(c->ctx_new_with_allocator(&memory, &ctx));
    t_heap_fail_in(&heap, 0);
    MUST_INT(c->set_personal_key(ctx, "key"), LOCK_SYNC_E_NO_MEMORY);
    memcpy(&function, &c->error_message, sizeof function);
    CHECK_TEXT(file_of(c->error_message(c->last_error(ctx))), file_of(function));
    c->ctx_free(ctx);
}

TEST(calls_inside_a_copy_stay_in_that_copy)
{
    copy loaded = load_copy();

    CHECK(own.fetch != loaded.fetch);
    check_its_own_functions_are_called(&own);
    check_its_own_functions_are_called(&loaded);
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

TEST(both_fetch_at_once_and_one_can_be_unloaded)
{
    static const char *const arguments[] = {"--static", "--personal-key", "key", NULL};
    sim *server = sim_start(arguments);

    for (int load = 0; load < 2; load++) { /* loaded twice */
        copy loaded = load_copy();
        user_of_copy users[] = {{&own, context(&own, sim_url(server)), 0},
                                {&loaded, context(&loaded, sim_url(server)), 0}};
        pthread_t threads[2];

        for (int i = 0; i < 2; i++) { /* the context's private guard, unused and then used */
            CHECK_OK(fetch(users[i].c, users[i].ctx));
            CHECK_INT(fetch(users[i].c, users[i].ctx), LOCK_SYNC_E_TOO_SOON);
            CHECK_OK(users[i].c->set_guard_mode(users[i].ctx, LOCK_SYNC_GUARD_OFF));
        }
        for (int i = 0; i < 2; i++)
            MUST_INT(pthread_create(&threads[i], NULL, fetch_often, &users[i]), 0);
        for (int i = 0; i < 2; i++)
            (void)pthread_join(threads[i], NULL);
        CHECK_INT(users[0].good, ROUNDS);
        CHECK_INT(users[1].good, ROUNDS);
        loaded.ctx_free(users[1].ctx);
        unload(&loaded);
        CHECK_OK(fetch(&own, users[0].ctx));
        own.ctx_free(users[0].ctx);
    }
    sim_stop(server, NULL);
}
