/* The bodies of my/lock: the locks with their names, serial numbers and states. */
#ifndef LOCKSYNC_SIM_DIRECTORY_H
#define LOCKSYNC_SIM_DIRECTORY_H

#include "responses.h"

/* The query of a request. */
struct directory_query {
    int64_t page;       /* from 1 */
    int64_t page_locks; /* at most */
    bool user_settings;
};

/* Writes the body with one page; a page past the end has no locks. Both functions need the roster held. */
void directory_page(const struct roster *roster, struct shape shape, const struct directory_query *query,
                    int64_t now_us, struct text *body);

/* Writes the body with one lock; returns false, and writes nothing, if the lock does not exist. */
bool directory_one(const struct roster *roster, struct shape shape, int64_t id, bool user_settings, int64_t now_us,
                   struct text *body);

#endif
