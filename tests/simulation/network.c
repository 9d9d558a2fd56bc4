/* Virtual transfers, as libcurl has them; see network.h. Calls the library's callbacks in transport/connections.c
   where libcurl would call them, and obeys them. */
#include "network.h"

#include "checks.h"

#include "transport/connections.h"

#include <stdio.h>
#include <string.h>

static struct {
    uint32_t attempts; /* of connecting */
    uint64_t ends;     /* of transfers */
} net;

void network_begin(void)
{
    memset(&net, 0, sizeof net);
    connection_begin();
}

/* --- the end of a transfer --- */

static void note_end(easy *e)
{
    if (!e->is_counted)
        return;
    e->is_counted = false;
    ledger_ended(e->task, e->slot, e->saw_429, e->reply.retry_after_s);
    server_forget(e);
}

/* Leaves the connection usable if possible: over HTTP/2 only the stream is gone. */
static void leave_connection(easy *e, bool is_whole)
{
    connection *c = e->c;

    e->c = NULL;
    if (c == NULL)
        return;
    c->users--;
    c->used_us = clock_monotonic_us();
    if (c->users > 0)
        return;
    if (c->is_shut || c->sent_goaway || !c->is_ready || (!c->http2 && !is_whole)) {
        connection_close(c);
    } else {
        dice d = dice_of(sim.plan->seed, 21, (uint64_t)c->number * 100 + c->responses);

        c->closes_us = clock_now_us() + dice_between(&d, 5, 120) * SECOND_US;
    }
}

/* Makes a connection suspect at the deadline, if no byte came after the request: the library must not trust it any
   more. */
static void suspect(const easy *e)
{
    bool is_stopped = e->task->stop_us != NEVER_US || e->task->is_over || e->client->ctx == NULL;

    if (e->c != NULL && e->stage == STAGE_SENT && !is_stopped && e->c->heard_us < e->sent_us &&
        clock_now_us() >= e->t->request->send_until_us)
        e->c->is_suspect = true;
}

static void end(easy *e, CURLcode code)
{
    bool is_whole = code == CURLE_OK && e->stage == STAGE_HEADER;

    e->stage = STAGE_OVER;
    e->code = code;
    e->over = ++net.ends;
    e->event_us = NEVER_US;
    note_end(e);
    trace("client %d: its transfer ends with code %d", (int)e->client->number, (int)code);
    if (code == CURLE_OK && e->c != NULL)
        e->c->responses++;
    leave_connection(e, is_whole);
}

void network_remove(easy *e)
{
    easy **place = &e->m->easies;

    note_end(e);
    check_over(e->task);
    suspect(e);
    leave_connection(e, false);
    while (*place != e)
        place = &(*place)->next;
    *place = e->next;
    e->stage = STAGE_IDLE;
}

/* --- sending --- */

static void send_on(easy *e, connection *c, bool is_reused)
{
    char address[32];
    char own[] = "10.0.0.1";

    e->c = c;
    e->http2 = c->http2;
    e->is_reused = is_reused;
    c->users++;
    c->closes_us = connection_is_dead(c) ? c->closes_us : NEVER_US;
    c->is_counted = true;
    e->sent_us = clock_now_us();
    (void)snprintf(address, sizeof address, "192.0.2.%d", (int)c->origin);
    if (lsync_on_send(e->t, address, own, 443, c->port) != CURL_PREREQFUNC_OK) {
        end(e, CURLE_ABORTED_BY_CALLBACK);
        return;
    }
    if (c->closes_us != NEVER_US) { /* the server has closed that connection already */
        c->is_shut = true;
        e->stage = STAGE_SENT;
        e->event_us = clock_now_us();
        return;
    }
    e->stage = STAGE_SENT;
    e->event_us = NEVER_US;
    e->is_counted = true;
    e->saw_429 = false;
    server_send(e);
    ledger_sent(e->task, e->slot, e->t->request->send_until_us, e->t->attempts.sends > 1);
}

