#include "options.h"

#include "report.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MS 20000 /* the shortest that the service allows */
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define HINT " (see locksync --help)"

/* Options without a letter. */
enum {
    OPT_COLOR = 256,
    OPT_COLUMNS,
    OPT_NO_HEADERS,
    OPT_CHANGES_ONLY,
    OPT_WAIT,
    OPT_GUARD_FILE,
    OPT_API_VERSION,
    OPT_BASE_URL,
    OPT_CA_FILE,
    OPT_SECRET
};

#define LETTERS ":wi:jlac:u:x:rt:k:qVh"

#define SECRETS 4 /* the first of these */

static const struct option known[] = {
    /* known only to be rejected with advice */
    {"key", optional_argument, NULL, OPT_SECRET},
    {"personal-key", optional_argument, NULL, OPT_SECRET},
    {"access-token", optional_argument, NULL, OPT_SECRET},
    {"token", optional_argument, NULL, OPT_SECRET},
    {"watch", no_argument, NULL, 'w'},
    {"interval", required_argument, NULL, 'i'},
    {"changes-only", no_argument, NULL, OPT_CHANGES_ONLY},
    {"exec", required_argument, NULL, 'x'},
    {"check", required_argument, NULL, 'c'},
    {"until", required_argument, NULL, 'u'},
    {"json", no_argument, NULL, 'j'},
    {"json-lines", no_argument, NULL, 'l'},
    {"age", no_argument, NULL, 'a'},
    {"columns", required_argument, NULL, OPT_COLUMNS},
    {"no-headers", no_argument, NULL, OPT_NO_HEADERS},
    {"color", required_argument, NULL, OPT_COLOR},
    {"quiet", no_argument, NULL, 'q'},
    {"refresh", no_argument, NULL, 'r'},
    {"wait", no_argument, NULL, OPT_WAIT},
    {"timeout", required_argument, NULL, 't'},
    {"key-file", required_argument, NULL, 'k'},
    {"guard-file", required_argument, NULL, OPT_GUARD_FILE},
    {"api-version", required_argument, NULL, OPT_API_VERSION},
    {"base-url", required_argument, NULL, OPT_BASE_URL},
    {"ca-file", required_argument, NULL, OPT_CA_FILE},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};
static const struct option *const usable = known + SECRETS;

#define ONE_OF_THEM "use one of them"
#define IN_TABLES "it is for tables only: leave it out"
#define SILENT "nothing is printed then, only the exit status has a meaning: leave it out"
#define ENDLESS "one document cannot have all changes: use --json-lines"
#define PATIENT "changes always wait for the account's rate limit: leave out --wait"

/* Options that exclude each other, and what to do. */
static const struct pair {
    int option;
    int other;
    const char *reason;
} excluding[] = {
    {'j', 'l', ONE_OF_THEM},
    {'c', 'u', ONE_OF_THEM},
    {'c', 'w', ONE_OF_THEM},
    {'u', 'w', ONE_OF_THEM},
    {'j', 'w', ENDLESS},
    {OPT_WAIT, 'w', PATIENT},
    {OPT_WAIT, 'u', PATIENT},
    {OPT_COLUMNS, 'j', IN_TABLES},
    {OPT_COLUMNS, 'l', IN_TABLES},
    {OPT_NO_HEADERS, 'j', IN_TABLES},
    {OPT_NO_HEADERS, 'l', IN_TABLES},
    {OPT_COLOR, 'j', IN_TABLES},
    {OPT_COLOR, 'l', IN_TABLES},
    {'j', 'c', SILENT},
    {'l', 'c', SILENT},
    {'a', 'c', SILENT},
    {OPT_COLUMNS, 'c', SILENT},
    {OPT_NO_HEADERS, 'c', SILENT},
    {OPT_COLOR, 'c', SILENT},
    {'j', 'u', SILENT},
    {'l', 'u', SILENT},
    {'a', 'u', SILENT},
    {OPT_COLUMNS, 'u', SILENT},
    {OPT_NO_HEADERS, 'u', SILENT},
    {OPT_COLOR, 'u', SILENT},
};

