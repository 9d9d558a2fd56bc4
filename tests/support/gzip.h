/* Bytes in the gzip format. */
#ifndef KIT_GZIP_H
#define KIT_GZIP_H

#include <stddef.h>

/* `size` bytes as a gzip file, not compressed or as much as can be; its length in *out_size; free() it. */
char *gzip_stored(const char *data, size_t size, size_t *out_size);
char *gzip_packed(const char *data, size_t size, size_t *out_size);

#endif
