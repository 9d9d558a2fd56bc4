/* Replies: a status, the headers that every answer carries, and a body. */
#ifndef LOCKSYNC_SIM_REPLY_H
#define LOCKSYNC_SIM_REPLY_H

#include "server.h"

#define JSON_TYPE "application/json; charset=utf-8"
#define HTML_TYPE "text/html; charset=utf-8"

/* Each sets visit->status and visit->response (NULL: it could not be made, and the connection will be closed).
   The body must outlive the reply: a literal, something the server keeps, or visit->body. */
void reply_bytes(struct visit *visit, unsigned status, const char *type, const char *body, size_t size);
void reply_json(struct visit *visit, struct text body); /* 200; compressed where --gzip and the client allow it */
void reply_reader(struct visit *visit, uint64_t size, MHD_ContentReaderCallback reader);
void reply_header(struct visit *visit, const char *name, const char *value);

/* 401, 403, 404, 429, 500 or 503, with the body this status always has. retry_after 0: none. */
void reply_error(struct visit *visit, unsigned status, int64_t retry_after);

bool client_accepts_gzip(struct visit *visit);

/* One gzip member of the bytes, appended to out. */
void gzip_bytes(const char *in, size_t size, struct text *out);

#endif
