/* What a watch should tell of a row of answers: worked out from their bytes, with another JSON reader and another way
   to compare, and written as text. What it did tell can be written the same way. */
#ifndef WATCH_MODEL_H
#define WATCH_MODEL_H

#include <locksync/locksync.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define MODEL_LOCKS_MAX 64
#define MODEL_ID_MAX 64

/* What is known of each lock; the value is -1 where it is not. */
typedef struct model_lock {
    int64_t id;
    int64_t connected, state, door, battery, charging, result, revision;
} model_lock;

typedef struct model {
    bool is_known; /* there was a good answer */
    model_lock locks[MODEL_LOCKS_MAX];
    size_t count;
} model;

/* The X-Correlation-ID of an answer; "" when it has none. */
void model_id_of(const char *answer, char id[MODEL_ID_MAX]);

/* Whether the bytes are a whole and good answer; then *m is what it says. */
bool model_read(const char *answer, size_t size, model *m);

/* One line: the id of the later answer, and each change with what was and what is. False, and nothing is written, if
   there is no change. */
bool model_write(FILE *to, const char *id, const model *before, const model *after);

/* One line: the id of an answer, and all that is known after it. */
void model_write_all(FILE *to, const char *id, const model *m);

/* The same of the records that the library holds. */
void model_write_records(FILE *to, const char *id, const lock_sync_results *results);

/* The line of model_write, of what the library told. */
void model_write_told(FILE *to, const char *id, const lock_sync_changes *changes);

#endif
