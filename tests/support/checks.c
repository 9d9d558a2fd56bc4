/* The macros that tests are written with; see checks.h. */
#include "checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LATER_MAX 256

static struct later {
    void (*release)(void *thing);
    void *thing;
} later[LATER_MAX];
static size_t later_count;

#define TESTS_MAX 100

static struct CMUnitTest written[TESTS_MAX];
static size_t written_count;
static char row[256];
static size_t rows;
static size_t failures;

void *t_later(void (*release)(void *thing), void *thing)
{
    if (later_count == LATER_MAX)
        fail_msg("a test makes more than %d things", LATER_MAX);
    later[later_count++] = (struct later){release, thing};
    return thing;
}

void t_release(void)
{
    while (later_count > 0) {
        later_count--;
        later[later_count].release(later[later_count].thing);
    }
}

void t_run(CMUnitTestFunction body, void **t_state)
{
    t_release(); /* what a test that ended early left */
    failures = 0;
    row[0] = '\0';
    body(t_state);
    t_release();
    if (failures > 0)
        fail();
}

void t_add(const char *name, CMUnitTestFunction test, CMFixtureFunction before, CMFixtureFunction after)
{
    if (written_count < TESTS_MAX)
        written[written_count] = (struct CMUnitTest){name, test, before, after, NULL};
    written_count++;
}

int t_run_all(void)
{
    return t_run_all_in(NULL, NULL);
}

int t_run_all_in(CMFixtureFunction before, CMFixtureFunction after)
{
    int failed;

    if (written_count > TESTS_MAX) {
        print_error("%zu tests, and room for %d\n", written_count, TESTS_MAX);
        return 1;
    }
    failed = _cmocka_run_group_tests("all", written, written_count, before, after);
    t_release();
    if (rows > 0)
        print_message("%zu rows of tables\n", rows);
    return failed;
}

void t_row(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(row, sizeof row, format, arguments);
    va_end(arguments);
    rows++;
}

void t_need(bool is_there, const char *why_not)
{
    if (is_there)
        return;
    print_message("skipped: %s\n", why_not);
    skip();
}

static void complain(const char *file, int line)
{
    failures++;
    print_error("%s:%d: %s%s%s", file, line, row[0] == '\0' ? "" : "[", row, row[0] == '\0' ? "" : "] ");
}

bool t_check(bool good, const char *what, const char *file, int line)
{
    if (!good) {
        complain(file, line);
        print_error("not true: %s\n", what);
    }
    return good;
}

bool t_check_int(int64_t got, int64_t want, const char *what, const char *file, int line)
{
    if (got != want) {
        complain(file, line);
        print_error("%s is %" PRId64 ", not %" PRId64 "\n", what, got, want);
    }
    return got == want;
}

bool t_check_between(int64_t got, int64_t least, int64_t most, const char *what, const char *file, int line)
{
    bool good = got >= least && got <= most;

    if (!good) {
        complain(file, line);
        print_error("%s is %" PRId64 ", not %" PRId64 " to %" PRId64 "\n", what, got, least, most);
    }
    return good;
}

bool t_check_text(const char *got, const char *want, const char *what, const char *file, int line)
{
    bool good = got == NULL || want == NULL ? got == want : strcmp(got, want) == 0;

    if (!good) {
        complain(file, line);
        print_error("%s is \"%s\", not \"%s\"\n", what, got == NULL ? "(NULL)" : got, want == NULL ? "(NULL)" : want);
    }
    return good;
}

bool t_check_holds(const char *text, const char *part, bool wanted, const char *what, const char *file, int line)
{
    bool good = part != NULL && (text != NULL && strstr(text, part) != NULL) == wanted;

    if (!good) {
        complain(file, line);
        print_error("%s, \"%s\", %s \"%s\"\n", what, text == NULL ? "(NULL)" : text, wanted ? "lacks" : "holds",
                    part == NULL ? "(NULL)" : part);
    }
    return good;
}

void t_must(bool good, const char *file, int line)
{
    if (!good)
        _fail(file, line);
}

void t_child_must(bool good)
{
    if (!good)
        _exit(3);
}
