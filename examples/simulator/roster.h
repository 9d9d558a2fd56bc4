/* The locks of the account over time: their ids and names; roster.c describes how they change. */
#ifndef LOCKSYNC_SIM_ROSTER_H
#define LOCKSYNC_SIM_ROSTER_H

#include "locks.h"

#define FIRST_LOCK_ID 1001
#define MOST_LOCKS 100000
#define NAME_SIZE 256      /* of a name's room */
#define MOST_NAME_SIZE 200 /* of a name that is given */

enum change { CHANGE_RENAME, CHANGE_RE_ADD, CHANGE_REMOVE, CHANGE_ADD, CHANGE_NONE /* also the number of changes */ };

struct roster;

/* Borrows the locks. period_us: the simulated time between two changes; 0: only roster_change() changes it. */
struct roster *roster_new(const struct locks *locks, int64_t count, int64_t period_us);
void roster_free(struct roster *roster);

/* Makes the changes that are due, and prevents others until roster_release(). The functions from here to roster_look()
   need this. */
void roster_hold(struct roster *roster, int64_t now_us);
void roster_release(struct roster *roster);

uint64_t roster_seed(const struct roster *roster);
bool roster_has(const struct roster *roster, int64_t id);
bool roster_has_changed(const struct roster *roster);

/* Returns the first id after `id`, in ascending order; 0: none. It begins with roster_next(roster, 0). */
int64_t roster_next(const struct roster *roster, int64_t id);

/* Return or write what is known of a lock for which roster_has() is true. One that was re-added has the same number and
   the same name. */
int64_t roster_number(const struct roster *roster, int64_t id);
const char *roster_name(const struct roster *roster, int64_t id, char room[NAME_SIZE]);
void roster_look(const struct roster *roster, int64_t id, int64_t now_us, struct lock_state *seen);

enum change change_by_name(const char *name); /* CHANGE_NONE: no such change */

/* Makes a change, not held. Returns the id of the lock after it; 0: the lock does not exist. `id` is not used to add a
   lock. A NULL as `name` means a name of the simulator; re-adding and removing ignore it. */
int64_t roster_change(struct roster *roster, enum change change, int64_t id, const char *name);

#endif
