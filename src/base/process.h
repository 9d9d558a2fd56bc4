/* Detects that an object is used in another process than before: in a child after fork(). */
#ifndef LSYNC_BASE_PROCESS_H
#define LSYNC_BASE_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>

/* The process that an object belongs to. */
typedef struct lsync_process {
    atomic_long id;
} lsync_process;

void lsync_process_init(lsync_process *p);

/* Returns true to one thread of a process that the object does not belong to yet. After a fork, mutexes that a thread
   of the parent held are in an unknown state. The thread must renew them and then call lsync_process_adopt(). Other
   threads wait for that call. */
bool lsync_process_changed(lsync_process *p);
void lsync_process_adopt(lsync_process *p);

#endif
