/* Out of memory, everywhere: in the library, in jansson and libcurl, in a host's allocator, in OpenSSL; see
   runner.h. */
#include "runner.h"

#include "../support/child.h"
#include "../support/nginx.h"

static void each_request_of_the_libraries_may_fail(void **user)
{
    (void)user;
    check_acts(plain_acts, LIBRARIES, SIZE_MAX, false);
    check_acts(pool_acts, LIBRARIES, SIZE_MAX, false);
    check_acts(watch_acts, LIBRARIES, SIZE_MAX, false);
}

static void each_request_of_the_hosts_allocator_may_fail(void **user)
{
    (void)user;
    check_acts(plain_acts, OWN_MEMORY, SIZE_MAX, false);
    check_acts(pool_acts, OWN_MEMORY, SIZE_MAX, false);
    check_acts(watch_acts, OWN_MEMORY, SIZE_MAX, false);
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

/* libcurl 7.88 may keep an HTTP/2 connection that is broken after this, and nghttp2 1.52 crashes
   (nghttp2_session_mem_recv) when it runs out of memory in an answer: theirs are not failed here. */
static void each_of_our_own_requests_over_http2_may_fail(void **user)
{
    (void)user;
    if (!nginx_exists())
        skip();
    check_acts(http2_acts, ALLOC_OURS | ALLOC_JANSSON, SIZE_MAX, false);
    check_acts(http2_acts, OWN_MEMORY, SIZE_MAX, false);
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
    bool failed = act_without(f->act, LIBRARIES, f->n, false);

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
    for (size_t i = 0; i < 2; i++) /* what is made once for the process is there, from now on */
        for (const act *a = i == 0 ? plain_acts : tls_acts; a->name != NULL; a++)
            (void)act_without(a, LIBRARIES, SIZE_MAX, false);
}

static int begin(void **user)
{
    (void)user;
    acts_begin();
    alloc_know(LIBRARIES);
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
        cmocka_unit_test(each_of_our_own_requests_over_http2_may_fail),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("out of memory", tests, begin, end);
}
