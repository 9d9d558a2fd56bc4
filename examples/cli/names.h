/* The names of an account's locks. They are kept in a file, and asked from the service as names_rules.h says. */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include "options.h"

#include <locksync/locksync.h>

#define NAMES_TEXT_SIZE 1024 /* a longer name is cut */

typedef struct names {
    const options *o;
    lock_sync_ctx *ctx;
    const char *path;               /* "": no file can be kept */
    bool is_polling;                /* --watch and --until continue after temporary failures */
    lock_sync_directory *directory; /* NULL: no names are known */
    lock_sync_directory *replaced;  /* another thread may still draw it */
    bool is_asked;                  /* the directory has come from the service, with states, in this run */
    int64_t *ids;                   /* of the locks that the arguments mean; NULL: every lock */
    size_t id_count;
    char problem[512]; /* why the service did not send the names; "": it did, or was not asked */
} names;

/* Reads the kept file. The arguments are borrowed and must outlive `n`. Returns EXIT_DONE, or reports an error and
   returns its exit status; names_end() is needed in either case. */
int names_begin(names *n, const options *o, lock_sync_ctx *ctx, const char *path);
void names_end(names *n);

/* Finds the locks that the arguments mean, and asks the service if it must. Returns EXIT_DONE, or reports an error and
   returns its exit status. Call it between signals_begin() and signals_end(). */
int names_resolve(names *n);

/* Asks the service if these results of it show that the names are old. Returns whether there is a new directory. */
bool names_update(names *n, const lock_sync_results *results);

/* Copies the directory of a watch, and keeps it in the file, unless it is known. The one before the last is freed. */
void names_keep(names *n, const lock_sync_directory *directory);

/* Writes a name without control characters; "" if no name is known. `info` may be NULL. */
void names_text(const lock_sync_lock_info *info, char text[NAMES_TEXT_SIZE]);

/* Warns if the service did not send the names. */
void names_warn(const names *n);

#endif
