/* Replies: a status, the headers of every response, and a body. */
#ifndef LOCKSYNC_SIM_REPLY_H
#define LOCKSYNC_SIM_REPLY_H

#include "server.h"

#define JSON_TYPE "application/json; charset=utf-8"
#define HTML_TYPE "text/html; charset=utf-8"

/* Set request->status and request->response (NULL: out of memory; the connection will be closed). The body must outlive
   the reply: a literal, memory of the server, or request->body. */
void reply_bytes(struct request *request, unsigned status, const char *type, const char *body, size_t size);
void reply_json(struct request *request, struct text body); /* 200; compressed if --gzip and the client allow it */
void reply_reader(struct request *request, uint64_t size, MHD_ContentReaderCallback reader);
void reply_header(struct request *request, const char *name, const char *value);

/* Replies with 401, 403, 404, 429, 500 or 503, and the fixed body of the status. retry_after in seconds; 0: no such
   header. */
void reply_error(struct request *request, unsigned status, int64_t retry_after);

bool client_accepts_gzip(struct request *request);

/* Compresses the bytes to a gzip member and appends it to `out`. */
void gzip_bytes(const char *in, size_t size, struct text *out);

#endif
