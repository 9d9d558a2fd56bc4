/* Which lock an argument means, and when the service is asked for the names again. */
#ifndef CLI_NAMES_RULES_H
#define CLI_NAMES_RULES_H

#include <locksync/locksync.h>

/* How an argument fits a lock, the best first. */
typedef enum fit { FIT_ID, FIT_SERIAL, FIT_NAME, FIT_NAME_IN_OTHER_CASE, FIT_NOT } fit;

/* Returns the id that a word of digits is; 0: it is not an id. */
int64_t names_id(const char *word);

fit names_fit(const lock_sync_lock_info *info, const char *word);

/* Returns how many locks fit best, how well they fit, and the first of them. */
size_t names_find(const lock_sync_directory *directory, const char *word, fit *best, const lock_sync_lock_info **first);

/* Returns whether the results have a lock that the directory lacks, or a higher revision. Also true if they lack a lock
   that the directory has, because it may have another id now. */
bool names_differ(const lock_sync_directory *directory, const lock_sync_results *results);

typedef struct names_facts {
    int64_t age_ms;  /* of the known directory; < 0: nothing is known, or it is from the future */
    bool is_wanted;  /* --refresh */
    bool is_lacking; /* an argument fits no lock, or names_differ() */
} names_facts;

bool names_must_ask(const names_facts *f);

#endif
