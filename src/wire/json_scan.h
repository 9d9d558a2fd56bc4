/* Where in a body a JSON text breaks, or where a value in it lies: what a decoder's error needs and a tree has lost.
   Runs only where the direct decoder gave up. Pure; no recursion, no memory. */
#ifndef LSYNC_WIRE_JSON_SCAN_H
#define LSYNC_WIRE_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Nesting that is still decoded: jansson's own limit. */
#define LSYNC_JSON_DEPTH_MAX 2048

/* The offset of the first byte that cannot stand where it does (`size`: the text ends too early); -1 when the text is
   sound. RFC 8259 in UTF-8, less what jansson refuses: NUL in a key, integers beyond int64, nesting too deep (it
   counts a value inside of brackets as one level more). */
int64_t lsync_json_fault(const char *body, size_t size);

/* The offset of the value under `key` in the top-level object, the last of several with that key; -1: none. */
int64_t lsync_json_find(const char *body, size_t size, const char *key);

/* The offset of element `index` of the array that begins at `offset`; -1: none. */
int64_t lsync_json_element(const char *body, size_t size, int64_t offset, size_t index);

#endif
