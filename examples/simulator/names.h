/* The first names and the serial numbers of the locks. */
#ifndef LOCKSYNC_SIM_NAMES_H
#define LOCKSYNC_SIM_NAMES_H

#include <stdint.h>

#define NAME_ROOM 32   /* for a name that is made from the number */
#define SERIAL_SIZE 12 /* "111111-11111" */

/* Returns the name of lock number 1, 2, 3 ..., in UTF-8 without characters that JSON escapes. It is static or in
   `room`. */
const char *name_of_lock(int64_t number, char room[NAME_ROOM]);

/* Writes the serial number, SERIAL_SIZE bytes without a NUL, and returns the position behind it. No two locks of a seed
   have the same one. */
char *put_serial(char *p, uint64_t seed, int64_t number);

#endif
