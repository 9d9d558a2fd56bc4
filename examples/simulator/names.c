/* Names the locks. Programs often handle the first seven names wrongly. They have characters of several bytes, among
   them one beyond the basic plane, and writing from right to left. One name is long, and two locks are called the
   same. */

#include "names.h"

#include "text.h"

#define TEN "Apartment "
#define FIFTY TEN TEN TEN TEN TEN

static const char *const special[] = {
    "Front door",
    "Garage",
    "Haust\u00fcr M\u00fcller, \u00d6lm\u00fchle",
    "\u05d3\u05dc\u05ea \u05db\u05e0\u05d9\u05e1\u05d4", /* Hebrew for entrance door */
    "\u7384\u95a2\U0001f511",                            /* Japanese for entrance, and a key */
    FIFTY FIFTY FIFTY TEN TEN TEN TEN "Apartment.",      /* 200 characters */
    "Front door",
};

const char *name_of_lock(int64_t number, char room[NAME_ROOM])
{
    if (number <= (int64_t)(sizeof special / sizeof *special))
        return special[number - 1];
    *put_number(put_literal(room, "Lock "), number) = '\0';
    return room;
}

/* Writes a serial number. Its last five digits are unique among 100,000 locks, because 7919 and 100,000 have no common
   divisor. */
char *put_serial(char *p, uint64_t seed, int64_t number)
{
    uint64_t first = mix(seed);
    uint64_t bits = mix(first ^ (uint64_t)number);

    p = put_padded(p, 100000 + (int64_t)(bits % 900000), 6);
    *p++ = '-';
    return put_padded(p, (int64_t)((first % 100000 + 7919 * (uint64_t)number) % 100000), 5);
}
