/* Makes faulty responses.

   libmicrohttpd reads a truncated or slow response piece by piece from a callback. The callback may close the
   connection (MHD_CONTENT_READER_END_WITH_ERROR), or suspend it until the next byte is due. The huge response is
   never stored: each read computes its part of a head, many records of one size, and a tail. */

#include "broken.h"

#include "reply.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define HUGE_SIZE (UINT64_C(64) << 20)
#define HUGE_FIRST_ID INT64_C(1000000000) /* so that each id has ten digits */
#define FAULT_RETRY_AFTER 7
#define BROKEN_OFF MHD_CONTENT_READER_END_WITH_ERROR

static const char html_page[] =
    "<!DOCTYPE html>\n<html><head><title>Maintenance</title></head>"
    "<body><p>We will be back soon.</p></body></html>\n";
static const char bad_json[] = "{\"result\":[{\"id\":1001,\"isConnected\":tru,}],\"success\":true";
static const char object_result[] =
    "{\"result\":{\"locks\":[]},\"success\":true,\"errorMessages\":[],\"statusCode\":200}";
static const char number_result[] = "{\"result\":7,\"success\":true,\"errorMessages\":[],\"statusCode\":200}";
static const char no_success[] =
    "{\"success\":false,\"errorMessages\":[\"The credential lacks the scope Device.Read.\"],\"statusCode\":403}";
static const char huge_head[] = "{\"result\":[";

struct broken {
    char record[128]; /* `{"id":1000000000,...},` */
    size_t record_size;
    char tail[256]; /* the last record, without a comma, and the end of the envelope */
    size_t tail_size;
    uint64_t records;
    pthread_mutex_t lock;
    struct text bomb; /* made at the first request for it */
};

struct broken *broken_new(struct shape shape)
{
    struct broken *b = must(calloc(1, sizeof *b));
    const char *rest = shape.device_state ? "\"isConnected\":false,\"deviceState\":null,\"revision\":1}"
                       : shape.revision   ? "\"isConnected\":false,\"lockProperties\":null,\"revision\":1}"
                                          : "\"isConnected\":false,\"lockProperties\":null}";

