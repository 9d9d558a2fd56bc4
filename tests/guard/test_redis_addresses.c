/* A Redis server by name: several addresses, some of them dead, and a slow resolver. The library calls the resolver's
   functions of this file. */
#include "../support/raw_server.h"
#include "impostor.h"
#include "redis_server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "redis.test"
#define ADDRESSES_MAX 3

static struct sockaddr_in places[ADDRESSES_MAX];
static struct addrinfo resolved[ADDRESSES_MAX]; /* what the name resolves to */
static int resolver_takes_ms;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    if (strcmp(node, NAME) != 0)
        kit_die("unexpected look-up of %s, port %s", node, service);
    if (hints->ai_socktype != SOCK_STREAM)
        kit_die("not for TCP");
    (void)poll(NULL, 0, resolver_takes_ms);
    *out = resolved;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    CHECK(list == resolved);
}

/* Sets the addresses, which differ in their ports. */
static void resolve_to(const uint16_t *ports, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        places[i] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(ports[i]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        resolved[i] = (struct addrinfo){.ai_family = AF_INET,
                                        .ai_socktype = SOCK_STREAM,
                                        .ai_protocol = IPPROTO_TCP,
                                        .ai_addrlen = sizeof places[i],
                                        .ai_addr = (struct sockaddr *)&places[i],
                                        .ai_next = i + 1 < n ? &resolved[i + 1] : NULL};
    }
}

static uint16_t good_port(void)
{
    return (uint16_t)impostor_here((impostor){.says = NO_KEY WRITTEN ROLE, .keeps_reading = true})->port;
}

/* Requests a slot from the server by name, and checks how long it takes. */
static void check_reserve(lock_sync_status status, int64_t least_ms, int64_t most_ms)
{
    lock_sync_guard *g = redis_user("redis://" NAME, 1);
    int64_t before_ms = kit_now_ms();
    char text[200];

    CHECK_INT(lock_sync_guard_reserve(g, 0, NULL, NULL), status);
    CHECK_BETWEEN(kit_now_ms() - before_ms, least_ms, most_ms * kit_slack());
    (void)lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_HOLDS(text, status == LOCK_SYNC_OK ? "" : "connecting failed");
}

TEST(a_dead_address_leaves_time_for_the_others)
{
    enum { GOOD, SILENT, REFUSED };
    static const struct {
        size_t n;
        int addresses[ADDRESSES_MAX];
        lock_sync_status status;
    } rows[] = {
        {1, {GOOD}, LOCK_SYNC_OK},
        {2, {GOOD, SILENT}, LOCK_SYNC_OK},
        {2, {SILENT, GOOD}, LOCK_SYNC_OK},
        {2, {REFUSED, GOOD}, LOCK_SYNC_OK},
        {3, {SILENT, REFUSED, GOOD}, LOCK_SYNC_OK},
        {3, {SILENT, SILENT, GOOD}, LOCK_SYNC_OK},
        {3, {SILENT, REFUSED, SILENT}, LOCK_SYNC_E_GUARD}, /* the last one gets all the time that is left */
    };
    raw_full_port full = raw_full_port_open();
    uint16_t dead;
    int holder = raw_dead_port(&dead);

    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        bool good = rows[k].status == LOCK_SYNC_OK;
        const uint16_t ports[] = {[GOOD] = good_port(), [SILENT] = full.port, [REFUSED] = dead};
        uint16_t list[ADDRESSES_MAX];

        t_row("%zu", k);
        for (size_t i = 0; i < rows[k].n; i++)
            list[i] = ports[rows[k].addresses[i]];
        resolve_to(list, rows[k].n);
        check_reserve(rows[k].status, good ? 0 : 950, good ? 1000 : 1400);
    }
    (void)close(holder);
    raw_full_port_close(&full);
}

TEST(the_time_of_a_slow_resolver_does_not_count)
{
    resolve_to((const uint16_t[]){good_port()}, 1);
    resolver_takes_ms = 1100;
    check_reserve(LOCK_SYNC_OK, 1100, KIT_PATIENCE_MS);
    resolver_takes_ms = 0;
}
