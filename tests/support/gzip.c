/* The gzip format by zlib; see gzip.h. */
#include "gzip.h"
#include "kit.h"

#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

static char *pack(const char *data, size_t size, int level, size_t *out_size)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size};
    char *out;

    if (deflateInit2(&z, level, Z_DEFLATED, MAX_WBITS + 16, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        kit_die("out of memory");
    z.avail_out = (uInt)deflateBound(&z, size);
    out = malloc(z.avail_out);
    z.next_out = (Bytef *)out;
    if (out == NULL || deflate(&z, Z_FINISH) != Z_STREAM_END)
        kit_die("zlib does not pack %zu bytes", size);
    *out_size = z.total_out;
    (void)deflateEnd(&z);
    return out;
}

char *gzip_stored(const char *data, size_t size, size_t *out_size)
{
    return pack(data, size, 0, out_size);
}

char *gzip_packed(const char *data, size_t size, size_t *out_size)
{
    return pack(data, size, 9, out_size);
}
