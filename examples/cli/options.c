#include "options.h"

#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MS 20000 /* the shortest that the service allows */
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define HINT " (see locksync --help)"

enum {
    OPT_WATCH = 256,
    OPT_INTERVAL,
    OPT_JSON,
    OPT_JSON_LINES,
    OPT_AGE,
    OPT_COLOR,
    OPT_COLUMNS,
    OPT_NO_HEADERS,
    OPT_WAIT,
    OPT_TIMEOUT,
    OPT_KEY_FILE,
    OPT_GUARD_FILE,
    OPT_API_VERSION,
    OPT_BASE_URL,
    OPT_CA_FILE,
    OPT_VERSION,
    OPT_SECRET
};

static const struct option known[] = {
    {"watch", no_argument, NULL, OPT_WATCH},
    {"interval", required_argument, NULL, OPT_INTERVAL},
    {"json", no_argument, NULL, OPT_JSON},
    {"json-lines", no_argument, NULL, OPT_JSON_LINES},
    {"age", no_argument, NULL, OPT_AGE},
    {"color", required_argument, NULL, OPT_COLOR},
    {"columns", required_argument, NULL, OPT_COLUMNS},
    {"no-headers", no_argument, NULL, OPT_NO_HEADERS},
    {"wait", no_argument, NULL, OPT_WAIT},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"key-file", required_argument, NULL, OPT_KEY_FILE},
    {"guard-file", required_argument, NULL, OPT_GUARD_FILE},
    {"api-version", required_argument, NULL, OPT_API_VERSION},
    {"base-url", required_argument, NULL, OPT_BASE_URL},
    {"ca-file", required_argument, NULL, OPT_CA_FILE},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
    /* known only to be rejected with advice */
    {"key", optional_argument, NULL, OPT_SECRET},
    {"personal-key", optional_argument, NULL, OPT_SECRET},
    {"access-token", optional_argument, NULL, OPT_SECRET},
    {"token", optional_argument, NULL, OPT_SECRET},
    {NULL, 0, NULL, 0},
};

static int read_seconds(const char *name, const char *text, double least, double most, int64_t *ms)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end != '\0' || !(seconds >= least && seconds <= most)) /* rejects NaN too */
        return report(EXIT_USAGE, "--%s: expected a number of seconds from %g to %g" HINT, name, least, most);
    *ms = (int64_t)(seconds * 1000 + 0.5);
    return EXIT_DONE;
}

/* Returns the index of the first `length` characters of `text` in a list of words, or `count`. */
static size_t find_word(const char *const *words, size_t count, const char *text, size_t length)
{
    size_t i = 0;

    while (i < count && (strlen(words[i]) != length || strncmp(words[i], text, length) != 0))
        i++;
    return i;
}

static int read_color(const char *text, color_choice *color)
{
    static const char *const words[] = {[COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};
    size_t found = find_word(words, COUNT_OF(words), text, strlen(text));

    if (found == COUNT_OF(words))
        return report(EXIT_USAGE, "--color: expected auto, always or never" HINT);
    *color = (color_choice)found;
    return EXIT_DONE;
}

static int read_columns(const char *text, table_columns *columns)
{
    static const char *const words[COLUMN_COUNT] = {
        [COLUMN_NAME] = "name",         [COLUMN_ID] = "id",
        [COLUMN_SERIAL] = "serial",     [COLUMN_STATE] = "state",
        [COLUMN_DOOR] = "door",         [COLUMN_BATTERY] = "battery",
        [COLUMN_CHARGING] = "charging", [COLUMN_CONNECTED] = "connected",
        [COLUMN_CHANGED] = "changed",
    };
    bool is_named[COLUMN_COUNT + 1] = {[COLUMN_COUNT] = true}; /* the last: not a column */

    columns->count = 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        size_t found = find_word(words, COUNT_OF(words), text, length);

        if (is_named[found])
            return report(EXIT_USAGE,
                          "--columns: expected some of name, id, serial, state, door, battery, charging, "
                          "connected and changed, each once, with commas between them" HINT);
        is_named[found] = true;
        columns->at[columns->count++] = (table_column)found;
        if (text[length] == '\0')
            return EXIT_DONE;
        text += length + 1;
    }
}

static int read_format(output_format format, output_format *chosen)
{
    if (*chosen != FORMAT_TABLE && *chosen != format)
        return report(EXIT_USAGE, "--json and --json-lines exclude each other: use one of them");
    *chosen = format;
    return EXIT_DONE;
}

static bool is_secret(const struct option *o)
{
    return o->val == OPT_SECRET;
}

