/* The table of JSON texts: valid, invalid, and those for which RFC 8259 allows both. */
#ifndef T_JSON_CASES_H
#define T_JSON_CASES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct json_case {
    const char *name;
    const char *text;
    size_t size;
    bool is_sound; /* alone and before a closing brace */
} json_case;

extern const json_case json_cases[];
extern const size_t json_case_count;

#endif
