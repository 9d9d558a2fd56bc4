/* The table of JSON texts: valid, invalid, and where RFC 8259 leaves the choice. */
#ifndef T_JSON_CASES_H
#define T_JSON_CASES_H

#include <stddef.h>
#include <stdint.h>

enum { JSON_SOUND = -1, JSON_END = -2 /* of the body: the text goes on to swallow what follows */ };

typedef struct json_case {
    const char *name;
    const char *text;
    size_t size;
    int64_t alone;  /* the first bad byte where the text is the whole body, or JSON_SOUND */
    int64_t inside; /* the same, counted from the text's first byte, where a closing brace follows it */
} json_case;

extern const json_case json_cases[];
extern const size_t json_case_count;

#endif
