/* Reads the command line. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "condition.h"
#include "table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum output_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_JSON_LINES } output_format;
typedef enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color_choice;

typedef struct options {
    char **locks; /* the arguments: names, serial numbers and ids; no arguments: every lock */
    size_t lock_count;
    bool help;
    bool version;
    bool watch;
    bool changes_only;
    bool wait;
    bool refresh;
    bool age;
    bool no_headers;
    table_columns columns;
    output_format format;
    color_choice color;
    const condition *check; /* NULL: not given */
    const condition *until;
    char *exec;
    const char *api_version; /* texts are NULL, and numbers 0, for the library's default */
    const char *base_url;
    const char *ca_file;
    const char *guard_file;
    const char *key_file;
    int64_t timeout_ms;
    int64_t interval_ms;
} options;

/* Fills `o`; returns EXIT_DONE, or reports an error and returns its exit status. Texts are borrowed from argv. */
int options_read(options *o, int argc, char **argv);

/* Returns the interval between two requests. */
int64_t options_interval_ms(const options *o);

extern const char help_text[];

#endif
