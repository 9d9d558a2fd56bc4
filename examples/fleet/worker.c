/* locksync-fleet-worker: polls its part of the accounts of a fleet, and publishes each change to a Redis stream.
   docs/fleet.md describes the design. Environment: LOCKSYNC_REDIS_URL, and LOCKSYNC_BASE_URL for a trial. */
#include "accounts.h"
#include "clock.h"
#include "publisher.h"
#include "record.h"
#include "scripts.h"
#include "share.h"

#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define AT_ONCE 100       /* accounts that begin, end or are refreshed between two dispatches */
#define PAUSE_MS 10       /* between two such parts */
#define BEATS 4           /* heartbeats in the time after which a member is dead */
#define REFRESH_MS 300000 /* each account is published again after this, in case that a server lost it */

typedef struct worker {
    publisher_settings publishing;
    accounts_settings polling;
    const char *keys; /* path */
    char member[128];
    accounts *accounts;
    publisher *publisher;
    int signals;       /* readable after SIGTERM or SIGINT */
    int64_t offset_ms; /* the server's clock minus clock_ms() */
    bool offset_known;
    size_t member_count; /* of the last heartbeat, with its members */
    uint64_t *members;
    int64_t beat_due_ms;
    int64_t heard_ms; /* when the server last replied to a heartbeat */
    int64_t refresh_due_ms;
    bool leaving;
    bool adjusting; /* some accounts have still to begin or end */
    bool refreshing;
} worker;

static const char help[] =
    "Usage: locksync-fleet-worker --keys FILE [OPTION]...\n"
    "Polls a part of the accounts, and publishes the changes. All workers with one Redis server share the accounts.\n"
    "\n"
    "  --keys FILE       the accounts: lines with a name, a space and a personal key\n"
    "  --interval-ms N   time between two polls of an account (default 20000)\n"
    "  --timeout-ms N    longest time of a poll (default 10000)\n"
    "  --ttl-ms N        a worker that is silent for so long loses its accounts (default 10000)\n"
    "  --max-stream N    changes that the stream keeps, about (default 1000000)\n"
    "\n"
    "Environment: LOCKSYNC_REDIS_URL (redis://[[user]:password@]host[:port][/db]), LOCKSYNC_BASE_URL\n";

/* --- publishing --- */

/* Publishes the last response of a watch. */
static void on_response(void *user, size_t account, const char *name, const lock_sync_watch *watch)
{
    worker *w = user;
    const lock_sync_results *results = lock_sync_watch_results(watch);
    size_t count = lock_sync_results_count(results);
    char(*texts)[3][RECORD_SIZE] = calloc(count + 1, sizeof *texts);
    const char **argv = calloc(3 * count + 2, sizeof *argv);
    char at[24];

    if (texts == NULL || argv == NULL)
        abort();
    (void)snprintf(at, sizeof at, "%" PRId64, clock_ms() - lock_sync_watch_age_ms(watch) + w->offset_ms);
    argv[0] = name;
    argv[1] = at;
    for (size_t i = 0; i < count; i++) {
        const lock_sync_lock *lock = lock_sync_results_at(results, i);

        (void)snprintf(texts[i][0], RECORD_SIZE, "%" PRId64, lock->id);
        record_write(lock, texts[i][1]);
        record_write_moved(lock, texts[i][2]);
        for (size_t j = 0; j < 3; j++)
            argv[2 + 3 * i + j] = texts[i][j];
    }
    publisher_publish(w->publisher, account, 2 + 3 * count, argv);
    free(argv);
    free(texts);
}

/* --- news --- */

static void take_members(worker *w, const publisher_news *news)
{
    size_t size = news->count * sizeof news->members[0];

    if (news->offset_known || !w->offset_known)
        w->offset_ms = news->offset_ms;
    w->offset_known = true;
    w->heard_ms = clock_ms();
    if (w->leaving)
        return;
    if (news->count == w->member_count && memcmp(news->members, w->members, size) == 0)
        return;
    w->member_count = news->count;
    w->members = realloc(w->members, size + 1);
    if (w->members == NULL)
        abort();
    memcpy(w->members, news->members, size);
    accounts_set_members(w->accounts, share_hash(w->member), w->members, w->member_count);
    w->adjusting = true;
    (void)fprintf(stderr, "fleet: %zu members\n", w->member_count);
}

static void take_news(worker *w)
{
    publisher_news *news;

    while ((news = publisher_next(w->publisher)) != NULL) {
        switch (news->kind) {
        case NEWS_MEMBERS: take_members(w, news); break;
        case NEWS_STALE: /* the account is another worker's now, or was for a while */
            (void)fprintf(stderr, "fleet: an account begins again: another worker has polled it\n");
            accounts_restart(w->accounts, news->account);
            w->adjusting = true;
            break;
        case NEWS_RECONNECTED: w->refreshing = true; break; /* the server may have lost something */
        }
        free(news);
    }
}

/* --- the loop --- */

/* Does a part of what has still to be done, so that a dispatch never waits for long. */
static void work(worker *w, int64_t now_ms)
{
    if (now_ms >= w->beat_due_ms) {
        publisher_beat(w->publisher);
        w->beat_due_ms = now_ms + w->publishing.ttl_ms / BEATS;
    }
    if (now_ms >= w->refresh_due_ms) {
        /* while the server is away, each refresh would make the publisher's queue longer */
        w->refreshing = w->refreshing || now_ms - w->heard_ms < w->publishing.ttl_ms;
        w->refresh_due_ms = now_ms + REFRESH_MS;
    }
    if (w->adjusting)
        w->adjusting = !accounts_adjust(w->accounts, AT_ONCE);
    if (w->refreshing)
        w->refreshing = !accounts_refresh(w->accounts, AT_ONCE);
}

