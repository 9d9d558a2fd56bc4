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
    lock_sync_directory *directory; /* NULL: no names are known */
    lock_sync_directory *replaced;  /* another thread may still draw it */
    int64_t settled_ms;             /* when the response arrived after which the directory was requested; 0: none */
    bool has_asked;                 /* the service, since the last wait */
    lock_sync_status status;        /* of that request */
    int64_t *ids;                   /* of the locks that the arguments mean; NULL: every lock */
    size_t id_count;
    bool has_moved;    /* the last names_resolve() found other locks than the one before */
    char problem[512]; /* why the service did not send the names; "": it did, or was not asked */
} names;

/* Reads the kept file. The arguments are borrowed and must outlive `n`. Returns EXIT_DONE, or reports an error and
   returns its exit status; names_end() is needed in either case. */
int names_begin(names *n, const options *o, lock_sync_ctx *ctx, const char *path);
void names_end(names *n);

/* Finds the locks that the arguments mean, and asks the service if it must. `results` are the last states (NULL: none).
   If they show that the names are old, only ids mean a lock before newer names are known. Returns EXIT_DONE, or reports
   an error and returns its exit status. Call it between signals_begin() and signals_end(). */
int names_resolve(names *n, const lock_sync_results *results);

/* Returns whether the directory has come from the service in this run. */
bool names_are_new(const names *n);

/* Returns whether these results show that the names are old. They do not if the service sent the directory after them
   in this run. The order counts, because a clock may be wrong. */
bool names_are_old(const names *n, const lock_sync_results *results);

/* Returns whether an argument is a name or a serial number. */
bool names_are_used(const names *n);

/* Returns whether each argument means one lock, so that names_resolve() finds it. */
bool names_are_clear(const names *n);

/* Copies the directory of a watch, and keeps it in the file, unless it is known. The directory came after `results`.
   Keeps the replaced directory too, and frees the one before that. Returns whether this directory is new:
   names_resolve() then finds the locks in it. */
bool names_keep(names *n, const lock_sync_directory *directory, const lock_sync_results *results);

/* Writes a name without control characters; "" if no name is known. `info` may be NULL. */
void names_text(const lock_sync_lock_info *info, char text[NAMES_TEXT_SIZE]);

/* Warns if the service did not send the names. */
void names_warn(const names *n);

/* Reports a lock that was not found, by its name if that is known. Returns EXIT_MISSING. */
int names_report_missing(const names *n, int64_t id);

#endif
