/* The macros that tests are written with. A test's name is the behaviour. CHECK reports what is wrong and continues, so
   that a table shows all its bad rows. MUST ends the test where it makes no sense to continue. */
#ifndef CHECKS_H
#define CHECKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "locksync/common.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#define TEST(name) TEST_IN(name, NULL, NULL)

/* The same, with a function before it and one after it. */
#define TEST_IN(name, before, after)                                                                                   \
  static void name##_body(void **t_state);                                                                             \
  static void name(void **t_state)                                                                                     \
  {                                                                                                                    \
    t_run(name##_body, t_state);                                                                                       \
  }                                                                                                                    \
  __attribute__((constructor)) static void name##_is_there(void)                                                       \
  {                                                                                                                    \
    t_add(#name, name, before, after);                                                                                 \
  }                                                                                                                    \
  static void name##_body(void **t_state __attribute__((unused)))

/* Runs all tests of the program in the order of the source, and returns what main() returns. main.c has a main() that
   calls the first function. The second one calls `before` before the first test, and `after` after the last. */
int t_run_all(void);
int t_run_all_in(CMFixtureFunction before, CMFixtureFunction after);

void t_run(CMUnitTestFunction body, void **t_state); /* the test fails if a check failed */
void t_add(const char *name, CMUnitTestFunction test, CMFixtureFunction before, CMFixtureFunction after);

/* Names the row of a table that the next checks belong to, and counts it as a case. */
void t_row(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Skips the test and prints `why_not`, unless `is_there`. */
void t_need(bool is_there, const char *why_not);

/* Calls `release(thing)` after the test, for the last thing first. Returns the thing. t_release() makes these calls
   now, for tables whose rows make many things. */
void *t_later(void (*release)(void *thing), void *thing);
void t_release(void);

bool t_check(bool good, const char *what, const char *file, int line);
bool t_check_int(int64_t got, int64_t want, const char *what, const char *file, int line);
bool t_check_between(int64_t got, int64_t least, int64_t most, const char *what, const char *file, int line);
bool t_check_text(const char *got, const char *want, const char *what, const char *file, int line);
bool t_check_holds(const char *text, const char *part, bool wanted, const char *what, const char *file, int line);
void t_must(bool good, const char *file, int line); /* ends the test unless `good` */
void t_child_must(bool good);

#define CHECK(condition) t_check(condition, #condition, __FILE__, __LINE__)
#define CHECK_INT(got, want) t_check_int((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)
#define CHECK_BETWEEN(got, least, most)                                                                                \
  t_check_between((int64_t)(got), (int64_t)(least), (int64_t)(most), #got, __FILE__, __LINE__)
#define CHECK_TEXT(got, want) t_check_text(got, want, #got, __FILE__, __LINE__)
#define CHECK_HOLDS(text, part) t_check_holds(text, part, true, #text, __FILE__, __LINE__)
#define CHECK_LACKS(text, part) t_check_holds(text, part, false, #text, __FILE__, __LINE__)
#define CHECK_OK(call) CHECK_INT(call, LOCK_SYNC_OK)

#define MUST(condition) t_must(CHECK(condition), __FILE__, __LINE__)
#define MUST_INT(got, want) t_must(CHECK_INT(got, want), __FILE__, __LINE__)
#define MUST_BETWEEN(got, least, most) t_must(CHECK_BETWEEN(got, least, most), __FILE__, __LINE__)
#define MUST_TEXT(got, want) t_must(CHECK_TEXT(got, want), __FILE__, __LINE__)
#define MUST_OK(call) MUST_INT(call, LOCK_SYNC_OK)

/* For a child process, where cmocka cannot end a test: exits with status 3. */
#define CHILD_MUST(condition) t_child_must(CHECK(condition))

#endif