static int pause_ms(const worker *w)
{
    int64_t left_ms = w->adjusting || w->refreshing ? PAUSE_MS : w->beat_due_ms - clock_ms();

    return left_ms > 0 ? (int)left_ms : 0;
}

/* Ends all polls. The heartbeats continue until then, so that no other worker begins too early. */
static void leave(worker *w)
{
    accounts_leave(w->accounts);
    w->leaving = true;
    w->adjusting = true;
}

/* Runs the loop. A worker that was suspended does not read the responses that arrived meanwhile, because others may
   have polled since. So it begins all its accounts again before it dispatches. */
static void run(worker *w)
{
    struct pollfd ready[] = {{.fd = lock_sync_pool_fd(w->polling.pool), .events = POLLIN},
                             {.fd = publisher_fd(w->publisher), .events = POLLIN},
                             {.fd = w->signals, .events = POLLIN}};
    int64_t passed_ms = clock_ms();

    while (!w->leaving || w->adjusting) {
        int64_t now_ms = clock_ms();

        if (now_ms - passed_ms > w->publishing.ttl_ms) {
            (void)fprintf(stderr, "fleet: all accounts begin again: this process was suspended\n");
            accounts_restart_all(w->accounts);
            w->adjusting = true;
        }
        passed_ms = now_ms;
        (void)lock_sync_pool_dispatch(w->polling.pool);
        take_news(w);
        work(w, now_ms);
        (void)poll(ready, w->leaving ? 2 : 3, pause_ms(w));
        if (!w->leaving && (ready[2].revents & POLLIN) != 0)
            leave(w);
    }
}

/* --- start and end --- */

static int64_t number(const char *option, const char *value, int64_t most)
{
    char *end;
    int64_t n = strtoll(value, &end, 10);

    if (end != value && *end == '\0' && n > 0 && n <= most)
        return n;
    (void)fprintf(stderr, "fleet: --%s '%s': expected a number from 1 to %" PRId64 "\n", option, value, most);
    exit(2);
}

static void parse(worker *w, int argc, char **argv)
{
    static const struct option known[] = {
        {"keys", required_argument, NULL, 'k'},
        {"interval-ms", required_argument, NULL, 'i'},
        {"timeout-ms", required_argument, NULL, 't'},
        {"ttl-ms", required_argument, NULL, 'l'},
        {"max-stream", required_argument, NULL, 'm'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'k': w->keys = optarg; break;
        case 'i': w->polling.interval_ms = number("interval-ms", optarg, 3600000); break;
        case 't': w->polling.timeout_ms = number("timeout-ms", optarg, 3600000); break;
        case 'l': w->publishing.ttl_ms = number("ttl-ms", optarg, 3600000); break;
        case 'm': w->publishing.max_stream = number("max-stream", optarg, INT64_MAX); break;
        case 'h': (void)fputs(help, stdout); exit(0);
        default: exit(2); /* getopt has printed the error */
        }
    }
    w->publishing.redis_url = getenv("LOCKSYNC_REDIS_URL");
    w->polling.base_url = getenv("LOCKSYNC_BASE_URL");
    if (optind < argc || w->publishing.redis_url == NULL || w->keys == NULL) {
        (void)fputs("fleet: expected --keys FILE, and LOCKSYNC_REDIS_URL in the environment (see --help)\n", stderr);
        exit(2);
    }
}

/* Makes the member's name of the machine's, for people, and a random number: a worker that starts again is another
   member. */
static void make_member(worker *w)
{
    char machine[64] = "";
    uint64_t random = 0;

    (void)gethostname(machine, sizeof machine - 1);
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        abort();
    (void)snprintf(w->member, sizeof w->member, "%s:%016" PRIx64, machine, random);
}

static bool report(lock_sync_status status, const char *what)
{
    if (status != LOCK_SYNC_OK)
        (void)fprintf(stderr, "fleet: %s: %s\n", what, lock_sync_status_message(status));
    return status == LOCK_SYNC_OK;
}

/* Starts the worker. SIGTERM and SIGINT are read from a descriptor, so all threads block them. */
static bool start(worker *w)
{
    sigset_t ends;

    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* hiredis writes to a socket that the server may close */
    w->refresh_due_ms = clock_ms() + REFRESH_MS;
    w->publishing.interval_ms = w->polling.interval_ms;
    w->signals = signalfd(-1, &ends, SFD_CLOEXEC);
    w->accounts = accounts_read(w->keys, &w->polling);
    if (w->signals < 0 || w->accounts == NULL)
        return false;
    w->publisher = publisher_start(&w->publishing);
    return w->publisher != NULL;
}

int main(int argc, char **argv)
{
    worker w = {.publishing = {.member = w.member, .ttl_ms = 10000, .max_stream = 1000000},
                .polling = {.interval_ms = 20000, .timeout_ms = 10000, .on_response = on_response, .user = &w}};
    bool good;

    parse(&w, argc, argv);
    make_member(&w);
    good = report(lock_sync_redis_new(w.publishing.redis_url, &w.polling.redis), "the URL of Redis");
    good = good && report(lock_sync_pool_new(&w.polling.pool), "the pool") && start(&w);
    if (good)
        run(&w);
    accounts_free(w.accounts);
    if (w.publisher != NULL)
        publisher_stop(w.publisher); /* after the last response */
    lock_sync_pool_free(w.polling.pool);
    lock_sync_redis_free(w.polling.redis);
    free(w.members);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
