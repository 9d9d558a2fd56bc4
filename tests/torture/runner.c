/* Acts in which the Nth request for memory fails; see runner.h. */
#include "runner.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Replaces libcurl's function, which ends with a jump to calloc(), as if the library had asked for the block. */
CURLU *curl_url(void)
{
    void *symbol = dlsym(RTLD_NEXT, "curl_url");
    CURLU *(*next)(void);
    CURLU *volatile made;

    memcpy(&next, &symbol, sizeof next);
    made = next();
    return made;
}

/* Returns whether the status is allowed: another than E_NO_MEMORY only if the memory failed inside another library. */
static bool is_allowed(const act *a, lock_sync_status status)
{
    unsigned owner = alloc_culprit_owner();

    return status == a->want || status == LOCK_SYNC_E_NO_MEMORY ||
           ((a->allowed & MAY_RESOLVE) != 0 && status == LOCK_SYNC_E_RESOLVE && owner == ALLOC_CURL) ||
           ((a->allowed & MAY_GUARD) != 0 && status == LOCK_SYNC_E_GUARD && owner == ALLOC_HIREDIS);
}

static void fail_request(scene *x, unsigned owners, size_t n)
{
    alloc_fail(owners, n); /* no owner if it is OWN_MEMORY */
    if (owners == OWN_MEMORY)
        t_heap_fail_in(&x->heap, n - 1);
}

/* Returns whether a request failed. */
static bool end_failing(scene *x, unsigned owners)
{
    bool failed = alloc_end();

    if (owners == OWN_MEMORY)
        failed = x->heap.failed > 0;
    x->heap.fail_at = 0;
    return failed;
}

size_t faults;

void complain(const act *a, size_t n, const char *what, const char *more)
{
    print_error("%s, request for memory %zu (%s): %s %s\n", a->name, n, alloc_culprit(), what, more);
    faults++;
}

/* Opens descriptor 0 again, which libcurl 7.88 closes when its resolver runs out of memory. A pool must not get that
   number. */
static void keep_stdin(void)
{
    if (fcntl(STDIN_FILENO, F_GETFD) < 0 && open("/dev/null", O_RDONLY | O_CLOEXEC) != STDIN_FILENO)
        kit_die("no stdin");
}

bool act_without(const act *a, unsigned owners, size_t n, bool any)
{
    size_t before = alloc_blocks(ALLOC_LOCKSYNC);
    size_t asked;
    lock_sync_status status;
    bool failed;
    scene x;

    keep_stdin();
    scene_begin(&x, a, owners == OWN_MEMORY);
    asked = alloc_requests(ALLOC_LOCKSYNC);
    fail_request(&x, owners, n);
    status = a->run(&x);
    failed = end_failing(&x, owners);
    if (!failed ? status != a->want : !any && !is_allowed(a, status))
        complain(a, n, "ended with", lock_sync_status_name(status));
    status = a->run(&x);
    if (any && status == LOCK_SYNC_E_TIMEOUT) /* libcurl 8.14 keeps a connection on which OpenSSL failed */
        status = a->run(&x);
    if (status != a->want)
        complain(a, n, "run again it ended with", lock_sync_status_name(status));
    if (owners == OWN_MEMORY && (a->allowed & USES_MALLOC) == 0 && alloc_requests(ALLOC_LOCKSYNC) != asked)
        complain(a, n, "did not use the application's allocator", "");
    if (x.wrong)
        complain(a, n, "returned something wrong", "");
    scene_end(&x);
    if (alloc_blocks(ALLOC_LOCKSYNC) != before || x.heap.blocks != 0)
        complain(a, n, "left blocks behind", "");
    return failed;
}

static bool is_few(void *descriptors)
{
    return kit_descriptors() <= *(const size_t *)descriptors;
}

void check_acts(const act *acts, unsigned owners, size_t most, bool any)
{
    size_t descriptors = kit_descriptors();
    size_t failed = 0;

    faults = 0;
    for (const act *a = acts; a->name != NULL; a++) {
        size_t n = 1;

        while (n <= most && act_without(a, owners, n, any))
            n++;
        print_message("%s: %zu\n", a->name, n - 1);
        MUST(n > 1);
        failed += n - 1;
    }
    print_message("%zu requests for memory failed, one at a time\n", failed);
    MUST_INT(faults, 0);
    MUST(kit_wait(is_few, &descriptors, KIT_PATIENCE_MS));
}
