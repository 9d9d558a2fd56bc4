/* Out of memory, everywhere: each act is done with its first request for memory failing, then its second, and so on until
   it needs no more. What may come of it: the act's own end, E_NO_MEMORY, and little else. Nothing of ours is lost, nothing
   good is wrong, and done again it works. */
#include "acts.h"
#include "alloc.h"

#include "../support/child.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LIBRARIES (ALLOC_OURS | ALLOC_JANSSON | ALLOC_CURL | ALLOC_HIREDIS)
#define OWN_MEMORY 0 /* instead of owners: the allocator that the host gave */

static bool is_allowed(const act *a, lock_sync_status status)
{
    return status == a->want || status == LOCK_SYNC_E_NO_MEMORY ||
           (a->mercy == MAY_RESOLVE && status == LOCK_SYNC_E_RESOLVE) ||
           (a->mercy == MAY_GUARD && status == LOCK_SYNC_E_GUARD);
}

static void fail_request(scene *x, unsigned owners, size_t n)
{
    if (owners == OWN_MEMORY)
        x->heap.fail_at = x->heap.requests + n;
    else
        alloc_fail(owners, n);
}

/* Whether it came to it. */
static bool end_failing(scene *x, unsigned owners)
{
    bool failed = x->heap.fail_at != 0 && x->heap.requests >= x->heap.fail_at;

    x->heap.fail_at = 0;
    return owners == OWN_MEMORY ? failed : alloc_end();
}

static size_t faults;

static void complain(const act *a, size_t n, const char *what, const char *more)
{
    print_error("%s, request %zu (%s): %s %s\n", a->name, n, alloc_culprit(), what, more);
    faults++;
}

/* libcurl 7.88 closes descriptor 0 when its resolver runs out of memory: it must not become one of the pool's. */
static void keep_stdin(void)
{
    if (fcntl(STDIN_FILENO, F_GETFD) < 0 && open("/dev/null", O_RDONLY | O_CLOEXEC) != STDIN_FILENO)
        kit_die("no stdin");
}

/* One act whose request `n` fails; false: there was no such request any more. `any`: every failure is allowed. */
static bool act_without(const act *a, unsigned owners, size_t n, bool any)
{
    size_t before = alloc_blocks(ALLOC_OURS);
    lock_sync_status status;
    bool failed;
    scene x;

    keep_stdin();
    scene_begin(&x, a, owners == OWN_MEMORY);
    fail_request(&x, owners, n);
    status = a->run(&x);
    failed = end_failing(&x, owners);
    if (!failed ? status != a->want : !any && !is_allowed(a, status))
        complain(a, n, "ended with", lock_sync_status_name(status));
    status = a->run(&x);
    if (status != a->want)
        complain(a, n, "done again it ended with", lock_sync_status_name(status));
    if (x.wrong)
        complain(a, n, "told something wrong", "");
    scene_end(&x);
    if (alloc_blocks(ALLOC_OURS) != before || x.heap.blocks != 0)
        complain(a, n, "left blocks behind", "");
    return failed;
}

static bool is_few(void *descriptors)
{
    return kit_descriptors() <= *(const size_t *)descriptors;
}

static void check_acts(const act *acts, unsigned owners, size_t most, bool any)
{
    size_t descriptors = kit_descriptors();

    faults = 0;
    for (const act *a = acts; a->name != NULL; a++) {
        size_t n = 1;

        while (n <= most && act_without(a, owners, n, any))
            n++;
        print_message("%s: %zu\n", a->name, n - 1);
    }
    assert_int_equal(faults, 0);
    assert_true(kit_wait(is_few, &descriptors, KIT_PATIENCE_MS));
}

static void each_request_of_the_libraries_may_fail(void **user)
{
    (void)user;
    check_acts(plain_acts, LIBRARIES, SIZE_MAX, false);
}

static void each_request_of_the_hosts_allocator_may_fail(void **user)
{
    (void)user;
    check_acts(plain_acts, OWN_MEMORY, SIZE_MAX, false);
    check_acts(tls_acts, OWN_MEMORY, SIZE_MAX, false);
}

static void each_of_the_first_requests_of_openssl_may_fail(void **user)
{
    (void)user;
    check_acts(tls_acts, ALLOC_OPENSSL, kit_slack() == 1 ? 2000 : 500, true);
}

static void each_request_of_the_libraries_over_tls_may_fail(void **user)
{
    (void)user;
    check_acts(tls_acts, LIBRARIES, SIZE_MAX, true);
}

/* --- the first use of a process: what libcurl and OpenSSL make once --- */

typedef struct first {
    const act *act;
    size_t n;
} first;

enum { ALL_GOOD, WRONG, NO_SUCH_REQUEST };

/* Only where OpenSSL is not asked: 3.0 crashes (RAND_status) when its own beginning runs out of memory. */
static int use_first(void *user)
{
    const first *f = user;
    lock_sync_status status;
    bool failed;
    scene x;

    alloc_know(0);
    scene_begin(&x, f->act, false);
    alloc_fail(LIBRARIES, f->n);
    status = f->act->run(&x);
    failed = alloc_end();
    if (failed && (!is_allowed(f->act, status) || f->act->run(&x) != LOCK_SYNC_OK))
        complain(f->act, f->n, "ended with", lock_sync_status_name(status));
    if (x.wrong)
        complain(f->act, f->n, "told something wrong", "");
    scene_end(&x);
    return faults > 0 ? WRONG : failed ? ALL_GOOD : NO_SUCH_REQUEST;
}

static void check_first(const act *a)
{
    first f = {a, 1};
    int status = ALL_GOOD;

    for (; status == ALL_GOOD; f.n++)
        status = in_child(use_first, &f);
    print_message("%s, first of all: %zu\n", a->name, f.n - 1);
    if (status != NO_SUCH_REQUEST)
        fail_msg("request %zu: %d", f.n - 1, status);
}

/* Before all others: this process has used neither. */
static void the_first_use_may_run_out_of_memory(void **user)
{
    (void)user;
    check_first(&first_fetch);
    check_first(&first_fetch_by_tls);
    alloc_know(LIBRARIES);
    for (size_t i = 0; i < 2; i++) /* what is made once for the process is there, from now on */
        for (const act *a = i == 0 ? plain_acts : tls_acts; a->name != NULL; a++)
            (void)act_without(a, LIBRARIES, SIZE_MAX, false);
}

static int begin(void **user)
{
    (void)user;
    acts_begin();
    return 0;
}

static int end(void **user)
{
    (void)user;
    acts_end();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_use_may_run_out_of_memory),
        cmocka_unit_test(each_request_of_the_libraries_may_fail),
        cmocka_unit_test(each_request_of_the_hosts_allocator_may_fail),
        cmocka_unit_test(each_of_the_first_requests_of_openssl_may_fail),
        cmocka_unit_test(each_request_of_the_libraries_over_tls_may_fail),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("out of memory", tests, begin, end);
}
