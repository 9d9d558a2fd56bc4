/* What the fuzz targets share: checks that end the run, bytes taken off an input, and what is true of all results. */
#ifndef FUZZ_H
#define FUZZ_H

#include "locksync/locksync.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run where something does not hold that must, whatever the input is. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/* --- input --- */

typedef struct fuzz_input {
    const uint8_t *at;
    size_t left;
} fuzz_input;

/* 0 behind the end. */
uint8_t fuzz_byte(fuzz_input *in);
/* Little-endian, `bytes` of them. */
uint64_t fuzz_number(fuzz_input *in, int bytes);
/* Up to and past the first `end`, or all: a copy with a NUL behind it and not a byte of room more; free(). */
char *fuzz_text_to(fuzz_input *in, uint8_t end, size_t *size);

/* --- texts --- */

bool fuzz_is_utf8(const char *text);

/* --- questions --- */

#define FUZZ_IDS_MAX 200

/* What is asked for. */
typedef struct fuzz_question {
    int64_t ids[FUZZ_IDS_MAX];
    size_t n;    /* 0: all locks */
    bool single; /* ids[0] at the endpoint for one lock */
} fuzz_question;

/* By a letter: a all, b one id, c three, d many, e those that the body names, f the endpoint for one lock, g the same
   for the first number of the body, h many that do not ascend, with some twice. */
void fuzz_ask(uint8_t letter, const char *body, size_t size, fuzz_question *out);

/* Checks what holds for all results: ids > 0 and each once, filtered to what is asked, each found, the missing in
   order. */
void fuzz_check_results(const lock_sync_results *r, const fuzz_question *question);
/* Whether two results say the same in the same order, byte for byte. */
bool fuzz_same_results(const lock_sync_results *a, const lock_sync_results *b);

#endif
