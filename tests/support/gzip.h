/* Bytes in the gzip format, not compressed: enough to see what a client makes of them. */
#ifndef KIT_GZIP_H
#define KIT_GZIP_H

#include <stddef.h>

/* `size` bytes as a gzip file; its length in *out_size; free() it. */
char *gzip_stored(const char *data, size_t size, size_t *out_size);

#endif