/* Retries, as libcurl does by itself. The library must stop it on every connection. */
static void send_again(easy *e)
{
    connection *c;

    note_end(e);
    e->task->is_owed_retry = e->http2 && e->t->attempts.sends == 1;
    leave_connection(e, false);
    c = connection_find(e);
    if (c != NULL) {
        char address[] = "192.0.2.9";
        char own[] = "10.0.0.1";

        if (lsync_on_send(e->t, address, own, 443, c->port) == CURL_PREREQFUNC_OK)
            violation("client %d: libcurl retried a request by itself", (int)e->client->number);
        end(e, CURLE_ABORTED_BY_CALLBACK);
    } else {
        if (connection_open(e) != NULL)
            violation("client %d: libcurl opened a connection to retry a request", (int)e->client->number);
        end(e, CURLE_COULDNT_CONNECT);
    }
}

static void begin_to_connect(easy *e)
{
    int64_t us;

    e->code = server_connect(e->client, ++net.attempts, &us);
    e->event_us = us == NEVER_US ? NEVER_US : clock_now_us() + us;
    e->fails = e->code != CURLE_OK;
    if (e->code == CURLE_COULDNT_RESOLVE_HOST) {
        e->stage = STAGE_NAMING;
        return;
    }
    e->c = connection_open(e);
    if (e->c == NULL) {
        end(e, CURLE_COULDNT_CONNECT);
        return;
    }
    e->c->users = 1;
    e->stage = STAGE_CONNECTING;
}

/* Finds a connection for it, opens one, or lets it wait for one. */
static void start_request(easy *e)
{
    lsync_connecting how = e->t->connecting;
    connection *c = how == LSYNC_CONNECTS_ALWAYS ? NULL : connection_find(e);

    e->stage = STAGE_WAITING;
    e->event_us = NEVER_US;
    if (c != NULL) {
        send_on(e, c, true);
        return;
    }
    if (how == LSYNC_CONNECTS_NEVER) {
        if (connection_is_being_made(e))
            return;
        if (connection_open(e) != NULL)
            violation("client %d: a transfer that was to share a connection opened one", (int)e->client->number);
        end(e, CURLE_COULDNT_CONNECT);
        return;
    }
    if (!connection_has_room(e->m, e))
        connection_make_room(e->m, e);
    if (connection_has_room(e->m, e))
        begin_to_connect(e);
}

void network_start(multi *m, easy *e)
{
    const lsync_job *job = LSYNC_OF(e->t, lsync_pool_transfer, curl)->job;

    e->task = job->callback.user;
    e->client = e->task->client;
    e->slot = job->x.slot;
    e->m = m;
    e->next = m->easies;
    m->easies = e;
    e->c = NULL;
    e->stage = STAGE_NEW;
    e->event_us = clock_now_us();
    e->timeout_us = clock_monotonic_us() + e->left_us;
    e->connect_timeout_us = clock_monotonic_us() + e->connect_left_us;
    e->is_counted = e->saw_429 = false;
    e->reply = (reply){.retry_after_s = -1};
    check_started(e->task, !job->x.fetch.has_retried && e->t->attempts.sends == 0 && e->t->attempts.unsent == 0 &&
                               e->t->attempts.next == LSYNC_RETRY_NONE);
}

/* --- what arrives --- */

static void connected(easy *e)
{
    connection *c = e->c;

    if (e->fails) {
        end(e, e->code);
        return;
    }
    c->is_ready = true;
    c->heard_us = clock_now_us();
    c->users = 0;
    send_on(e, c, false);
}

/* Does what libcurl does if a connection or stream ended without a byte of a response. */
static void lose(easy *e)
{
    if (e->is_reused || (e->c != NULL && e->c->http2))
        send_again(e);
    else
        end(e, CURLE_GOT_NOTHING);
}

