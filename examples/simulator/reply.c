/* Makes replies. Each error status has a fixed body, so that tests know what to expect. 400, 401 and 429 have no body,
   403 and 404 the JSON envelope, 500 an HTML page, 503 no body and Retry-After: 7. */

#include "reply.h"

#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* selects the gzip format in zlib */

struct error_body {
    unsigned status;
    const char *type;
    const char *body;
};
static const struct error_body error_bodies[] = {
    {403, JSON_TYPE,
     "{\"success\":false,\"errorMessages\":[\"The credential lacks the scope Device.Read.\"],\"statusCode\":403}"},
    {404, JSON_TYPE, "{\"success\":false,\"errorMessages\":[\"Not found.\"],\"statusCode\":404}"},
    {500, HTML_TYPE,
     "<!DOCTYPE html>\n<html><head><title>500</title></head>"
     "<body><h1>500 Internal Server Error</h1></body></html>\n"},
};

static char *put_hex(char *p, uint64_t bits, int digits)
{
    for (int i = digits - 1; i >= 0; i--, bits >>= 4)
        p[i] = "0123456789abcdef"[bits & 15];
    return p + digits;
}

/* Writes an id in the format of a UUID, 8-4-4-4-12 digits. The same seed gives the same sequence of ids. */
static void write_correlation_id(struct server *server, char id[37])
{
    uint64_t n = atomic_fetch_add_explicit(&server->replies, 1, memory_order_relaxed);
    uint64_t high = mix(mix(server->options->seed) + n);
    uint64_t low = mix(high ^ n);

    id = put_hex(id, high >> 32, 8);
    *id++ = '-';
    id = put_hex(id, high >> 16, 4);
    *id++ = '-';
    id = put_hex(id, high, 4);
    *id++ = '-';
    id = put_hex(id, low >> 48, 4);
    *id++ = '-';
    id = put_hex(id, low, 12);
    *id = '\0';
}

void reply_header(struct request *request, const char *name, const char *value)
{
    if (request->response != NULL)
        MHD_add_response_header(request->response, name, value);
}

static void reply_with(struct request *request, unsigned status, const char *type, struct MHD_Response *response)
{
    char id[37];

    request->status = status;
    request->response = response;
    write_correlation_id(request->server, id);
    reply_header(request, "X-Correlation-ID", id);
    reply_header(request, "API-Supported-Versions", request->server->versions);
    reply_header(request, MHD_HTTP_HEADER_CONTENT_TYPE, type);
}

void reply_bytes(struct request *request, unsigned status, const char *type, const char *body, size_t size)
{
    /* persistent memory is not copied, and libmicrohttpd only reads it, though its pointer is not const */
    reply_with(request, status, type,
               MHD_create_response_from_buffer(size, (void *)(uintptr_t)body, MHD_RESPMEM_PERSISTENT));
}

void reply_reader(struct request *request, uint64_t size, MHD_ContentReaderCallback reader)
{
    reply_with(request, MHD_HTTP_OK, JSON_TYPE, MHD_create_response_from_callback(size, 32768, reader, request, NULL));
}

/* Handles the simple case only: "gzip" is in the list, and its quality is not 0. */
bool client_accepts_gzip(struct request *request)
{
    const char *accept = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_ACCEPT_ENCODING);
    const char *gzip = accept != NULL ? strstr(accept, "gzip") : NULL;

    if (gzip == NULL)
        return false;
    gzip += strlen("gzip");
    gzip += strspn(gzip, " ;");
    return strncmp(gzip, "q=", 2) != 0 || strtod(gzip + 2, NULL) > 0;
}

void gzip_bytes(const char *in, size_t size, struct text *out)
{
    z_stream z = {0};
    int done;

    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        fatal("out of memory");
    z.next_in = (Bytef *)(uintptr_t)in;
    z.avail_in = (uInt)size;
    do {
        z.next_out = (Bytef *)text_room(out, 16384);
        z.avail_out = 16384;
        done = deflate(&z, Z_FINISH);
        out->size += 16384 - z.avail_out;
    } while (done != Z_STREAM_END);
    deflateEnd(&z);
}

static void free_bytes(void *bytes)
{
    free(bytes);
}

void reply_json(struct request *request, struct text body)
{
    struct text packed = {0};

    if (!request->server->options->gzip || !client_accepts_gzip(request)) {
        reply_bytes(request, MHD_HTTP_OK, JSON_TYPE, body.data, body.size);
        return;
    }
    gzip_bytes(body.data, body.size, &packed);
    reply_with(request, MHD_HTTP_OK, JSON_TYPE,
               MHD_create_response_from_buffer_with_free_callback(packed.size, packed.data, free_bytes));
    if (request->response == NULL)
        text_free(&packed);
    reply_header(request, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
}

void reply_error(struct request *request, unsigned status, int64_t retry_after)
{
    struct error_body error = {status, JSON_TYPE, ""};
    char seconds[24];

    for (size_t i = 0; i < sizeof error_bodies / sizeof *error_bodies; i++)
        if (error_bodies[i].status == status)
            error = error_bodies[i];
    reply_bytes(request, status, error.type, error.body, strlen(error.body));
    if (retry_after > 0) {
        *put_number(seconds, retry_after) = '\0';
        reply_header(request, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
}
