/* Whole numbers that are written as reals (54.0). Pure. */
#ifndef LSYNC_WIRE_WHOLE_H
#define LSYNC_WIRE_WHOLE_H

#include <stddef.h>

/* Overwrites the fraction of each number like 54.0 in a JSON text with spaces, so that a parser reads the integer 54.
   Converting a parsed real would round it: 5.9999999999999999999 would become 6. Other numbers and strings stay, and so
   do all positions. The text need not be valid. */
void lsync_json_write_wholes(char *json, size_t size);

#endif
