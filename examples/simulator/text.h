/* A growing text, and the writers for bodies. They do not use printf, because a body of ten locks is written tens of
   thousands of times a second. The simulator ends if memory runs out, because a failing simulator would confuse the
   tests. */
#ifndef LOCKSYNC_SIM_TEXT_H
#define LOCKSYNC_SIM_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *data;
    size_t size;
    size_t room;
};

_Noreturn static inline void fatal(const char *what)
{
    fprintf(stderr, "locksync-sim: %s\n", what);
    exit(1);
}

static inline void *must(void *block)
{
    if (block == NULL)
        fatal("out of memory");
    return block;
}

/* Returns at least `more` writable bytes behind the text. The caller adds the bytes that it writes to t->size. */
static inline char *text_room(struct text *t, size_t more)
{
    if (t->room - t->size < more) {
        t->room = 2 * t->room + more;
        t->data = must(realloc(t->data, t->room));
    }
    return t->data + t->size;
}

static inline void text_put(struct text *t, const char *bytes, size_t size)
{
    memcpy(text_room(t, size), bytes, size);
    t->size += size;
}

#define text_literal(t, literal) text_put((t), "" literal, sizeof(literal) - 1)

static inline void text_free(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}

/* Writers at a pointer: each returns the position behind its text. */
#define put_literal(p, literal) ((char *)memcpy((p), "" literal, sizeof(literal) - 1) + (sizeof(literal) - 1))

static inline char *put_number(char *p, int64_t number)
{
    char digits[20];
    size_t n = sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    do
        digits[--n] = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (number < 0)
        *p++ = '-';
    memcpy(p, digits + n, sizeof digits - n);
    return p + (sizeof digits - n);
}

static inline char *put_padded(char *p, int64_t number, int width)
{
    for (int i = width - 1; i >= 0; i--, number /= 10)
        p[i] = (char)('0' + number % 10);
    return p + width;
}

/* Spreads a number over 64 bits: the finalizer of splitmix64. It makes all random numbers of the simulator. */
static inline uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#endif
