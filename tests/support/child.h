/* Runs programs for a test: starts them without a shell, ends them by their process id. They also end if the test
   crashes. */
#ifndef KIT_CHILD_H
#define KIT_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct child child;

/* Starts argv[0], a path or a name to be found in PATH. Its stdin is empty, and its stdout is kept for the caller.
   `quiet`: its stderr is discarded. `argv` ends with NULL. */
child *child_start(const char *const *argv, bool quiet);

/* Waits for a line of its stdout that begins with `prefix`. Returns it without the line feed; free() it. NULL: no such
   line within `ms`, or the program ended. */
char *child_line(child *c, const char *prefix, int64_t ms);

bool child_is_running(child *c);

void child_signal(child *c, int signal_number);

/* Stops it until SIGCONT. Returns once it is stopped. */
void child_pause(child *c);

/* Sends `signal_number` (0: none), waits until the program ends (SIGKILL after some seconds), and frees `c`. Returns
   all of its stdout; free() it. *status: the exit status, or 128 + the signal that ended it. `status` may be NULL. */
char *child_stop(child *c, int signal_number, int *status);

/* Runs a program to its end without its output. Ends the test unless it succeeds. */
void child_run(const char *const *argv);

/* Runs a function in a child process until it ends. Returns its exit status, or 128 + its signal. The function must not
   use cmocka's checks. */
int in_child(int (*run)(void *user), void *user);
pid_t begin_child(int (*run)(void *user), void *user);
int end_child(pid_t pid);

#endif
