/* Programs that a test runs: started without a shell, ended by their process id and no other. They end with the test,
   however that ends. */
#ifndef KIT_CHILD_H
#define KIT_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct child child;

/* Starts argv[0] (a path, or a name that PATH finds), with an empty stdin and its stdout kept for us. `quiet`: its
   stderr goes nowhere. `argv` ends with NULL. */
child *child_start(const char *const *argv, bool quiet);

/* The first line of its stdout that begins with `prefix`, without the line feed; free() it. NULL when none came in
   time, or it ended before. */
char *child_line(child *c, const char *prefix, int64_t ms);

bool child_is_running(child *c);

void child_signal(child *c, int signal_number);

/* Stops it, to go on at SIGCONT. When this returns it does nothing any more. */
void child_pause(child *c);

/* Sends `signal_number` (0: none), waits for the end (SIGKILL after some seconds), frees it. Returns all of its stdout,
   to be free()d; in *status the exit status, or 128 + the signal that ended it. `status` may be NULL. */
char *child_stop(child *c, int signal_number, int *status);

/* Runs a program to its end, quietly; ends the test unless it succeeds. */
void child_run(const char *const *argv);

/* Runs a function in a child process (which must not fail by cmocka's means), until its end; its exit status, or 128 +
   its signal. */
int in_child(int (*run)(void *user), void *user);
pid_t begin_child(int (*run)(void *user), void *user);
int end_child(pid_t pid);

#endif