    b->record_size = (size_t)snprintf(b->record, sizeof b->record, "{\"id\":%lld,%s,", (long long)HUGE_FIRST_ID, rest);
    b->tail_size = (size_t)snprintf(b->tail, sizeof b->tail,
                                    "{\"id\":999999999,%s],\"success\":true,\"errorMessages\":[],\"statusCode\":200}",
                                    rest);
    b->records = HUGE_SIZE / b->record_size + 1;
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

void broken_free(struct broken *broken)
{
    if (broken == NULL)
        return;
    pthread_mutex_destroy(&broken->lock);
    text_free(&broken->bomb);
    free(broken);
}

static size_t copy_from(char *to, size_t room, const char *piece, size_t size, uint64_t from)
{
    size_t n = size - (size_t)from;

    n = n < room ? n : room;
    memcpy(to, piece + from, n);
    return n;
}

/* Copies the rest of the piece of the huge response that contains `position`; returns 0 at the end. */
static size_t huge_piece(const struct broken *b, uint64_t position, char *to, size_t room)
{
    size_t head_size = sizeof huge_head - 1;
    uint64_t in_records = position - head_size;
    uint64_t all_records = b->records * b->record_size;
    char record[sizeof b->record];

    if (position < head_size)
        return copy_from(to, room, huge_head, head_size, position);
    if (in_records >= all_records)
        return in_records - all_records < b->tail_size
                   ? copy_from(to, room, b->tail, b->tail_size, in_records - all_records)
                   : 0;
    memcpy(record, b->record, b->record_size);
    put_padded(record + strlen("{\"id\":"), HUGE_FIRST_ID + (int64_t)(in_records / b->record_size), 10);
    return copy_from(to, room, record, b->record_size, in_records % b->record_size);
}

static ssize_t read_huge(void *user, uint64_t position, char *to, size_t room)
{
    const struct broken *b = ((struct request *)user)->server->broken;
    size_t filled = 0;
    size_t n;

    while (filled < room && (n = huge_piece(b, position + filled, to + filled, room - filled)) > 0)
        filled += n;
    return filled > 0 ? (ssize_t)filled : MHD_CONTENT_READER_END_OF_STREAM;
}

/* Copies the first half of the good response, in one or several pieces; returns 0 at its end. */
static size_t first_half(const struct request *request, uint64_t position, char *to, size_t room)
{
    size_t half = request->good.size / 2;

    return position < half ? copy_from(to, room, request->good.data, half, position) : 0;
}

static ssize_t read_truncated(void *user, uint64_t position, char *to, size_t room)
{
    size_t n = first_half(user, position, to, room);

    return n > 0 ? (ssize_t)n : BROKEN_OFF;
}

/* Sends an RST. SO_LINGER is not enough: libmicrohttpd shuts a connection down before it closes it, and the client
   would receive that FIN before the RST. Connecting the socket to AF_UNSPEC sends the RST at once. */
static void send_reset(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

    if (info == NULL)
        return;
    setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    connect(info->connect_fd, &nowhere, sizeof nowhere);
}

static ssize_t read_reset(void *user, uint64_t position, char *to, size_t room)
{
    struct request *request = user;
    size_t n = first_half(request, position, to, room);

    if (n > 0)
        return (ssize_t)n;
    send_reset(request->connection);
    return BROKEN_OFF;
}

/* Returns one byte after a pause. Is called twice for it: the first call begins the pause. */
static ssize_t read_slowly(void *user, uint64_t position, char *to, size_t room)
{
    struct request *request = user;

    (void)room;
    request->has_paused = !request->has_paused;
    if (request->has_paused)
        return pauses_begin(request->server->pauses, PAUSE_TRICKLE, &request->pause, request->connection) ? 0
                                                                                                          : BROKEN_OFF;
    *to = request->good.data[position];
    return 1;
}

/* Makes valid JSON with spaces instead of records, which gzip compresses to a thousandth. */
static void make_bomb(struct text *bomb)
{
    static const char tail[] = "],\"success\":true,\"errorMessages\":[],\"statusCode\":200}";
    struct text plain = {0};

    text_literal(&plain, "{\"result\":[");
    memset(text_room(&plain, HUGE_SIZE), ' ', HUGE_SIZE);
    plain.size += HUGE_SIZE;
    text_put(&plain, tail, sizeof tail - 1);
    gzip_bytes(plain.data, plain.size, bomb);
    text_free(&plain);
}

static bool reply_bomb(struct request *request)
{
    struct broken *broken = request->server->broken;

    if (!client_accepts_gzip(request))
        return false;
    pthread_mutex_lock(&broken->lock);
    if (broken->bomb.size == 0)
        make_bomb(&broken->bomb);
    pthread_mutex_unlock(&broken->lock);
    reply_bytes(request, MHD_HTTP_OK, JSON_TYPE, broken->bomb.data, broken->bomb.size);
    reply_header(request, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    return true;
}

static void reply_literal(struct request *request, const char *type, const char *body)
{
    reply_bytes(request, MHD_HTTP_OK, type, body, strlen(body));
}

bool broken_reply(struct request *request, enum fault fault, struct text good, bool single)
{
    request->good = good;
    request->has_paused = false;
    switch (fault) {
    case FAULT_401: reply_error(request, 401, 0); break;
    case FAULT_403: reply_error(request, 403, 0); break;
    case FAULT_404: reply_error(request, 404, 0); break;
    case FAULT_429: reply_error(request, 429, FAULT_RETRY_AFTER); break;
    case FAULT_500: reply_error(request, 500, 0); break;
    case FAULT_503: reply_error(request, 503, FAULT_RETRY_AFTER); break;
    case FAULT_HTML: reply_literal(request, HTML_TYPE, html_page); break;
    case FAULT_EMPTY: reply_literal(request, JSON_TYPE, ""); break;
    case FAULT_TRUNCATED: reply_reader(request, good.size, read_truncated); break;
    case FAULT_RESET: reply_reader(request, good.size, read_reset); break;
    case FAULT_SLOW: reply_reader(request, good.size, read_slowly); break;
    case FAULT_BAD_JSON: reply_literal(request, JSON_TYPE, bad_json); break;
    case FAULT_WRONG_TYPE: reply_literal(request, JSON_TYPE, single ? number_result : object_result); break;
    case FAULT_HUGE: reply_reader(request, MHD_SIZE_UNKNOWN, read_huge); break;
    case FAULT_GZIP_BOMB: return reply_bomb(request);
    case FAULT_REDIRECT:
        reply_bytes(request, MHD_HTTP_FOUND, JSON_TYPE, "", 0);
        reply_header(request, MHD_HTTP_HEADER_LOCATION, "http://127.0.0.2:9/api/v37/my/lock/sync");
        break;
    case FAULT_SUCCESS_FALSE: reply_literal(request, JSON_TYPE, no_success); break;
    default: return false;
    }
    return true;
}
