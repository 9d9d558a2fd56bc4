/* Counts how often a fetch in steady state allocates: through the allocator that the application gives to the library,
   and in the whole process. This program replaces malloc.

   bench-allocations BASE_URL prints one line of JSON per contestant. */
#include "client.h"
#include "tools.h"

#include <stdio.h>
#include <stdlib.h>

#define WARM_UP 100
#define FETCHES 1000

static size_t all; /* by the process; one thread makes them all */
static size_t through_allocator;

/* Allocate as glibc does, under the names that it provides for programs that replace malloc. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

void *malloc(size_t size)
{
    all++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    all++;
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    all++;
    return __libc_realloc(block, size);
}

static void *count_allocate(void *user, size_t size)
{
    (void)user;
    through_allocator++;
    return malloc(size);
}

static void *count_reallocate(void *user, void *block, size_t size)
{
    (void)user;
    through_allocator++;
    return realloc(block, size);
}

static void release(void *user, void *block)
{
    (void)user;
    free(block);
}

int main(int argc, char **argv)
{
    const lock_sync_allocator counting = {sizeof counting, NULL, count_allocate, count_reallocate, release};
    client *c;

    if (argc < 2)
        die("usage: bench-allocations BASE_URL");
    c = client_new(argv[1], &counting);
    for (size_t i = 0; i < CONTESTANTS; i++) {
        for (size_t n = 0; n < WARM_UP; n++)
            contestants[i].fetch(c);
        all = 0;
        through_allocator = 0;
        for (size_t n = 0; n < FETCHES; n++)
            contestants[i].fetch(c);
        printf("{\"part\":\"allocations\",\"who\":\"%s\",\"fetches\":%d,\"own\":%.3f,\"process\":%.3f}\n",
               contestants[i].name, FETCHES, (double)through_allocator / FETCHES, (double)all / FETCHES);
    }
    client_free(c);
    return 0;
}
