/* HTTP/2 on a connection of an h2_lab: the steps of its plan; see h2_lab.h. libnghttp2 reads and writes the frames.
   Requests are queued while it reads. Their steps are taken afterwards, so that steps can wait and write. */
#include "h2_connection.h"
#include "kit.h"
#include "raw_server.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX 1024
#define LAST_STREAM_MAX 0x7fffffff

typedef struct request {
    int32_t stream;
    char path[200];
} request;

typedef struct session {
    h2_connection *connection;
    nghttp2_session *http;
    const h2_step *step; /* NULL: good responses only */
    uint32_t taken;      /* how many requests took this step */
    request coming;      /* its header is being read */
    request queue[QUEUE_MAX];
    size_t queued;
    int32_t held[QUEUE_MAX];
    size_t held_count;
    int32_t last; /* last stream that was not refused by GOAWAY */
    bool away;    /* GOAWAY was sent: later requests are ignored */
} session;

/* --- what libnghttp2 calls --- */

static int on_header(nghttp2_session *http, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
                     const uint8_t *value, size_t value_size, uint8_t flags, void *user)
{
    session *s = user;

    (void)http, (void)flags;
    s->coming.stream = frame->hd.stream_id;
    if (name_size == 5 && memcmp(name, ":path", 5) == 0)
        (void)snprintf(s->coming.path, sizeof s->coming.path, "%.*s", (int)value_size, (const char *)value);
    return 0;
}

static int on_frame(nghttp2_session *http, const nghttp2_frame *frame, void *user)
{
    session *s = user;

    (void)http;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (s->queued == QUEUE_MAX)
        kit_die("more than %d requests at once", QUEUE_MAX);
    s->queue[s->queued++] = s->coming;
    return 0;
}

/* Notes streams that libnghttp2 itself refuses, beyond the limit of the SETTINGS. */
static int on_invalid_frame(nghttp2_session *http, const nghttp2_frame *frame, int error, void *user)
{
    session *s = user;

    (void)http;
    if (frame->hd.type == NGHTTP2_HEADERS && error == NGHTTP2_ERR_REFUSED_STREAM)
        h2_lab_note(s->connection, "", "refused");
    return 0;
}

static ssize_t read_body(nghttp2_session *http, int32_t stream, uint8_t *out, size_t room, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    size_t size = strlen(raw_good_body);

    (void)http, (void)stream, (void)source, (void)user;
    if (size > room)
        kit_die("a response in parts");
    memcpy(out, raw_good_body, size);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)size;
}

/* --- what is sent --- */

/* Sends what can be sent. False: nothing more can be sent. */
static bool flush(session *s)
{
    const uint8_t *data;
    ssize_t n;

    while ((n = nghttp2_session_mem_send(s->http, &data)) > 0)
        if (!h2_connection_write(s->connection, data, (size_t)n))
            return false;
    return n == 0;
}

static void respond(const session *s, int32_t stream)
{
    static uint8_t status[] = ":status";
    static uint8_t ok[] = "200";
    static uint8_t type[] = "content-type";
    static uint8_t json[] = "application/json";
    const nghttp2_nv headers[] = {{status, ok, sizeof status - 1, sizeof ok - 1, NGHTTP2_NV_FLAG_NONE},
                                  {type, json, sizeof type - 1, sizeof json - 1, NGHTTP2_NV_FLAG_NONE}};
    const nghttp2_data_provider body = {.read_callback = read_body};

    (void)nghttp2_submit_response(s->http, stream, headers, 2, &body); /* fails for a stream that the client reset */
}

static void send_limit(const session *s, uint32_t streams)
{
    const nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams};

    if (nghttp2_submit_settings(s->http, NGHTTP2_FLAG_NONE, &entry, streams == 0 ? 0 : 1) != 0)
        kit_die("no SETTINGS");
}

static void go_away(session *s, int32_t last, uint32_t error)
{
    (void)nghttp2_submit_goaway(s->http, NGHTTP2_FLAG_NONE, last, error, NULL, 0);
    s->away = true;
}

/* --- steps --- */

/* Takes the steps before that of the request (H2_NOTICE, H2_WAIT, H2_SETTINGS). False: the connection is over. */
static bool prepare(session *s)
{
    for (; s->step != NULL && s->step->act >= H2_NOTICE; s->step++) {
        if (s->step->act == H2_NOTICE)
            (void)nghttp2_submit_shutdown_notice(s->http);
        if (s->step->act == H2_SETTINGS)
            send_limit(s, s->step->number);
        if (!flush(s))
            return false;
        if (s->step->act == H2_WAIT &&
            h2_connection_wait(s->connection, false, false, (int)s->step->number) == H2_STOPPING)
            return false;
    }
    return true;
}