/* Lists the options that an ambiguous word may be short for; "" if no option matches, or the word is an option. */
static void list_candidates(const char *word, char *list, size_t size)
{
    size_t length = strcspn(word, "=");
    const char *between = "";
    size_t used = 0;

    list[0] = '\0';
    for (const struct option *o = known; length > 2 && o->name != NULL; o++) {
        if (is_secret(o) || strncmp(o->name, word + 2, length - 2) != 0)
            continue;
        if (strlen(o->name) == length - 2) {
            list[0] = '\0';
            return;
        }
        used += (size_t)snprintf(list + used, used < size ? size - used : 0, "%s--%s", between, o->name);
        between = ", ";
    }
}

/* Repeats only the option's name: the rest may be a secret in the wrong place. */
static int reject_option(int option, char **argv)
{
    const char *word = argv[optind - 1];
    int name_length = (int)strcspn(word, "=");
    char candidates[256];

    if (option == ':')
        return report(EXIT_USAGE, "%s needs a value" HINT, word);
    if (optopt > 0 && optopt <= UCHAR_MAX)
        return report(EXIT_USAGE, "-%c: no such option" HINT, optopt);
    list_candidates(word, candidates, sizeof candidates);
    if (*candidates != '\0')
        return report(EXIT_USAGE, "%.*s is ambiguous: it may be short for %s", name_length, word, candidates);
    return report(EXIT_USAGE, "%.*s: no such option, or it takes no value" HINT, name_length, word);
}

static int read_option(options *o, int option, char **argv)
{
    switch (option) {
    case OPT_WATCH: o->watch = true; return EXIT_DONE;
    case OPT_INTERVAL: return read_seconds("interval", optarg, 20, 3600, &o->interval_ms);
    case OPT_JSON: return read_format(FORMAT_JSON, &o->format);
    case OPT_JSON_LINES: return read_format(FORMAT_JSON_LINES, &o->format);
    case OPT_AGE: o->age = true; return EXIT_DONE;
    case OPT_COLOR: return read_color(optarg, &o->color);
    case OPT_COLUMNS: return read_columns(optarg, &o->columns);
    case OPT_NO_HEADERS: o->no_headers = true; return EXIT_DONE;
    case OPT_WAIT: o->wait = true; return EXIT_DONE;
    case OPT_TIMEOUT: return read_seconds("timeout", optarg, 0.001, 86400, &o->timeout_ms);
    case OPT_KEY_FILE: o->key_file = optarg; return EXIT_DONE;
    case OPT_GUARD_FILE: o->guard_file = optarg; return EXIT_DONE;
    case OPT_API_VERSION: o->api_version = optarg; return EXIT_DONE;
    case OPT_BASE_URL: o->base_url = optarg; return EXIT_DONE;
    case OPT_CA_FILE: o->ca_file = optarg; return EXIT_DONE;
    case 'h': o->help = true; return EXIT_DONE;
    case OPT_VERSION: o->version = true; return EXIT_DONE;
    case OPT_SECRET:
        return report(EXIT_USAGE,
                      "a key on the command line can be seen by every user and in the shell's history: set "
                      "LOCKSYNC_PERSONAL_KEY, or use --key-file");
    default: return reject_option(option, argv);
    }
}

static int read_ids(options *o, int count, char **words)
{
    if (count == 0) /* every lock */
        return EXIT_DONE;
    o->ids = calloc((size_t)count, sizeof *o->ids);
    if (o->ids == NULL)
        return report(EXIT_INTERNAL, "out of memory");
    for (; o->id_count < (size_t)count; o->id_count++) {
        const char *word = words[o->id_count];
        char *end;
        int64_t id;

        errno = 0;
        id = strtoimax(word, &end, 10);
        if (errno != 0 || strspn(word, "0123456789") == 0 || *end != '\0' || id < 1)
            return report(EXIT_USAGE, "argument %zu: expected a lock's id, a number greater than 0" HINT,
                          o->id_count + 1);
        o->ids[o->id_count] = id;
    }
    return EXIT_DONE;
}

int options_read(options *o, int argc, char **argv)
{
    int status = EXIT_DONE;
    int option;

    opterr = 0;
    while (status == EXIT_DONE && (option = getopt_long(argc, argv, ":h", known, NULL)) != -1)
        status = read_option(o, option, argv);
    if (status != EXIT_DONE || o->help || o->version)
        return status;
    if (o->watch && o->format == FORMAT_JSON)
        return report(EXIT_USAGE, "--json prints one document, but --watch does not end: use --json-lines");
    if (o->interval_ms != 0 && !o->watch)
        return report(EXIT_USAGE, "--interval has no effect without --watch: add it, or leave out --interval");
    if (o->wait && o->watch)
        return report(EXIT_USAGE, "--watch always waits for the account's rate limit: leave out --wait");
    return read_ids(o, argc - optind, argv + optind);
}

int64_t options_interval_ms(const options *o)
{
    return o->interval_ms != 0 ? o->interval_ms : INTERVAL_MS;
}

void options_free(options *o)
{
    free(o->ids);
    o->ids = NULL;
}
