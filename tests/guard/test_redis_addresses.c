/* A Redis server by name: several addresses, of which some are dead, and a resolver that takes its time. The library
   finds the functions of the resolver here. */
#include "impostor.h"
#include "redis_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "redis.test"
#define ADDRESSES_MAX 3

static struct sockaddr_in places[ADDRESSES_MAX];
static struct addrinfo answer[ADDRESSES_MAX]; /* what the name resolves to */
static int resolver_takes_ms;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    if (strcmp(node, NAME) != 0)
        kit_die("%s is asked for, port %s", node, service);
    if (hints->ai_socktype != SOCK_STREAM)
        kit_die("not for TCP");
    (void)poll(NULL, 0, resolver_takes_ms);
    *out = answer;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    CHECK(list == answer);
}

/* `hosts`: the last byte of each loopback address. */
static void resolve_to(const char *hosts, int port)
{
    size_t n = strlen(hosts);

    for (size_t i = 0; i < n; i++) {
        places[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (uint32_t)(hosts[i] - '0'))};
        answer[i] = (struct addrinfo){.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP,
                                      .ai_addrlen = sizeof places[i], .ai_addr = (struct sockaddr *)&places[i],
                                      .ai_next = i + 1 < n ? &answer[i + 1] : NULL};
    }
}

/* --- an address that takes no connection and refuses none: its queue is full --- */

typedef struct dead_place {
    int listener;
    int waiting[4];
} dead_place;

static void dead_begin(dead_place *d, uint32_t host, int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host)};

    d->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(d->listener, (const struct sockaddr *)&at, sizeof at) != 0 || listen(d->listener, 0) != 0)
        kit_die("cannot listen: %s", strerror(errno));
    for (size_t i = 0; i < COUNT_OF(d->waiting); i++) {
        d->waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(d->waiting[i], (const struct sockaddr *)&at, sizeof at);
    }
}

static void dead_end(dead_place *d)
{
    for (size_t i = 0; i < COUNT_OF(d->waiting); i++)
        (void)close(d->waiting[i]);
    (void)close(d->listener);
}

/* --- */

static redis_rig rig_by_name(int port)
{
    char *url = kit_text("redis://" NAME ":%d", port);
    redis_rig r = redis_rig_at(url, 1);

    free(url);
    return r;
}

/* 1 is alive, 2 and 3 are dead, nobody listens at 4. */
TEST(a_dead_address_leaves_time_for_the_others)
{
    static const char *const lists[] = {"1", "12", "21", "41", "241", "231"};

    for (size_t k = 0; k < COUNT_OF(lists); k++) {
        impostor i = {.says = NO_KEY STILL_NONE WRITTEN, .listens_on = true};
        dead_place dead[2];
        int64_t before_ms;
        redis_rig r;

        t_row("%s", lists[k]);
        impostor_begin(&i);
        dead_begin(&dead[0], 2, i.port);
        dead_begin(&dead[1], 3, i.port);
        resolve_to(lists[k], i.port);
        r = rig_by_name(i.port);
        before_ms = kit_now_ms();
        CHECK_OK(lock_sync_guard_reserve(r.guard, 0, NULL, NULL));
        CHECK(kit_now_ms() - before_ms <= 1000 * kit_slack());
        redis_rig_free(&r);
        dead_end(&dead[0]);
        dead_end(&dead[1]);
        impostor_end(&i);
    }
}

TEST(all_addresses_are_dead)
{
    impostor i = {.says = NULL};
    dead_place dead;
    int64_t before_ms;
    redis_rig r;

    impostor_begin(&i);
    impostor_end(&i);
    dead_begin(&dead, 2, i.port);
    resolve_to("242", i.port);
    r = rig_by_name(i.port);
    before_ms = kit_now_ms();
    check_redis_fails(r.guard, 1400, "connecting failed");
    CHECK(kit_now_ms() - before_ms >= 950); /* the last has all that is left */
    redis_rig_free(&r);
    dead_end(&dead);
}

TEST(a_resolver_that_is_slow_takes_nothing_from_the_server)
{
    impostor i = {.says = NO_KEY STILL_NONE WRITTEN, .listens_on = true};
    redis_rig r;

    impostor_begin(&i);
    resolve_to("1", i.port);
    r = rig_by_name(i.port);
    resolver_takes_ms = 1100;
    CHECK_OK(lock_sync_guard_reserve(r.guard, 0, NULL, NULL));
    resolver_takes_ms = 0;
    redis_rig_free(&r);
    impostor_end(&i);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_dead_address_leaves_time_for_the_others),
        T(all_addresses_are_dead),
        T(a_resolver_that_is_slow_takes_nothing_from_the_server),
    };

    return T_MAIN(tests);
}
