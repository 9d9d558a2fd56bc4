/* The cost of serving many accounts at once over HTTP/2 and TLS, against nginx, and the number of connections. Each
   response of the library must have its own account's records.

   bench-pool-http2 CLIENT_CORE SERVER_CORE [quick] prints one line of JSON per contestant. */
#include "contestants.h"
#include "../tools.h"

#include "../../support/certs.h"
#include "../../support/nginx.h"
#include "../../support/kit.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCOUNTS 1000
#define LOCKS 10
#define UNLIMITED 1000000000 /* requests on a connection: no limit in practice */
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Moves this process, and those that it starts later, to a core. */
static void stay_on(const char *core)
{
    cpu_set_t cores;

    CPU_ZERO(&cores);
    CPU_SET(strtoul(core, NULL, 10), &cores);
    if (sched_setaffinity(0, sizeof cores, &cores) != 0)
        die("no core %s", core);
}

/* Makes the body of make_body() with the number in the key as the last lock's id. *size: its length with a real key. */
static char *body_with_key(size_t *size)
{
    static const char id[] = "\"id\":";
    char *body = make_body(LOCKS, false, size);
    char *last = body;
    char *changed;

    body[*size] = '\0';
    for (char *at = body; (at = strstr(at, id)) != NULL;)
        last = at += sizeof id - 1;
    changed = kit_text("%.*s$keyid%s", (int)(last - body), body, strchr(last, ','));
    *size = strlen(changed) - strlen("$keyid") + strlen("500000");
    free(body);
    return changed;
}

static size_t count_connections(void *user, size_t requests)
{
    nginx_seen seen = nginx_look(user, requests);

    if (seen.requests != requests || seen.other_protocol != 0)
        die("nginx saw %zu requests, %zu of them not HTTP/2, instead of %zu", seen.requests, seen.other_protocol,
            requests);
    return seen.connections;
}

int main(int argc, char **argv)
{
    static const pool_contestant *const all[] = {&library_pool, &multi_by_hand, &multi_with_a_connection_each};
    size_t rounds = is_quick(argc, argv, 3) ? 4 : 10;
    pool_setup setup = {.accounts = ACCOUNTS, .locks = LOCKS, .has_key_as_id = true};
    char *body = body_with_key(&setup.bytes);
    nginx *server;
    certs *pems;

    if (argc < 3)
        die("usage: bench-pool-http2 CLIENT_CORE SERVER_CORE [quick]");
    pems = certs_make();
    stay_on(argv[2]);
    server = nginx_start_for_keys(pems->good, pems->key, body, UNLIMITED);
    stay_on(argv[1]);
    setup.base_url = nginx_url(server);
    setup.ca_file = pems->ca;
    setup.at_once = 64;
    take_turns("HTTP/2, 64 at once", &setup, all, COUNT_OF(all), rounds, count_connections, server);
    setup.at_once = 512;
    take_turns("HTTP/2, 512 at once", &setup, all, COUNT_OF(all), rounds, count_connections, server);
    nginx_stop(server);
    certs_free(pems);
    free(body);
    return 0;
}
