/* Signals during a fetch or watch, and the key q. A thread waits for them, because a handler must not call
   lock_sync_cancel(). */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <locksync/locksync.h>

/* The signals that end the command. */
#define SIGNALS_TERMINATING_COUNT 4
extern const int signals_terminating[SIGNALS_TERMINATING_COUNT];

/* A screen's callbacks for signals; called on the signal thread, never after signals_end(). */
typedef struct signals_screen {
    void *user;
    int keys_fd; /* where typed keys are read; -1: no keys */
    void (*resized)(void *user);
    void (*stop)(void *user); /* Ctrl-Z: leaves the screen, stops the process, and enters the screen again */
} signals_screen;

#define SIGNALS_KEY_Q (-1) /* as the number of a signal: the key q was typed */

/* Makes a signal that would end the command, or the key q, cancel the fetch or watch of `ctx` instead. Cancels
   repeatedly until signals_end(), because it may come just before a fetch begins. `screen` may be NULL. Call it before
   other threads are started. Returns false if the thread could not be started. */
bool signals_begin(lock_sync_ctx *ctx, const signals_screen *screen);

/* Returns the signal that must end the command, or SIGNALS_KEY_Q; 0: nothing yet. */
int signals_caught(void);

/* Stops the process as Ctrl-Z does, unless no shell could continue it. For the callback `stop`. */
void signals_stop(void);

/* Waits; returns false if a signal arrived. */
bool signals_sleep(int64_t ms);

void signals_end(void);

/* Ends the process by the caught signal; returns if no signal was caught. */
void signals_reraise(void);

#endif
