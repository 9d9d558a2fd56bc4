/* The service: what happens to connections and requests with the behaviour of their origin, and how it responds. */
#include "network.h"

#include "checks.h"

#include "wire/response.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ARRIVALS_MAX 256

/* A request on its way. */
typedef struct arrival {
    int64_t at_us;
    easy *e; /* waits for the reply; NULL: nobody waits any more */
    int32_t key;
    int64_t slot;
    int32_t client;
} arrival;

static struct {
    size_t count;
    arrival arrivals[ARRIVALS_MAX];
} server;

void server_begin(void)
{
    server.count = 0;
}

/* Returns an origin's behaviour. A mixed one behaves differently each time. Otherwise most requests get its behaviour,
   and some succeed. */
static behaviour behaviour_now(int32_t origin, dice *d)
{
    behaviour w = sim.behaviours[origin];

    if (w == BEHAVES_MIXED)
        return (behaviour)dice_between(d, 0, BEHAVES_MIXED - 1);
    return w == BEHAVES_SILENT || w == BEHAVES_LOST || !dice_one_in(d, 4) ? w : BEHAVES_WELL;
}

/* --- connections --- */

CURLcode server_connect(const client *c, uint32_t attempt, int64_t *us)
{
    dice d = dice_of(sim.plan->seed, UINT64_C(1000) + (uint64_t)c->number, attempt);
    behaviour w = behaviour_now(c->plan->origin, &d);

    *us = dice_between(&d, 1000, 2 * sim.plan->delay_us + 20000);
    switch (w) {
    case BEHAVES_SLOW: *us = dice_between(&d, 100000, 8 * SECOND_US); return CURLE_OK;
    case BEHAVES_REFUSING: return CURLE_COULDNT_CONNECT;
    case BEHAVES_LOST: *us = NEVER_US; return CURLE_OK;
    case BEHAVES_NAMELESS: return CURLE_COULDNT_RESOLVE_HOST;
    case BEHAVES_UNTRUSTED: return sim.plan->origins[c->plan->origin].https ? CURLE_PEER_FAILED_VERIFICATION : CURLE_OK;
    default: return CURLE_OK;
    }
}

/* --- requests --- */

void server_send(easy *e)
{
    client *c = e->client;
    dice d = dice_of(sim.plan->seed, UINT64_C(2000) + (uint64_t)c->number, c->requests);
    arrival *a = &server.arrivals[server.count++];

    if (server.count >= ARRIVALS_MAX)
        violation("the simulation has no room for another request");
    e->request = c->requests++;
    *a = (arrival){.at_us = clock_now_us() + dice_between(&d, 500, sim.plan->delay_us),
                   .e = e,
                   .key = e->slot != 0 ? guard_key(c) : -1,
                   .slot = e->slot,
                   .client = c->number};
    trace("client %d: request %u leaves on connection %u (slot %" PRIx64 ")", (int)c->number, (unsigned)e->request,
          (unsigned)e->c->number, (uint64_t)e->slot);
}

void server_forget(const easy *e)
{
    for (size_t i = 0; i < server.count; i++)
        if (server.arrivals[i].e == e)
            server.arrivals[i].e = NULL;
}

int64_t server_due_us(void)
{
    int64_t due_us = NEVER_US;

    for (size_t i = 0; i < server.count; i++)
        due_us = server.arrivals[i].at_us < due_us ? server.arrivals[i].at_us : due_us;
    return due_us;
}

static reply reply_to(const client *c, uint32_t request)
{
    static const int32_t failures[] = {500, 502, 503, 403, 404, 302, 400};
    dice d = dice_of(sim.plan->seed, UINT64_C(3000) + (uint64_t)c->number, request);
    reply r = {.fate = FATE_RESPOND, .status = 200, .retry_after_s = -1};
    bool http2 = sim.plan->origins[c->plan->origin].http2;

    r.think_us = dice_between(&d, 1000, 60000);
    r.body_us = dice_one_in(&d, 2) ? 0 : dice_between(&d, 0, 50000);
    switch (behaviour_now(c->plan->origin, &d)) {
    case BEHAVES_SLOW:
        r.think_us = dice_between(&d, 100000, dice_one_in(&d, 3) ? 150 * SECOND_US : 10 * SECOND_US);
        r.body_us = dice_between(&d, 0, 5 * SECOND_US);
        break;
    case BEHAVES_SILENT:
    case BEHAVES_LOST: r.fate = FATE_SILENCE; break;
    case BEHAVES_RESETTING: r.fate = FATE_RESET; break;
    case BEHAVES_HALVING:
        r.fate = (fate)dice_between(&d, FATE_HALF, FATE_HEADER_BREAKS);
        r.status = dice_one_in(&d, 4) ? 429 : 200;
        break;
    case BEHAVES_REJECTING: r.fate = dice_one_in(&d, 3) ? FATE_GOAWAY : FATE_REJECT; break;
    case BEHAVES_UNAUTHORIZED: r.status = dice_one_in(&d, 3) ? 200 : 401; break;
    case BEHAVES_LIMITED:
        r.status = 429;
        r.retry_after_s = dice_one_in(&d, 3) ? -1 : dice_between(&d, 0, dice_one_in(&d, 3) ? 1200 : 200);
        break;
    case BEHAVES_BROKEN: r.body = (int32_t)dice_between(&d, 1, 4); break;
    case BEHAVES_FAILING: r.status = failures[dice_between(&d, 0, 6)]; break;
    default: break;
    }
    if ((r.fate == FATE_REJECT || r.fate == FATE_GOAWAY) && !http2)
        r.fate = FATE_RESET;
    if (r.fate == FATE_HEADER_BREAKS && http2) /* over HTTP/2 a header arrives as a whole */
        r.fate = FATE_HALF;
    return r;
}

