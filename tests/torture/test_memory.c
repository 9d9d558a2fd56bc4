/* Out of memory everywhere: in the library, in jansson and libcurl, in an application's allocator, in OpenSSL; see
   runner.h. */
#include "runner.h"

#include "../support/child.h"
#include "../support/curl_flavour.h"
#include "../support/nginx.h"

#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

static void check_all(unsigned owners)
{
    static const act *const lists[] = {plain_acts, guard_acts, pool_acts, watch_acts, directory_acts};

    for (size_t i = 0; i < COUNT_OF(lists); i++)
        check_acts(lists[i], owners, SIZE_MAX, false);
}

TEST(each_allocation_of_the_libraries_may_fail)
{
    check_all(LIBRARIES);
}

TEST(each_allocation_of_the_applications_allocator_may_fail)
{
    check_all(OWN_MEMORY);
    check_acts(tls_acts, OWN_MEMORY, SIZE_MAX, false);
}

TEST(each_allocation_of_the_libraries_over_tls_may_fail)
{
    check_acts(tls_acts, LIBRARIES, SIZE_MAX, true);
}

/* libcurl 7.88 may keep an HTTP/2 connection that broke this way, and nghttp2 1.52 crashes
   (nghttp2_session_mem_recv) when it runs out of memory within a response. So their requests do not fail here. */
TEST(each_allocation_of_the_library_over_http2_may_fail)
{
    t_need(nginx_exists(), NO_NGINX);
    check_acts(http2_acts, ALLOC_LOCKSYNC | ALLOC_JANSSON, SIZE_MAX, false);
    check_acts(http2_acts, OWN_MEMORY, SIZE_MAX, false);
}

/* --- each request in a child process --- */

typedef struct first {
    const act *act;
    size_t n;
} first;

enum { ALL_GOOD, WRONG, NO_SUCH_REQUEST, CRASH_IN_OPENSSL };

static uintptr_t instruction(const void *context)
{
    const ucontext_t *at = context;

#if defined(__x86_64__)
    return (uintptr_t)at->uc_mcontext.gregs[REG_RIP];
#elif defined(__i386__)
    return (uintptr_t)at->uc_mcontext.gregs[REG_EIP];
#elif defined(__aarch64__)
    return (uintptr_t)at->uc_mcontext.pc;
#else
    return (void)at, 0; /* every crash is a failure */
#endif
}

static void crash(int number, siginfo_t *info, void *context)
{
    (void)info;
    _exit(alloc_owner_of_code(instruction(context)) == ALLOC_OPENSSL ? CRASH_IN_OPENSSL : 128 + number);
}

static int use_openssl(void *user)
{
    const struct sigaction action = {.sa_sigaction = crash, .sa_flags = SA_SIGINFO};
    const first *f = user;
    bool failed;

    (void)sigaction(SIGSEGV, &action, NULL);
    faults = 0;
    failed = act_without(f->act, ALLOC_OPENSSL, f->n, true);
    return faults > 0 ? WRONG : failed ? ALL_GOOD : NO_SUCH_REQUEST;
}

/* OpenSSL 3.5 crashes when it runs out of memory where it cannot report it (SSL_set_connect_state, then
   SSL_set0_rbio). A crash in OpenSSL's code is counted, any other is a failure. */
TEST(each_of_the_first_allocations_of_openssl_may_fail)
{
    t_need(!curl_has_gnutls(), "libcurl does not use OpenSSL");
    for (const act *a = tls_acts; a->name != NULL; a++) {
        size_t crashes = 0;
        int status = ALL_GOOD;
        first f = {a, 0};

        while ((status == ALL_GOOD || status == CRASH_IN_OPENSSL) && f.n < OPENSSL_REQUESTS) {
            f.n++;
            status = in_child(use_openssl, &f);
            crashes += status == CRASH_IN_OPENSSL;
        }
        print_message("%s: %zu, of which %zu crashed in OpenSSL\n", a->name, f.n, crashes);
        if (status == WRONG || status > CRASH_IN_OPENSSL)
            fail_msg("request %zu: %d", f.n, status);
        MUST(f.n > 1 && crashes * 10 < f.n);
    }
}

/* --- the first use in a process: what libcurl and OpenSSL make once --- */

/* Runs the act as the first of the process. OpenSSL's own requests do not fail here: 3.0 crashes (RAND_status) when it
   runs out of memory in its initialization. */
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

/* Must be the first test: the process has used neither library. */
TEST(the_first_use_in_a_process_may_run_out_of_memory)
{
    check_first(&first_fetch);
    check_first(&first_fetch_by_tls);
    for (size_t i = 0; i < 2; i++) /* from now on exists what a process makes only once */
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
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return t_run_all_in(begin, end);
}
