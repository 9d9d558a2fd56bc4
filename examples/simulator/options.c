/* Reads the command line and checks each value. The first bad value ends the program with one line on stderr. */

#include "options.h"

#include "roster.h"
#include "text.h"

#include <errno.h>
#include <getopt.h>

#define MOST_TLS_FILE 1048576

static const char help[] =
    "Usage: locksync-sim [OPTION]...\n"
    "Imitates the sync and directory endpoints of the Tedee cloud, on 127.0.0.1. The first line on\n"
    "stdout is its base URL. On SIGTERM or SIGINT it prints its statistics and ends.\n"
    "\n"
    "  --port N             port to listen on; 0: any free port (default 0)\n"
    "  --locks N            number of locks, with ids 1001, 1002, ... (default 4, at most 100000)\n"
    "  --personal-key K     an account, for Authorization: PersonalKey K (repeatable; default demo-key)\n"
    "  --access-token T     an account, for Authorization: Bearer T (repeatable)\n"
    "  --any-key            every credential is an account\n"
    "  --api-version V      the only version served (default v37)\n"
    "  --min-interval-ms N  429 for a sync sooner than this after the last; 0: off (default)\n"
    "  --hourly-budget N    429 for more requests in a window of 3600 s; 0: off (default)\n"
    "  --directory-budget N 429 for more directories in a window of 600 s; 0: off (default)\n"
    "  --seed N             another number makes other locks (default 1)\n"
    "  --delay-ms N         delay of each response (default 0)\n"
    "  --time-scale X       simulated seconds in a real second (default 1.0, at most 10000)\n"
    "  --change-s N         seconds of the locks until one is renamed, re-added with another id,\n"
    "                       removed or added, one after the other; 0: never (default)\n"
    "  --static             the locks never change by themselves\n"
    "  --gzip               compress bodies if the client accepts it\n"
    "  --tls-cert FILE      serve https with this certificate (PEM) ...\n"
    "  --tls-key FILE       ... and its key (PEM)\n"
    "  --journal FILE       write each good response to a sync to FILE (see README.md)\n"
    "  --threads N          threads that serve (default 2, at most 64)\n"
    "  --fault NAME[:N]     a fault in every Nth response (repeatable; default: in each):\n"
    "                       401 403 404 429 500 503 html empty truncated reset slow bad-json\n"
    "                       wrong-type huge gzip-bomb redirect success-false\n"
    "  --help               print this help\n"
    "\n"
    "Errors: 400, 401 and 429 have no body, 403 and 404 the JSON envelope, 500 an HTML page, 503 no\n"
    "body and Retry-After: 7. Retry-After of a 429 is the wait that the rate rules need, or 7 if\n"
    "--fault made it.\n"
    "\n"
    "GET  /api/V/my/lock/sync?id=..&id=..\n"
    "GET  /api/V/my/lock/ID/sync\n"
    "GET  /api/V/my/lock[?ItemsPerPage=N&Page=N&IncludeUserSettings=true]\n"
    "GET  /api/V/my/lock/ID[?IncludeUserSettings=true]\n"
    "\n"
    "GET  /_sim/stats[?personal-key=K | ?access-token=T]\n"
    "POST /_sim/reset\n"
    "POST /_sim/fault?name=NAME&every=N\n"
    "POST /_sim/lock?change=CHANGE[&id=ID][&name=NAME]\n";

enum {
    OPT_PORT = 256,
    OPT_LOCKS,
    OPT_PERSONAL_KEY,
    OPT_ACCESS_TOKEN,
    OPT_ANY_KEY,
    OPT_API_VERSION,
    OPT_MIN_INTERVAL,
    OPT_HOURLY_BUDGET,
    OPT_DIRECTORY_BUDGET,
    OPT_SEED,
    OPT_DELAY,
    OPT_TIME_SCALE,
    OPT_CHANGE,
    OPT_STATIC,
    OPT_GZIP,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_JOURNAL,
    OPT_THREADS,
    OPT_FAULT,
    OPT_HELP
};

static const struct option known[] = {
    {"port", required_argument, NULL, OPT_PORT},
    {"locks", required_argument, NULL, OPT_LOCKS},
    {"personal-key", required_argument, NULL, OPT_PERSONAL_KEY},
    {"access-token", required_argument, NULL, OPT_ACCESS_TOKEN},
    {"any-key", no_argument, NULL, OPT_ANY_KEY},
    {"api-version", required_argument, NULL, OPT_API_VERSION},
    {"min-interval-ms", required_argument, NULL, OPT_MIN_INTERVAL},
    {"hourly-budget", required_argument, NULL, OPT_HOURLY_BUDGET},
    {"directory-budget", required_argument, NULL, OPT_DIRECTORY_BUDGET},
    {"seed", required_argument, NULL, OPT_SEED},
    {"delay-ms", required_argument, NULL, OPT_DELAY},
    {"time-scale", required_argument, NULL, OPT_TIME_SCALE},
    {"change-s", required_argument, NULL, OPT_CHANGE},
    {"static", no_argument, NULL, OPT_STATIC},
    {"gzip", no_argument, NULL, OPT_GZIP},
    {"tls-cert", required_argument, NULL, OPT_TLS_CERT},
    {"tls-key", required_argument, NULL, OPT_TLS_KEY},
    {"journal", required_argument, NULL, OPT_JOURNAL},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"fault", required_argument, NULL, OPT_FAULT},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

_Noreturn static void reject(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, "locksync-sim: %s '%s': expected %s\n", option, value, expected);
    exit(2);
}