static void arrive(const arrival *a)
{
    easy *e = a->e;

    trace("client %d: its request arrives%s", (int)a->client, e == NULL ? ", but nobody waits for the response" : "");
    ledger_arrived(a->key, a->slot, a->at_us);
    if (e == NULL)
        return;
    e->reply = reply_to(e->client, e->request);
    e->event_us = e->reply.fate == FATE_SILENCE ? NEVER_US : a->at_us + e->reply.think_us + sim.plan->delay_us / 2;
}

void server_run(void)
{
    while (server_due_us() <= clock_now_us()) {
        size_t first = 0;
        arrival a;

        for (size_t i = 1; i < server.count; i++)
            if (server.arrivals[i].at_us < server.arrivals[first].at_us)
                first = i;
        a = server.arrivals[first];
        server.arrivals[first] = server.arrivals[--server.count];
        arrive(&a);
    }
}

/* --- responses --- */

static void keep_header(lock_sync_response *s, const char *name, const char *value)
{
    (void)lsync_response_count_header(s, strlen(name) + strlen(value) + 4);
    lsync_response_keep_header(s, name, strlen(name), value, strlen(value));
}

void server_head(easy *e)
{
    lock_sync_response *s = e->t->response;
    char text[32];

    e->t->events.has_response = true;
    lsync_response_restart(s);
    s->seen_status = e->reply.status;
    if (e->reply.retry_after_s >= 0) {
        (void)snprintf(text, sizeof text, "%" PRId64, e->reply.retry_after_s);
        keep_header(s, "Retry-After", text);
    }
    (void)snprintf(text, sizeof text, "c%d-%u", (int)e->client->number, (unsigned)e->request);
    keep_header(s, "X-Correlation-ID", text);
    e->t->events.header_ended = true;
    trace("client %d: request %u gets status %d", (int)e->client->number, (unsigned)e->request, (int)e->reply.status);
}

/* Makes the body of a client. Each has separate locks, which no other may get. Their revision is the number of the
   response. */
static size_t good_body(const easy *e, char *text, size_t size)
{
    dice d = dice_of(sim.plan->seed, UINT64_C(4000) + (uint64_t)e->client->number, e->request);
    size_t count = (size_t)dice_between(&d, 0, LOCKS_MAX);
    size_t n = (size_t)snprintf(text, size, "{\"result\":[");

    for (size_t i = 0; i < count; i++)
        n += (size_t)snprintf(text + n, size - n,
                              "%s{\"id\":%d,\"isConnected\":%s,\"deviceState\":{\"state\":%d,\"batteryLevel\":%d},"
                              "\"revision\":%d}",
                              i == 0 ? "" : ",", (e->client->number + 1) * 100 + (int)i,
                              dice_one_in(&d, 5) ? "false" : "true", (int)dice_between(&d, 2, 6),
                              (int)dice_between(&d, 1, 100), (int)e->request + 1);
    n += (size_t)snprintf(text + n, size - n, "],\"success\":true,\"errorMessages\":[],\"statusCode\":200}");
    return n;
}

void server_body(easy *e, bool whole)
{
    static const char *const broken[] = {"", "", "{\"result\":", "{\"result\":[{\"id\":\"x\"}]}", "<html></html>"};
    char text[600];
    size_t size;

    if (e->reply.status != 200)
        size = (size_t)snprintf(text, sizeof text, "{\"success\":false,\"errorMessages\":[\"no\"],\"statusCode\":%d}",
                                (int)e->reply.status);
    else if (e->reply.body != 0)
        size = (size_t)snprintf(text, sizeof text, "%s", broken[e->reply.body]);
    else
        size = good_body(e, text, sizeof text);
    if (e->reply.status == 200 && e->reply.body == 0 && whole && e->task->stop_us == NEVER_US)
        e->task->last_response = e->request + 1;
    (void)lock_sync_response_append_body(e->t->response, text, whole ? size : size / 2);
}
