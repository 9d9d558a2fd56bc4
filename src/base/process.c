/* Detects that an object is used in a forked child; see process.h. */
#include "base/process.h"

#include <sched.h>
#include <unistd.h>

void lsync_process_init(lsync_process *p)
{
    atomic_init(&p->id, (long)getpid());
}

bool lsync_process_changed(lsync_process *p)
{
    long mine = (long)getpid();
    long id = atomic_load(&p->id);

    while (id != mine) { /* -mine: another thread of this process is renewing the object */
        if (id != -mine && atomic_compare_exchange_weak(&p->id, &id, -mine))
            return true;
        if (id == -mine)
            (void)sched_yield();
        id = atomic_load(&p->id);
    }
    return false;
}

void lsync_process_adopt(lsync_process *p)
{
    atomic_store(&p->id, (long)getpid());
}