static int64_t whole_number(const char *option, const char *value, int64_t least, int64_t most)
{
    char expected[80];
    char *end;
    long long number;

    errno = 0;
    number = strtoll(value, &end, 10);
    if (errno == 0 && end != value && *end == '\0' && number >= least && number <= most)
        return number;
    snprintf(expected, sizeof expected, "a whole number from %lld to %lld", (long long)least, (long long)most);
    reject(option, value, expected);
}

static double time_scale(const char *value)
{
    char *end;
    double scale = strtod(value, &end);

    if (end == value || *end != '\0' || !(scale >= 0.001 && scale <= 10000)) /* rejects NaN too */
        reject("--time-scale", value, "a number from 0.001 to 10000");
    return scale;
}

static const char *version(const char *value)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(value);

    if (size == 0 || size > 32 || strspn(value, allowed) != size)
        reject("--api-version", value, "a version such as v37 or v1.34");
    return value;
}

static void add_credential(struct options *options, enum scheme scheme, const char *option, const char *value)
{
    if (*value == '\0' || strpbrk(value, " \t\r\n") != NULL)
        reject(option, value, "a text without spaces");
    options->credentials[options->credential_count++] = (struct credential){scheme, value};
}

static void add_fault(struct options *options, const char *value)
{
    const char *colon = strchr(value, ':');
    enum fault fault = fault_by_name(value, colon != NULL ? (size_t)(colon - value) : strlen(value));

    if (fault == FAULT_NONE)
        reject("--fault", value, "the name of a fault (see --help), optionally followed by :N");
    options->fault_every[fault] = colon != NULL ? (uint32_t)whole_number("--fault NAME:", colon + 1, 1, INT32_MAX) : 1;
}

static char *read_file(const char *option, const char *path)
{
    char reason[128];
    FILE *file = fopen(path, "rb");
    char *content = must(calloc(1, MOST_TLS_FILE + 1));
    size_t size = file != NULL ? fread(content, 1, MOST_TLS_FILE, file) : 0;

    if (size == 0) {
        snprintf(reason, sizeof reason, "a PEM file (%s)", file == NULL ? strerror(errno) : "it could not be read");
        reject(option, path, reason);
    }
    fclose(file);
    return content;
}

static void replace(char **old, char *new)
{
    free(*old);
    *old = new;
}

static void take(struct options *options, int option, const char *value)
{
    switch (option) {
    case OPT_PORT: options->port = (uint16_t)whole_number("--port", value, 0, UINT16_MAX); break;
    case OPT_LOCKS: options->locks = whole_number("--locks", value, 0, MOST_LOCKS); break;
    case OPT_PERSONAL_KEY: add_credential(options, PERSONAL_KEY, "--personal-key", value); break;
    case OPT_ACCESS_TOKEN: add_credential(options, BEARER, "--access-token", value); break;
    case OPT_ANY_KEY: options->rules.any_key = true; break;
    case OPT_API_VERSION: options->api_version = version(value); break;
    case OPT_MIN_INTERVAL:
        options->rules.min_interval_us = 1000 * whole_number("--min-interval-ms", value, 0, 3600000);
        break;
    case OPT_HOURLY_BUDGET:
        options->rules.hourly_budget = (uint32_t)whole_number("--hourly-budget", value, 0, 1000000);
        break;
    case OPT_DIRECTORY_BUDGET:
        options->rules.directory_budget = (uint32_t)whole_number("--directory-budget", value, 0, 1000000);
        break;
    case OPT_SEED: options->seed = (uint64_t)whole_number("--seed", value, 0, INT64_MAX); break;
    case OPT_DELAY: options->delay_us = 1000 * whole_number("--delay-ms", value, 0, 3600000); break;
    case OPT_TIME_SCALE: options->time_scale = time_scale(value); break;
    case OPT_CHANGE: options->change_us = 1000000 * whole_number("--change-s", value, 0, 86400); break;
    case OPT_STATIC: options->frozen = true; break;
    case OPT_GZIP: options->gzip = true; break;
    case OPT_TLS_CERT: replace(&options->tls_cert, read_file("--tls-cert", value)); break;
    case OPT_TLS_KEY: replace(&options->tls_key, read_file("--tls-key", value)); break;
    case OPT_JOURNAL: options->journal = value; break;
    case OPT_THREADS: options->threads = (unsigned)whole_number("--threads", value, 1, 64); break;
    case OPT_FAULT: add_fault(options, value); break;
    case OPT_HELP: fputs(help, stdout); exit(0);
    default: exit(2); /* getopt has printed the error */
    }
}

void options_parse(struct options *options, int argc, char **argv)
{
    int option;

    *options = (struct options){.locks = 4, .api_version = "v37", .seed = 1, .time_scale = 1.0, .threads = 2};
    options->credentials = must(calloc((size_t)argc + 1, sizeof *options->credentials));
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
        take(options, option, optarg);
    if (optind < argc)
        reject("argument", argv[optind], "options only (see --help)");
    if ((options->tls_cert == NULL) != (options->tls_key == NULL)) {
        fputs("locksync-sim: --tls-cert and --tls-key must be used together\n", stderr);
        exit(2);
    }
    if (options->credential_count == 0 && !options->rules.any_key)
        add_credential(options, PERSONAL_KEY, "--personal-key", "demo-key");
}

void options_free(struct options *options)
{
    free(options->credentials);
    free(options->tls_cert);
    free(options->tls_key);
}
