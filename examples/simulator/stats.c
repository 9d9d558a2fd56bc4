/* Writes the statistics, which count from the start or the last reset. */

#include "stats.h"

#include <inttypes.h>
#include <stdarg.h>

__attribute__((format(printf, 2, 3))) static void print(struct text *json, const char *format, ...)
{
    va_list values;
    int size;

    va_start(values, format);
    size = vsnprintf(text_room(json, 256), 256, format, values);
    va_end(values);
    json->size += (size_t)size;
}

static void print_rules(struct text *json, const struct tally *tally)
{
    print(json, "\"interval_violations\":%" PRIu64 ",\"budget_violations\":%" PRIu64, tally->interval_violations,
          tally->budget_violations);
    print(json, ",\"window_violations\":%" PRIu64 ",\"closest_us\":%" PRId64, tally->window_violations,
          tally->closest_us);
}

/* Writes the end of the line: later members are appended. */
static void print_directories(struct text *json, const struct tally *tally)
{
    print(json, ",\"directories\":%" PRIu64 ",\"directory_violations\":%" PRIu64 "}\n", tally->directories,
          tally->directory_violations);
}

void stats_of_all(struct server *server, struct text *json)
{
    struct tally tally;

    accounts_tally(server->accounts, &tally);
    print(json, "{\"requests\":%" PRIuFAST64 ",\"syncs\":%" PRIu64, atomic_load(&server->requests), tally.syncs);
    print(json, ",\"connections\":%" PRIuFAST64 ",\"unauthorized\":%" PRIuFAST64 ",", atomic_load(&server->connections),
          atomic_load(&server->unauthorized));
    print_rules(json, &tally);
    print(json, ",\"accounts\":%" PRIu64, tally.accounts);
    print_directories(json, &tally);
}

bool stats_of_account(struct server *server, enum scheme scheme, const char *credential, struct text *json)
{
    struct tally tally;

    if (!accounts_tally_one(server->accounts, scheme, credential, &tally))
        return false;
    print(json, "{\"requests\":%" PRIu64 ",\"syncs\":%" PRIu64 ",", tally.requests, tally.syncs);
    print_rules(json, &tally);
    print_directories(json, &tally);
    return true;
}
