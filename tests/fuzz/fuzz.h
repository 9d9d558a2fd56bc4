/* The shared parts of the fuzz targets: checks that end the run, reading of the input, and checks that apply to all
   results. */
#ifndef FUZZ_H
#define FUZZ_H

#include "locksync/locksync.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run if a condition is false that must be true for every input. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/* --- input --- */

typedef struct fuzz_input {
    const uint8_t *at;
    size_t left;
} fuzz_input;

/* Returns the next byte, or 0 at the end. */
uint8_t fuzz_byte(fuzz_input *in);
/* Returns the next `bytes` bytes as a little-endian number. */
uint64_t fuzz_number(fuzz_input *in, int bytes);
/* Returns a copy of the input up to the first `end`, or of all, and skips it with `end`. The copy has a NUL and no
   byte more; free() it. */
char *fuzz_text_to(fuzz_input *in, uint8_t end, size_t *size);

/* --- texts --- */

bool fuzz_is_utf8(const char *text);

/* --- requested ids --- */

#define FUZZ_IDS_MAX 200

/* The requested ids. */
typedef struct fuzz_selection {
    int64_t ids[FUZZ_IDS_MAX];
    size_t n;    /* 0: all locks */
    bool single; /* ids[0] by the endpoint for one lock */
} fuzz_selection;

/* Chooses the ids by a letter: a all, b one id, c three, d many, e those that the body names. f uses the endpoint
   for one lock; g does so for the first number of the body. h chooses many that do not ascend, some of them twice. */
void fuzz_ask(uint8_t letter, const char *body, size_t size, fuzz_selection *out);

/* Checks what applies to all results: ids are > 0 and unique, each was requested and is found, missing ids are in
   order. */
void fuzz_check_results(const lock_sync_results *r, const fuzz_selection *selection);
/* Returns whether two results have the same records in the same order, byte for byte. */
bool fuzz_same_results(const lock_sync_results *a, const lock_sync_results *b);

#endif
