/* Writes the gzip format by hand (RFC 1952, RFC 1951 section 3.2.4); see gzip.h. */
#include "gzip.h"
#include "kit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MAX 65535

static uint32_t crc32_of(const char *data, size_t size)
{
    uint32_t crc = ~UINT32_C(0);

    for (size_t i = 0; i < size; i++) {
        crc ^= (unsigned char)data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

static char *put(char *at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *at++ = (char)(value >> 8 * i & 255);
    return at;
}

char *gzip_stored(const char *data, size_t size, size_t *out_size)
{
    char *out = malloc(18 + size + 5 * (size / BLOCK_MAX + 1));
    char *at = out;
    size_t done = 0;

    if (out == NULL)
        kit_die("out of memory");
    memcpy(at, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    at += 10;
    do {
        size_t n = size - done < BLOCK_MAX ? size - done : BLOCK_MAX;

        at = put(at, done + n == size, 1); /* the last block? */
        at = put(at, (uint32_t)n, 2);
        at = put(at, ~(uint32_t)n, 2);
        memcpy(at, data + done, n);
        at += n;
        done += n;
    } while (done < size);
    at = put(at, crc32_of(data, size), 4);
    at = put(at, (uint32_t)size, 4);
    *out_size = (size_t)(at - out);
    return out;
}
