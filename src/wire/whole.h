/* Whole numbers that are written as reals, such as 54.0. Pure. */
#ifndef LSYNC_WIRE_WHOLE_H
#define LSYNC_WIRE_WHOLE_H

#include <stddef.h>

/* Overwrites the fraction of each number like 54.0 in a JSON text with blanks, so that a parser reads the integer 54. A
   parser would round a real, and make 6 of 5.9999999999999999999: here the digits decide. Other numbers, strings, and all
   positions stay. The text need not be valid. */
void lsync_json_write_wholes(char *json, size_t size);

#endif