/* Options that have no effect without one of others. */
static const struct need {
    int option;
    int others[2]; /* 0: none */
} needs[] = {
    {'i', {'w', 'u'}},
    {'x', {'w'}},
    {OPT_CHANGES_ONLY, {'w'}},
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

static int read_condition(const char *name, const char *text, const condition **c)
{
    *c = condition_find(text);
    if (*c != NULL)
        return EXIT_DONE;
    return report(EXIT_USAGE, "--%s: expected locked, unlocked, open, closed, connected or disconnected" HINT, name);
}

static int read_command(char *text, char **command)
{
    *command = text;
    return *text != '\0' ? EXIT_DONE : report(EXIT_USAGE, "--exec: expected a command" HINT);
}

/* Lists the options that an ambiguous word may be short for; "" if no option matches, or the word is an option. */
static void list_candidates(const char *word, char *list, size_t size)
{
    size_t length = strcspn(word, "=");
    const char *between = "";
    size_t used = 0;

    list[0] = '\0';
    for (const struct option *o = usable; length > 2 && o->name != NULL; o++) {
        if (strncmp(o->name, word + 2, length - 2) != 0)
            continue;
        if (strlen(o->name) == length - 2) {
            list[0] = '\0';
            return;
        }
        used += (size_t)snprintf(list + used, used < size ? size - used : 0, "%s--%s", between, o->name);
        between = ", ";
    }
}

/* Returns the option with this value, or else the end of the list, which has no name. */
static const struct option *known_as(int value)
{
    const struct option *o = known;

    while (o->name != NULL && o->val != value)
        o++;
    return o;
}

/* Repeats only the option's name: the rest may be a secret in the wrong place. */
static int reject_option(int option, char **argv)
{
    const struct option *found = known_as(optopt); /* without a name: a word or letter that is no option */
    const char *word = argv[optind - 1];
    int name_length = (int)strcspn(word, "=");
    char candidates[256];

    if (found->name != NULL)
        return report(EXIT_USAGE, "--%s %s" HINT, found->name, option == ':' ? "needs a value" : "takes no value");
    if (optopt != 0)
        return report(EXIT_USAGE, "-%c: no such option" HINT, optopt);
    list_candidates(word, candidates, sizeof candidates);
    if (*candidates != '\0')
        return report(EXIT_USAGE, "%.*s is ambiguous: it may be short for %s", name_length, word, candidates);
    return report(EXIT_USAGE, "%.*s: no such option" HINT, name_length, word);
}

static int read_option(options *o, int option, char **argv)
{
    switch (option) {
    case 'w': o->watch = true; return EXIT_DONE;
    case 'i': return read_seconds("interval", optarg, 20, 3600, &o->interval_ms);
    case OPT_CHANGES_ONLY: o->changes_only = true; return EXIT_DONE;
    case 'x': return read_command(optarg, &o->exec);
    case 'c': return read_condition("check", optarg, &o->check);
    case 'u': return read_condition("until", optarg, &o->until);
    case 'j': o->format = FORMAT_JSON; return EXIT_DONE;
    case 'l': o->format = FORMAT_JSON_LINES; return EXIT_DONE;
    case 'a': o->age = true; return EXIT_DONE;
    case OPT_COLUMNS: return read_columns(optarg, &o->columns);
    case OPT_NO_HEADERS: o->no_headers = true; return EXIT_DONE;
    case OPT_COLOR: return read_color(optarg, &o->color);
    case 'q': notices_off(); return EXIT_DONE;
    case 'r': o->refresh = true; return EXIT_DONE;
    case OPT_WAIT: o->wait = true; return EXIT_DONE;
    case 't': return read_seconds("timeout", optarg, 0.001, 86400, &o->timeout_ms);
    case 'k': o->key_file = optarg; return EXIT_DONE;
    case OPT_GUARD_FILE: o->guard_file = optarg; return EXIT_DONE;
    case OPT_API_VERSION: o->api_version = optarg; return EXIT_DONE;
    case OPT_BASE_URL: o->base_url = optarg; return EXIT_DONE;
    case OPT_CA_FILE: o->ca_file = optarg; return EXIT_DONE;
    case 'h': o->help = true; return EXIT_DONE;
    case 'V': o->version = true; return EXIT_DONE;
    case OPT_SECRET:
        return report(EXIT_USAGE,
                      "a key on the command line can be seen by every user and in the shell's history: set "
                      "LOCKSYNC_PERSONAL_KEY, or use --key-file");
    default: return reject_option(option, argv);
    }
}

static bool is_given(const bool given[COUNT_OF(known)], int option)
{
    return given[known_as(option) - known];
}

/* Rejects options that do not go together. `given` has a flag for each of the known options, here and below. */
static int check_together(const bool given[COUNT_OF(known)])
{
    for (size_t i = 0; i < COUNT_OF(excluding); i++)
        if (is_given(given, excluding[i].option) && is_given(given, excluding[i].other))
            return report(EXIT_USAGE, "--%s does not go with --%s: %s", known_as(excluding[i].option)->name,
                          known_as(excluding[i].other)->name, excluding[i].reason);
    return EXIT_DONE;
}

/* Returns whether an option goes together with those that are given. */
static bool can_add(const bool given[COUNT_OF(known)], int option)
{
    size_t i = 0;

    while (i < COUNT_OF(excluding) && !(excluding[i].option == option && is_given(given, excluding[i].other)) &&
           !(excluding[i].other == option && is_given(given, excluding[i].option)))
        i++;
    return i == COUNT_OF(excluding);
}

/* Rejects options without the one that they need, and advises only what would not be rejected. */
static int check_needs(const bool given[COUNT_OF(known)])
{
    for (size_t i = 0; i < COUNT_OF(needs); i++) {
        const int *others = needs[i].others;
        bool has_second = others[1] != 0;
        char advice[64] = "";

        if (!is_given(given, needs[i].option) || is_given(given, others[0]) ||
            (has_second && is_given(given, others[1])))
            continue;
        for (size_t k = 0; k < (has_second ? 2 : 1); k++)
            if (can_add(given, others[k]))
                (void)snprintf(advice + strlen(advice), sizeof advice - strlen(advice), ", or add --%s",
                               known_as(others[k])->name);
        return report(EXIT_USAGE, "--%s has no effect without --%s%s%s: leave it out%s",
                      known_as(needs[i].option)->name, known_as(others[0])->name, has_second ? " or --" : "",
                      has_second ? known_as(others[1])->name : "", advice);
    }
    return EXIT_DONE;
}

static int check_values(const options *o)
{
    if (o->age && !o->watch && o->columns.count > 0 && !table_has_column(&o->columns, COLUMN_CHANGED))
        return report(EXIT_USAGE, "--age has no effect without the column changed: leave it out, or add the column");
    if (o->check != NULL && o->lock_count == 0)
        return report(EXIT_USAGE, "--check needs the name, serial number or id of a lock" HINT);
    for (size_t i = 0; i < o->lock_count; i++)
        if (*o->locks[i] == '\0')
            return report(EXIT_USAGE, "argument %zu is empty: expected a lock's name, serial number or id", i + 1);
    return EXIT_DONE;
}

/* Reads the next option. A word that may also be short for a secret is short for the other option. */
static int next_option(int argc, char **argv)
{
    int option = getopt_long(argc, argv, LETTERS, known, NULL);

    if (option == '?' && optopt == 0) {
        optind--;
        option = getopt_long(argc, argv, LETTERS, usable, NULL);
    }
    return option;
}

int options_read(options *o, int argc, char **argv)
{
    bool given[COUNT_OF(known)] = {false};
    int status = EXIT_DONE;
    int option;

    opterr = 0;
    while (status == EXIT_DONE && (option = next_option(argc, argv)) != -1) {
        status = read_option(o, option, argv);
        if (status == EXIT_DONE)
            given[known_as(option) - known] = true;
    }
    if (status != EXIT_DONE || o->help || o->version)
        return status;
    o->locks = argv + optind;
    o->lock_count = (size_t)(argc - optind);
    status = check_together(given);
    if (status == EXIT_DONE)
        status = check_needs(given);
    return status == EXIT_DONE ? check_values(o) : status;
}

int64_t options_interval_ms(const options *o)
{
    return o->interval_ms != 0 ? o->interval_ms : INTERVAL_MS;
}
