/* The shared parts of the contestants that serve many accounts, and their turns; see contestants.h. */
#include "contestants.h"
#include "../tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define CONTESTANTS_MAX 4
#define WARM_UP 2 /* unmeasured requests at a turn's start, for each one under way: they fill caches */

typedef struct turns {
    const pool_contestant *who;
    void *self;
    double *wall_ns; /* per request, one for each turn, like the next field */
    double *cpu_ns;
    size_t connections; /* the highest number in a turn */
} turns;

/* --- accounts --- */

void idle_init(idle_accounts *idle, size_t accounts)
{
    *idle = (idle_accounts){.accounts = allocate(accounts * sizeof(size_t)), .room = accounts};
    for (size_t i = 0; i < accounts; i++)
        idle_put(idle, i);
}

void idle_put(idle_accounts *idle, size_t account)
{
    idle->accounts[(idle->first + idle->count++) % idle->room] = account;
}

size_t idle_take(idle_accounts *idle)
{
    size_t account = idle->accounts[idle->first];

    idle->first = (idle->first + 1) % idle->room;
    idle->count--;
    return account;
}

void write_key(char key[KEY_MAX], size_t account)
{
    (void)snprintf(key, KEY_MAX, "key-%zu", FIRST_KEY + account);
}

/* --- turns --- */

/* Returns the processor time of this process, including the kernel's part. */
static double cpu_ns(void)
{
    struct rusage used;

    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3;
}

static void take_turn(turns *t, size_t round)
{
    double requests = (double)t->who->requests;
    double wall = now_ns();
    double cpu = cpu_ns();

    t->who->serve(t->self, t->who->requests);
    t->wall_ns[round] = (now_ns() - wall) / requests;
    t->cpu_ns[round] = (cpu_ns() - cpu) / requests;
}

static void print(const char *scene, const pool_setup *setup, turns *t, size_t rounds, bool connections_known)
{
    printf(
        "{\"part\":\"pool\",\"scene\":\"%s\",\"who\":\"%s\",\"accounts\":%zu,\"at_once\":%zu,\"locks\":%zu,"
        "\"bytes\":%zu,\"requests\":%zu,\"median_ns\":%.0f,\"cpu_ns\":%.0f",
        scene, t->who->name, setup->accounts, setup->at_once, setup->locks, setup->bytes, rounds * t->who->requests,
        quantile(t->wall_ns, rounds, 0.5), quantile(t->cpu_ns, rounds, 0.5));
    if (connections_known)
        printf(",\"connections\":%zu", t->connections);
    printf("}\n");
}

void take_turns(const char *scene, const pool_setup *setup, const pool_contestant *const *contestants, size_t count,
                size_t rounds, size_t (*count_connections)(void *user, size_t requests), void *user)
{
    turns all[CONTESTANTS_MAX];

    for (size_t i = 0; i < count; i++) {
        all[i] = (turns){.who = contestants[i], .self = contestants[i]->open(setup, contestants[i]->style)};
        all[i].wall_ns = allocate(rounds * sizeof(double));
        all[i].cpu_ns = allocate(rounds * sizeof(double));
    }
    for (size_t round = 0; round < rounds; round++)
        for (size_t turn = 0; turn < count; turn++) {
            turns *t = &all[(round + turn) % count];
            size_t warm_up = WARM_UP * setup->at_once < t->who->requests ? WARM_UP * setup->at_once : t->who->requests;
            size_t connections;

            t->who->serve(t->self, warm_up);
            take_turn(t, round);
            if (count_connections == NULL)
                continue;
            connections = count_connections(user, warm_up + t->who->requests);
            t->connections = connections > t->connections ? connections : t->connections;
        }
    for (size_t i = 0; i < count; i++) {
        print(scene, setup, &all[i], rounds, count_connections != NULL);
        all[i].who->close(all[i].self);
        free(all[i].wall_ns);
        free(all[i].cpu_ns);
    }
}