static void respond(easy *e)
{
    switch (e->reply.fate) {
    case FATE_RESET:
        e->c->is_shut = true; /* it and the connection's other users are lost next */
        break;
    case FATE_GOAWAY:
        e->c->sent_goaway = true;
        send_again(e);
        break;
    case FATE_REJECT: send_again(e); break;
    case FATE_HEADER_BREAKS:
        e->t->events.has_response = true;
        end(e, CURLE_OK);
        break;
    case FATE_RESPOND:
    case FATE_HALF:
    case FATE_STALL:
    case FATE_SILENCE:
    default:
        server_head(e);
        e->saw_429 = e->reply.status == 429;
        e->stage = STAGE_HEADER;
        e->event_us = e->reply.fate == FATE_STALL ? NEVER_US : clock_now_us() + e->reply.body_us;
        break;
    }
}

static void handle_event(easy *e)
{
    if (e->c != NULL && e->stage >= STAGE_SENT) {
        e->c->heard_us = clock_now_us();
        e->c->is_suspect = false;
        e->c->bytes += 100;
    }
    switch (e->stage) {
    case STAGE_NEW: start_request(e); break;
    case STAGE_NAMING: end(e, CURLE_COULDNT_RESOLVE_HOST); break;
    case STAGE_CONNECTING: connected(e); break;
    case STAGE_SENT:
        if (!e->c->is_shut)
            respond(e);
        break;
    case STAGE_HEADER:
        server_body(e, e->reply.fate != FATE_HALF);
        end(e, e->reply.fate == FATE_HALF ? CURLE_PARTIAL_FILE : CURLE_OK);
        break;
    case STAGE_WAITING:
    case STAGE_IDLE:
    case STAGE_OVER:
    default: break;
    }
}

/* Ends one transfer whose connection broke; returns whether there was one. */
static bool break_one(multi *m)
{
    for (easy *e = m->easies; e != NULL; e = e->next) {
        if (e->c == NULL || !e->c->is_shut || e->stage == STAGE_OVER)
            continue;
        if (e->stage == STAGE_HEADER)
            end(e, CURLE_RECV_ERROR);
        else
            lose(e);
        return true;
    }
    return false;
}

static easy *first_due(const multi *m)
{
    easy *first = NULL;

    for (easy *e = m->easies; e != NULL; e = e->next)
        if (e->event_us <= clock_now_us() && (first == NULL || e->event_us < first->event_us))
            first = e;
    return first;
}

void network_turn(multi *m)
{
    easy *e;

    do {
        for (easy *w = m->easies; w != NULL; w = w->next)
            if (w->stage == STAGE_WAITING)
                start_request(w);
        while ((e = first_due(m)) != NULL) {
            e->event_us = NEVER_US;
            handle_event(e);
        }
    } while (break_one(m));
}

/* --- time --- */

static int64_t timeout_of(const easy *e)
{
    bool connects = e->stage != STAGE_SENT && e->stage != STAGE_HEADER;

    return connects && e->connect_timeout_us < e->timeout_us ? e->connect_timeout_us : e->timeout_us;
}

void network_time_out(multi *m)
{
    for (easy *e = m->easies; e != NULL; e = e->next)
        if (e->stage != STAGE_OVER && timeout_of(e) <= clock_monotonic_us())
            end(e, CURLE_OPERATION_TIMEDOUT);
}

int64_t network_timer_us(const multi *m)
{
    int64_t due_us = NEVER_US;

    for (const easy *e = m->easies; e != NULL; e = e->next) {
        int64_t own_us = e->stage == STAGE_NEW ? 0 : timeout_of(e) - clock_monotonic_us();

        if (e->stage != STAGE_OVER && clock_now_us() + own_us < due_us)
            due_us = clock_now_us() + own_us;
    }
    return due_us;
}

int64_t network_event_us(const multi *m)
{
    int64_t due_us = NEVER_US;

    for (const easy *e = m->easies; e != NULL; e = e->next) {
        if (e->stage == STAGE_OVER || (e->c != NULL && e->c->is_shut))
            return clock_now_us();
        due_us = e->event_us < due_us && e->stage != STAGE_NEW ? e->event_us : due_us;
    }
    return due_us;
}
