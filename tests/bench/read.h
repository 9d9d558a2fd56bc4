/* Code that replaces this library's decoder: a general parser, and the same records from its tree. */
#ifndef BENCH_READ_H
#define BENCH_READ_H

#include "records.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Returns false for a body that is not the documented response; there is nothing to free then. */
bool read_with_jansson(const char *body, size_t size, records *out);
bool read_with_cjson(const char *body, size_t size, records *out);
bool read_with_yyjson(const char *body, size_t size, records *out);
bool read_with_simdjson(const char *body, size_t size, records *out); /* needs BODY_PADDING */

#ifdef __cplusplus
}
#endif

#endif
