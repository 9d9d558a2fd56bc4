#include "setup.h"

#include "report.h"
#include "credential.h"
#include "guard_path.h"
#include "proxy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_BASE_URL "https://api.tedee.com"
#define PROXY_SIZE 2048

static int set_proxy(lock_sync_ctx *ctx, const char *base_url)
{
    char proxy[PROXY_SIZE];
    const char *variable = NULL;
    int status = proxy_for(base_url != NULL ? base_url : DEFAULT_BASE_URL, proxy, sizeof proxy, &variable);

    if (status == EXIT_DONE && *proxy != '\0' && lock_sync_set_proxy(ctx, proxy) != LOCK_SYNC_OK)
        status = report(EXIT_USAGE, "the proxy in %s is not usable (%s): correct it, or unset it", variable,
                        lock_sync_error_message(lock_sync_last_error(ctx)));
    explicit_bzero(proxy, sizeof proxy);
    return status;
}

static int set_settings(lock_sync_ctx *ctx, const options *o)
{
    lock_sync_status status = lock_sync_set_user_agent(ctx, "locksync");

    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_base_url(ctx, o->base_url);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_api_version(ctx, o->api_version);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_ca_file(ctx, o->ca_file);
    if (status == LOCK_SYNC_OK && o->timeout_ms != 0)
        status = lock_sync_set_timeout_ms(ctx, o->timeout_ms);
    if (status != LOCK_SYNC_OK)
        return report_error(ctx, status);
    return set_proxy(ctx, o->base_url);
}

static int set_guard(lock_sync_ctx *ctx, options *o, const char *text, lock_sync_guard **guard)
{
    const char *interval = getenv("LOCKSYNC_INTERVAL_MS");
    const char *path = o->guard_file;
    char own_path[FOLDERS_PATH_SIZE];
    lock_sync_status status;

    if (path == NULL) {
        int made = guard_path(text, own_path);

        if (made != EXIT_DONE)
            return made;
        path = own_path;
    }
    status = lock_sync_guard_open_file(path, guard);
    if (status == LOCK_SYNC_E_GUARD)
        return guard_path_report(path);
    if (status == LOCK_SYNC_E_INVALID_ARGUMENT)
        return report(EXIT_USAGE, "--guard-file: the path is empty or too long: name another");
    if (status != LOCK_SYNC_OK)
        return report(exit_status_of(status), "%s", lock_sync_status_message(status));
    /* for trials with a simulator: plain http is for this machine only */
    if (interval != NULL && o->base_url != NULL && strncasecmp(o->base_url, "http:", 5) == 0) {
        o->interval_ms = strtoimax(interval, NULL, 10);
        status = lock_sync_guard_set_min_interval_ms(*guard, o->interval_ms);
    }
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_guard(ctx, *guard);
    if (status != LOCK_SYNC_OK)
        return report(EXIT_USAGE, "LOCKSYNC_INTERVAL_MS is not a number from 1 to 3600000: correct it, or unset it");
    return EXIT_DONE;
}

/* Sets the path of a service's file: a trial with a simulator must not replace the names of the real locks. With
   --guard-file that file is the account, because each new access token would begin without names. */
static void set_names_path(const options *o, const char *text, char path[FOLDERS_PATH_SIZE])
{
    char *guard_file = o->guard_file != NULL ? realpath(o->guard_file, NULL) : NULL; /* which exists now */
    const char *base_url = o->base_url != NULL ? o->base_url : DEFAULT_BASE_URL;
    folder cache = {"XDG_CACHE_HOME", ".cache", NULL, ".json"};
    const char *problem = "out of memory";
    char *purpose = NULL;

    if (asprintf(&purpose, "locksync names %s", base_url) > 0) {
        cache.purpose = purpose;
        problem = folders_file(&cache, guard_file != NULL ? guard_file : text, path);
        free(purpose);
    } else {
        (void)folders_find(&cache, path);
    }
    free(guard_file);
    if (problem == NULL)
        return;
    notice("the names of the locks cannot be kept in %s (%s)", path, problem);
    *path = '\0';
}

static int set_credential(account *a, options *o)
{
    credential c;
    int exit_status = credential_read(&c, o->key_file);

    if (exit_status == EXIT_DONE) {
        lock_sync_status status = c.is_token ? lock_sync_set_access_token(a->ctx, c.text)
                                             : lock_sync_set_personal_key(a->ctx, c.text);

        exit_status = status == LOCK_SYNC_OK
                          ? set_guard(a->ctx, o, c.text, &a->guard)
                          : report(EXIT_NO_CREDENTIAL, "the key is not usable (%s): check that it is complete",
                                   lock_sync_error_message(lock_sync_last_error(a->ctx)));
    }
    if (exit_status == EXIT_DONE)
        set_names_path(o, c.text, a->names_path);
    explicit_bzero(&c, sizeof c);
    return exit_status;
}

int setup(options *o, account *a)
{
    int exit_status;

    *a = (account){.ctx = NULL};
    if (lock_sync_ctx_new(&a->ctx) != LOCK_SYNC_OK)
        return report(EXIT_INTERNAL, "out of memory");
    if (o->base_url == NULL) {
        o->base_url = getenv("LOCKSYNC_BASE_URL");
        if (o->base_url != NULL && *o->base_url == '\0')
            o->base_url = NULL;
    }
    exit_status = set_settings(a->ctx, o);
    if (exit_status == EXIT_DONE)
        exit_status = set_credential(a, o);
    if (exit_status != EXIT_DONE) {
        lock_sync_guard_unref(a->guard);
        lock_sync_ctx_free(a->ctx);
    }
    return exit_status;
}
