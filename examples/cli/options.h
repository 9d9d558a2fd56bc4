/* Reads the command line. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum output_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_JSON_LINES } output_format;
typedef enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color_choice;

typedef struct options {
    int64_t *ids; /* no ids: every lock */
    size_t id_count;
    bool help;
    bool version;
    bool watch;
    bool wait;
    bool age;
    bool no_headers;
    table_columns columns;
    output_format format;
    color_choice color;
    const char *api_version; /* texts are NULL, and numbers 0, for the library's default */
    const char *base_url;
    const char *ca_file;
    const char *guard_file;
    const char *key_file;
    int64_t timeout_ms;
    int64_t interval_ms;
} options;

/* Fills `o`; returns EXIT_DONE, or reports an error and returns its exit status. Texts are borrowed from argv;
   options_free() frees the ids. */
int options_read(options *o, int argc, char **argv);
void options_free(options *o);

/* Returns the interval between two requests. */
int64_t options_interval_ms(const options *o);

extern const char help_text[];

#endif
