/* Bytes in the gzip format. */
#ifndef KIT_GZIP_H
#define KIT_GZIP_H

#include <stddef.h>

/* Makes a gzip file of `size` bytes: not compressed, or as far as possible. *out_size: its length. free() it. */
char *gzip_stored(const char *data, size_t size, size_t *out_size);
char *gzip_packed(const char *data, size_t size, size_t *out_size);

#endif
