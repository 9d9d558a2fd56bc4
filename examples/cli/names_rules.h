/* Which lock an argument means, and what a run does about names. */
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

/* Returns whether the results have a lock that the directory lacks, or a higher revision. Also true if they lack one of
   these ids that the directory has, because its lock may have another id now. */
bool names_differ(const lock_sync_directory *directory, const lock_sync_results *results, const int64_t *ids,
                  size_t count);

/* The next step of a run, to know which locks its arguments mean. */
typedef enum names_step {
    NAMES_USE, /* the known names; an argument that fits none of them is an error */
    NAMES_ASK, /* the service */
    NAMES_WAIT,
    NAMES_FAIL /* as the last request did */
} names_step;

typedef struct names_facts {
    int64_t age_ms;          /* of the known directory; < 0: nothing is known, or it is from the future */
    bool is_wanted;          /* --refresh */
    bool is_lacking;         /* an argument fits no lock */
    bool is_old;             /* a response shows that the names are old */
    bool is_needed;          /* an argument that is no id fits no lock, or the names are old: it has no state now */
    bool waits;              /* --wait */
    bool is_polling;         /* --watch and --until continue after temporary failures */
    bool has_asked;          /* since the last wait */
    lock_sync_status status; /* of that request */
} names_facts;

names_step names_next(const names_facts *f);

#endif