static h2_step take_step(session *s)
{
    h2_step step = s->step == NULL ? (h2_step){H2_END, 0, 0} : *s->step;

    if (step.act == H2_END)
        return (h2_step){H2_RESPOND, 0, 0};
    if (step.times != H2_ALWAYS && ++s->taken >= step.times) {
        s->step++;
        s->taken = 0;
    }
    return step;
}

static const char *word_of(h2_act act)
{
    switch (act) {
    case H2_HOLD: return "held";
    case H2_SILENCE: return "silent";
    case H2_RST:
    case H2_GOAWAY: return "refused";
    case H2_CLOSE:
    case H2_CLOSE_NOTIFY:
    case H2_RESET: return "closed";
    default: return "responded";
    }
}

static void act(session *s, const h2_step *step, int32_t stream)
{
    switch (step->act) {
    case H2_HOLD: s->held[s->held_count++] = stream; break;
    case H2_SILENCE:
    case H2_CLOSE:
    case H2_CLOSE_NOTIFY:
    case H2_RESET: break;
    case H2_RST: (void)nghttp2_submit_rst_stream(s->http, NGHTTP2_FLAG_NONE, stream, step->number); break;
    case H2_GOAWAY: go_away(s, s->last, step->number); break;
    case H2_LAST:
        respond(s, stream);
        (void)flush(s); /* otherwise GOAWAY would be sent first */
        go_away(s, stream, H2_NO_ERROR);
        break;
    default: respond(s, stream); break;
    }
}

/* Serves a request. False: the connection is over. */
static bool serve_request(session *s, const request *r)
{
    const uint32_t streams = s->connection->plan->streams;
    const h2_step beyond = {H2_RST, H2_REFUSED_STREAM, 0};
    h2_step step;

    if (s->connection->ended)
        h2_lab_note(s->connection, r->path, "late");
    if (s->connection->ended || s->away)
        return true;
    if (!prepare(s))
        return false;
    step = streams != 0 && s->held_count >= streams ? beyond : take_step(s);
    h2_lab_note(s->connection, r->path, word_of(step.act)); /* first: afterwards the test may read the fates */
    act(s, &step, r->stream);
    s->last = step.act == H2_GOAWAY ? s->last : r->stream;
    if (!flush(s))
        return false;
    if (step.act == H2_CLOSE || step.act == H2_CLOSE_NOTIFY || step.act == H2_RESET)
        return h2_connection_end(s->connection, step.act == H2_CLOSE          ? H2_END_CLOSE
                                                : step.act == H2_CLOSE_NOTIFY ? H2_END_CLOSE_NOTIFY
                                                                              : H2_END_RESET);
    return true;
}

static void release(session *s)
{
    if (s->connection->plan->late)
        send_limit(s, s->connection->plan->streams);
    for (size_t i = 0; i < s->held_count; i++)
        respond(s, s->held[i]);
    s->held_count = 0;
}

/* Obeys the command for the connection. False: the connection is over. */
static bool obey(session *s)
{
    h2_end how;
    h2_command command = h2_lab_command(s->connection, &how);
    bool open = true;

    if (command == H2_COMMAND_RELEASE)
        release(s);
    if (command == H2_COMMAND_END && how == H2_END_GOAWAY)
        go_away(s, s->last, H2_NO_ERROR);
    open = flush(s);
    if (command == H2_COMMAND_END)
        open = h2_connection_end(s->connection, how) && open;
    if (open) /* otherwise it is done once the descriptor is closed */
        h2_lab_command_done(s->connection);
    return open;
}

/* Reads all that has arrived, as servers do: requests that arrive together run at the same time. Then takes their
   steps. False: the connection is over. */
static bool serve_some(session *s)
{
    uint8_t data[16384];
    ssize_t n;

    while ((n = h2_connection_read(s->connection, data, sizeof data)) > 0)
        if (nghttp2_session_mem_recv(s->http, data, (size_t)n) < 0)
            return false;
    if (n < 0)
        return false;
    for (size_t i = 0; i < s->queued; i++)
        if (!serve_request(s, &s->queue[i]))
            return false;
    s->queued = 0;
    return flush(s);
}

static nghttp2_session *make_session(session *s)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *made;

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        kit_die("out of memory");
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    if (nghttp2_session_server_new(&made, callbacks, s) != 0)
        kit_die("out of memory");
    nghttp2_session_callbacks_del(callbacks);
    return made;
}

void h2_session_serve(h2_connection *c)
{
    session *s = kit_zeros(sizeof *s);
    bool open;

    s->connection = c;
    s->step = c->plan->steps;
    s->http = make_session(s);
    send_limit(s, c->plan->late ? 0 : c->plan->streams);
    open = flush(s);
    while (open) {
        h2_event event = h2_connection_wait(c, true, true, -1);

        open = event != H2_STOPPING && (event == H2_COMMANDED ? obey(s) : serve_some(s));
    }
    nghttp2_session_del(s->http);
    free(s);
}
