/* Signals during a fetch or watch. A thread waits for them, because a handler must not call lock_sync_cancel(). */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <locksync/locksync.h>

/* A screen's callbacks for signals; called on the signal thread, never after signals_end(). */
typedef struct signals_screen {
    void *user;
    void (*resized)(void *user);
    void (*stop)(void *user); /* Ctrl-Z: leaves the screen, stops the process, and enters the screen again */
} signals_screen;

/* From now on a signal that would end the command cancels the fetch or watch of `ctx` instead. It cancels repeatedly
   until signals_end(), because the signal may arrive just before a fetch begins. `screen` may be NULL. Call it before
   other threads are started. Returns false if the thread could not be started. */
bool signals_begin(lock_sync_ctx *ctx, const signals_screen *screen);

/* Returns the signal that must end the command; 0: no signal yet. */
int signals_caught(void);

/* Stops the process as Ctrl-Z does, unless no shell could continue it. For the callback `stop`. */
void signals_stop(void);

/* Waits; returns false if a signal arrived. */
bool signals_sleep(int64_t ms);

void signals_end(void);

/* Ends the process by the caught signal; returns if no signal was caught. */
void signals_reraise(void);

#endif
