/* Replaces malloc and the related functions, in front of the C library's or the sanitizer's; see alloc.h. The owner
   of a request is the object that contains its return address. */
#include "alloc.h"

#include "../support/kit.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define REAL(name) __interceptor_##name
#  endif
#endif
#ifndef REAL
#  define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *block, size_t size);
void REAL(free)(void *block);

#define OBJECTS_MAX 32
#define PLACES (1u << 18) /* for blocks: a power of 2, and many times the number of live blocks */

typedef struct object {
    uintptr_t start;
    uintptr_t end;
    unsigned owner;
} object;

typedef struct known {
    uintptr_t block; /* 0: free; 1: was in use */
    size_t size;
    unsigned owner;
} known;

static object objects[OBJECTS_MAX];
static size_t object_count;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* of all that follows */
static unsigned known_owners;
static known blocks[PLACES];
static size_t living[2 * ALLOC_OTHERS]; /* by owner */
static size_t asked[2 * ALLOC_OTHERS];
static unsigned failing_owners;
static size_t failing_in; /* 0: no request fails */
static bool has_failed;
static uintptr_t culprit;
static void (*on_release)(unsigned owner, const void *block, size_t size);

/* --- owners --- */

static unsigned owner_by_name(const char *path)
{
    static const struct {
        const char *part;
        unsigned owner;
    } names[] = {
        {"/liblocksync", ALLOC_LOCKSYNC}, {"/libjansson", ALLOC_JANSSON}, {"/libcurl", ALLOC_CURL},
        {"/libnghttp2", ALLOC_NGHTTP2},   {"/libz.", ALLOC_ZLIB},         {"/libcrypto", ALLOC_OPENSSL},
        {"/libssl", ALLOC_OPENSSL},       {"/libhiredis", ALLOC_HIREDIS},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(path, names[i].part) != NULL)
            return names[i].owner;
    return ALLOC_OTHERS;
}

static int note_object(struct dl_phdr_info *info, size_t size, void *user)
{
    unsigned owner = owner_by_name(info->dlpi_name);

    (void)size, (void)user;
    for (size_t i = 0; i < info->dlpi_phnum && owner != ALLOC_OTHERS; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + part->p_vaddr;

        if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0)
            continue;
        if (object_count == OBJECTS_MAX)
            kit_die("too many objects");
        objects[object_count++] = (object){start, start + part->p_memsz, owner};
    }
    return 0;
}

static unsigned owner_at(uintptr_t caller)
{
    for (size_t i = 0; i < object_count; i++)
        if (caller >= objects[i].start && caller < objects[i].end)
            return objects[i].owner;
    return ALLOC_OTHERS;
}

/* --- live blocks, in an open hash table: a removed entry keeps its mark, so that later ones are found --- */

