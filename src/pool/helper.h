/* The helper thread: guards whose stores may block. */
#ifndef LSYNC_POOL_HELPER_H
#define LSYNC_POOL_HELPER_H

#include "pool/state.h"

/* Hands a job's step at the guard to the helper thread, starting it if need be. OK or E_NO_MEMORY. */
lock_sync_status lsync_helper_send(lsync_job *job);
/* Takes a question back that the thread has not begun. */
bool lsync_helper_withdraw(lsync_job *job);
/* The next job whose step is done; NULL: none. */
lsync_job *lsync_helper_receive(lock_sync_pool *p);
/* Ends the thread, after the step it is at; then what it had is received. */
void lsync_helper_stop(lock_sync_pool *p);

#endif
