/* The cost of serving many accounts at once over HTTP/1.1, against the simulator.

   bench-pool-http1 BASE_URL [quick] prints one line of JSON per contestant. The simulator needs --any-key. */
#include "contestants.h"
#include "../client.h"
#include "../tools.h"

#include <sys/resource.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Raises the limit on descriptors. The contestants of one scene together keep more than a thousand connections. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("no limit of file descriptors");
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    static const pool_contestant *const few[] = {&library_pool, &multi_by_hand, &multi_with_options};
    static const pool_contestant *const many[] = {&library_pool, &multi_by_hand};
    size_t rounds = is_quick(argc, argv, 2) ? 6 : 12;
    pool_setup setup = {.accounts = 64, .at_once = 64};
    client *one;

    if (argc < 2)
        die("usage: bench-pool-http1 BASE_URL [quick]");
    raise_descriptors();
    one = client_new(argv[1], NULL);
    setup.base_url = argv[1];
    setup.bytes = client_bytes(one);
    setup.locks = client_locks(one);
    client_free(one);
    take_turns("HTTP/1.1, 64 at once", &setup, few, COUNT_OF(few), rounds, NULL, NULL);
    setup.accounts = setup.at_once = 1000;
    take_turns("HTTP/1.1, 1,000 submitted", &setup, many, COUNT_OF(many), rounds, NULL, NULL);
    return 0;
}
