/* Signals while the command talks to the service: a thread waits for them, as a handler must not call
   lock_sync_cancel(). */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <locksync/locksync.h>

/* What a screen does on signals; called on the thread of the signals, not after signals_end(). */
typedef struct signals_screen {
    void *user;
    void (*resized)(void *user);
    void (*stop)(void *user); /* Ctrl-Z: gives the terminal back, stops the process, and takes it again */
} signals_screen;

/* From now on a signal that ends the command ends the fetch or watch of `ctx` instead, again and again until
   signals_end(), as it may come just before one begins. `screen` may be NULL. Call it before other threads are started.
   Returns false when the thread could not be started. */
bool signals_begin(lock_sync_ctx *ctx, const signals_screen *screen);

/* The signal that shall end the command; 0: none yet. */
int signals_caught(void);

/* Stops the process, as Ctrl-Z does: not where no shell could let it go on. For `stop`. */
void signals_stop(void);

/* Waits; false when a signal came. */
bool signals_sleep(int64_t ms);

void signals_end(void);

/* Ends the process as the caught signal would have; returns if there was none. */
void signals_obey(void);

#endif