static known *place_of(uintptr_t block)
{
    size_t at = (size_t)((block >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % PLACES;

    for (size_t i = 0; i < PLACES; i++, at = (at + 1) % PLACES)
        if (blocks[at].block == block || blocks[at].block == 0)
            return &blocks[at];
    return NULL;
}

static void remember(void *block, size_t size, unsigned owner)
{
    known *place;

    if (block == NULL || (owner & known_owners) == 0)
        return;
    (void)pthread_mutex_lock(&mutex);
    place = place_of((uintptr_t)block);
    if (place == NULL)
        kit_die("too many blocks");
    *place = (known){(uintptr_t)block, size, owner};
    living[owner]++;
    asked[owner]++;
    (void)pthread_mutex_unlock(&mutex);
}

/* Clears marks before a free place: they are not needed. */
static void clear_marks(known *place)
{
    while (place->block == 1 && blocks[((size_t)(place - blocks) + 1) % PLACES].block == 0) {
        place->block = 0;
        place = &blocks[((size_t)(place - blocks) + PLACES - 1) % PLACES];
    }
}

/* Returns the size of the block, or 0 if it is not known. */
static size_t forget(void *block)
{
    known *place;
    size_t size = 0;

    if (block == NULL || known_owners == 0)
        return 0;
    (void)pthread_mutex_lock(&mutex);
    place = place_of((uintptr_t)block);
    if (place != NULL && place->block == (uintptr_t)block) {
        if (on_release != NULL)
            on_release(place->owner, block, place->size);
        living[place->owner]--;
        size = place->size;
        place->block = 1;
        clear_marks(place);
    }
    (void)pthread_mutex_unlock(&mutex);
    return size;
}

/* --- failing --- */

static bool must_fail(unsigned owner, uintptr_t caller)
{
    bool fails = false;

    if (failing_in == 0 || (owner & failing_owners) == 0)
        return false;
    (void)pthread_mutex_lock(&mutex);
    if (failing_in > 0 && --failing_in == 0) {
        fails = has_failed = true;
        culprit = caller;
    }
    (void)pthread_mutex_unlock(&mutex);
    if (fails)
        errno = ENOMEM; /* like the C library */
    return fails;
}

#define CALLER ((uintptr_t)__builtin_return_address(0))

void *malloc(size_t size)
{
    unsigned owner = owner_at(CALLER);
    void *block = must_fail(owner, CALLER) ? NULL : on_release != NULL ? REAL(calloc)(1, size) : REAL(malloc)(size);

    remember(block, size, owner);
    return block;
}

void *calloc(size_t count, size_t size)
{
    unsigned owner = owner_at(CALLER);
    void *block = must_fail(owner, CALLER) ? NULL : REAL(calloc)(count, size);

    remember(block, count * size, owner);
    return block;
}

void *realloc(void *block, size_t size)
{
    unsigned owner = owner_at(CALLER);
    void *moved;
    size_t old_size;

    if (must_fail(owner, CALLER))
        return NULL;
    old_size = forget(block); /* before realloc: another thread may get the block's address at once */
    moved = REAL(realloc)(block, size);
    if (moved == NULL && size > 0)
        kit_die("out of memory");
    if (on_release != NULL && old_size > 0 && size > old_size)
        memset((char *)moved + old_size, 0, size - old_size);
    remember(moved, size, owner);
    return moved;
}

void free(void *block)
{
    (void)forget(block);
    REAL(free)(block);
}

/* Copies here, because the C library's functions would call malloc from within the C library. */
static char *copy(const char *text, size_t size, uintptr_t caller)
{
    unsigned owner = owner_at(caller);
    char *block = must_fail(owner, caller) ? NULL : REAL(malloc)(size + 1);

    remember(block, size + 1, owner);
    if (block == NULL)
        return NULL;
    memcpy(block, text, size);
    block[size] = '\0';
    return block;
}

#undef strdup
#undef strndup

char *strdup(const char *text)
{
    return copy(text, strlen(text), CALLER);
}

char *strndup(const char *text, size_t most)
{
    return copy(text, strnlen(text, most), CALLER);
}

/* --- for the tests --- */

static void lock(void)
{
    (void)pthread_mutex_lock(&mutex);
}

static void unlock(void)
{
    (void)pthread_mutex_unlock(&mutex);
}

void alloc_know(unsigned owners)
{
    (void)pthread_atfork(lock, unlock, unlock); /* a thread of libcurl may hold the mutex while a test forks */
    (void)dl_iterate_phdr(note_object, NULL);
    known_owners = owners;
}

void alloc_fail(unsigned owners, size_t n)
{
    (void)pthread_mutex_lock(&mutex);
    failing_owners = owners;
    failing_in = n;
    has_failed = false;
    culprit = 0;
    (void)pthread_mutex_unlock(&mutex);
}

bool alloc_end(void)
{
    bool failed;

    (void)pthread_mutex_lock(&mutex);
    failing_in = 0;
    failed = has_failed;
    (void)pthread_mutex_unlock(&mutex);
    return failed;
}

const char *alloc_culprit(void)
{
    static char text[128];
    Dl_info info;

    if (dladdr((const void *)culprit, &info) == 0 || info.dli_fname == NULL)
        return "?";
    (void)snprintf(text, sizeof text, "%s+0x%zx", strrchr(info.dli_fname, '/') + 1,
                   (size_t)(culprit - (uintptr_t)info.dli_fbase));
    return text;
}

unsigned alloc_culprit_owner(void)
{
    return owner_at(culprit);
}

unsigned alloc_owner_of_code(uintptr_t address)
{
    return owner_at(address);
}

static size_t sum(const size_t *counts, unsigned owners)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&mutex);
    for (unsigned owner = 1; owner <= ALLOC_OTHERS; owner *= 2)
        count += (owner & owners) != 0 ? counts[owner] : 0;
    (void)pthread_mutex_unlock(&mutex);
    return count;
}

size_t alloc_requests(unsigned owners)
{
    return sum(asked, owners);
}

size_t alloc_blocks(unsigned owners)
{
    return sum(living, owners);
}

unsigned alloc_owner_of(const void *address)
{
    uintptr_t at = (uintptr_t)address;
    unsigned owner = 0;

    (void)pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < PLACES && owner == 0; i++)
        if (blocks[i].block > 1 && at >= blocks[i].block && at - blocks[i].block < blocks[i].size)
            owner = blocks[i].owner;
    (void)pthread_mutex_unlock(&mutex);
    return owner;
}

void alloc_on_release(void (*look)(unsigned owner, const void *block, size_t size))
{
    (void)pthread_mutex_lock(&mutex);
    on_release = look;
    (void)pthread_mutex_unlock(&mutex);
}
