/* The bodies of good responses to syncs, in the format of the served API version. */
#ifndef LOCKSYNC_SIM_RESPONSES_H
#define LOCKSYNC_SIM_RESPONSES_H

#include "roster.h"
#include "text.h"

/* The format of a record, which depends on the version; see responses.c. */
struct shape {
    bool dates;                  /* stateChangeResult and lastStateChangedDate */
    bool revision;               /* revision and doorState */
    bool device_state;           /* the state object is called deviceState, not lockProperties */
    bool directory_device_state; /* the same for my/lock */
};
struct shape shape_of_version(const char *version);

struct responses;

/* Borrows the roster. If frozen, each record is written once, here, and copied until the roster changes. */
struct responses *responses_new(const struct roster *roster, struct shape shape, bool frozen);
void responses_free(struct responses *responses);

/* Returns the body with all locks: written into `into`, or the copy. This and the functions below hold the roster. */
struct text response_all(const struct responses *responses, int64_t now_us, struct text *into);

/* Write the body with some locks: begin, add each id (unknown ids are ignored), end. */
void response_begin(struct text *body);
void response_add(const struct responses *responses, int64_t id, int64_t now_us, struct text *body);
void response_end(struct text *body);

/* Writes the body with one lock; returns false, and writes nothing, if the lock does not exist. */
bool response_one(const struct responses *responses, int64_t id, int64_t now_us, struct text *body);

/* Parts of bodies, for my/lock too: the envelope of one record, a state object, and a date without its zone. */
void response_begin_one(struct text *body);
void response_end_one(struct text *body);
char *put_state(char *p, struct shape shape, const struct lock_state *lock);
char *put_date(char *p, int64_t unix_ms);

#endif
