/* What one would write instead of this library's decoder: a general parser, and the same records out of its tree. */
#ifndef BENCH_READ_H
#define BENCH_READ_H

#include "records.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Return false for a body that is not the documented response; then there is nothing to free. */
bool read_with_jansson(const char *body, size_t size, records *out);
bool read_with_cjson(const char *body, size_t size, records *out);
bool read_with_yyjson(const char *body, size_t size, records *out);   /* with BENCH_YYJSON */
bool read_with_simdjson(const char *body, size_t size, records *out); /* with BENCH_SIMDJSON; needs BODY_PADDING */

#ifdef __cplusplus
}
#endif

#endif
