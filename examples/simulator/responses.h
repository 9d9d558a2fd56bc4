/* The bodies of good answers, in the shape of the API version that is served. */
#ifndef LOCKSYNC_SIM_ANSWER_H
#define LOCKSYNC_SIM_ANSWER_H

#include "locks.h"
#include "text.h"

/* What a record looks like changed with the versions; see answer.c. */
struct shape {
    bool dates;        /* stateChangeResult and lastStateChangedDate */
    bool revision;     /* revision and doorState */
    bool device_state; /* the state object is called deviceState, not lockProperties */
};
struct shape shape_of_version(const char *version);

struct answers;

/* Borrows the locks. frozen: every record is written once, here, and copied ever after. */
struct answers *answers_new(const struct locks *locks, struct shape shape, bool frozen);
void answers_free(struct answers *answers);

/* The body about all locks: written into `into`, or, if the locks are frozen, the one kept copy. */
struct text answer_all(const struct answers *answers, int64_t now_us, struct text *into);

/* The body about some: begin, add each id (unknown ones are left out), end. */
void answer_begin(struct text *body);
void answer_add(const struct answers *answers, int64_t id, int64_t now_us, struct text *body);
void answer_end(struct text *body);

/* The body about one; false, and nothing written, if there is no such lock. */
bool answer_one(const struct answers *answers, int64_t id, int64_t now_us, struct text *body);

#endif
