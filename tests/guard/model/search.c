/* Searches every history of a scope up to a depth, breadth first, so that the first violation is one of the
   shortest. Only a 64-bit hash of a state is kept. A collision would hide a state. With ten million states that
   happens once in some hundred thousand runs. */
#include "model.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OPERATIONS_MAX = 255 };

/* How a state was reached. */
typedef struct step {
    uint32_t before;
    operation by;
} step;

typedef struct search {
    const scope *scope;
    uint64_t *seen; /* a hash table with open addressing; 0: free */
    size_t seen_size;
    step *steps; /* of all states, in the order in which they were found */
    size_t states, steps_room;
    world *level; /* the states at the current depth */
    world *next;
    size_t next_count, next_room;
} search;

static void *grow(void *old, size_t size)
{
    void *made = realloc(old, size);

    if (made == NULL) {
        fprintf(stderr, "no memory\n");
        exit(2);
    }
    return made;
}

/* Makes room for one more element. */
static void *with_room(void *array, size_t size, size_t count, size_t *room)
{
    if (count < *room)
        return array;
    *room = *room == 0 ? 1 << 12 : *room * 2;
    return grow(array, *room * size);
}

/* --- the states seen --- */

static uint64_t mix(uint64_t h, const void *bytes, size_t size)
{
    const unsigned char *b = bytes;

    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = 0;

        memcpy(&word, b + i, size - i < 8 ? size - i : 8);
        h = (h ^ word) * 0x9E3779B97F4A7C15u;
        h ^= h >> 29;
    }
    return h;
}

/* Returns a hash of the state without the users' names. */
static uint64_t hash(const world *w)
{
    uint64_t h = mix(1, w, offsetof(world, users));

    for (int u = 0; u < USERS_MAX; u++)
        h = mix(h, &w->users[u], offsetof(user, name));
    h = (h ^ h >> 32) * 0xD6E8FEB86659FD93u;
    h ^= h >> 32;
    return h == 0 ? 1 : h;
}

static bool insert(uint64_t *table, size_t size, uint64_t h)
{
    size_t i = (size_t)h & (size - 1);

    while (table[i] != 0) {
        if (table[i] == h)
            return false;
        i = (i + 1) & (size - 1);
    }
    table[i] = h;
    return true;
}

static bool is_new(search *s, const world *w)
{
    if (s->states * 2 >= s->seen_size) {
        size_t size = s->seen_size == 0 ? 1 << 16 : s->seen_size * 4;
        uint64_t *table = grow(NULL, size * sizeof *table);

        memset(table, 0, size * sizeof *table);
        for (size_t i = 0; i < s->seen_size; i++)
            if (s->seen[i] != 0)
                (void)insert(table, size, s->seen[i]);
        free(s->seen);
        s->seen = table;
        s->seen_size = size;
    }
    return insert(s->seen, s->seen_size, hash(w));
}

static void add_state(search *s, const world *w, size_t before, const operation *by)
{
    if (!is_new(s, w))
        return;
    s->steps = with_room(s->steps, sizeof *s->steps, s->states, &s->steps_room);
    s->next = with_room(s->next, sizeof *s->next, s->next_count, &s->next_room);
    s->steps[s->states++] = (step){(uint32_t)before, by == NULL ? (operation){0} : *by};
    s->next[s->next_count++] = *w;
}

/* --- a history --- */

static void print_history(const search *s, size_t last, const operation *by)
{
    operation history[64];
    int n = 0;
    world w;

    history[n++] = *by;
    for (size_t i = last; i > 0 && n < 64; i = s->steps[i].before)
        history[n++] = s->steps[i].by;
    world_init(s->scope, &w);
    tracing = true;
    while (n > 0)
        apply(s->scope, &w, &history[--n]);
    tracing = false;
}

/* --- levels --- */

/* Applies every event to every state of a level. `first`: the number of its first state. */
static void search_level(search *s, size_t count, size_t first, bool is_last)
{
    operation operations[OPERATIONS_MAX];

    for (size_t i = 0; i < count; i++) {
        int n = list_operations(s->scope, &s->level[i], operations, OPERATIONS_MAX);

        for (int k = 0; k < n; k++) {
            world w = s->level[i];

            apply(s->scope, &w, &operations[k]);
            if (violation != NULL) {
                printf("scope %s: VIOLATION: %s\n", s->scope->name, violation);
                print_history(s, first + i, &operations[k]);
                return;
            }
            if (!is_last)
                add_state(s, &w, first + i, &operations[k]);
        }
    }
}

bool search_scope(const scope *searched, int depth)
{
    search s = {.scope = searched};
    clock_t start = clock();
    world w;
    int reached = 0;

    violation = NULL;
    world_init(searched, &w);
    add_state(&s, &w, 0, NULL);
    while (reached < depth && s.next_count > 0 && violation == NULL) {
        size_t count = s.next_count;
        world *done = s.level;

        s.level = s.next; /* the memory of the level before is used again for the next one */
        s.next = grow(done, count * sizeof *done);
        s.next_room = count;
        s.next_count = 0;
        search_level(&s, count, s.states - count, ++reached == depth);
    }
    printf("scope %s: %s: %zu states, depth %d, %.1f s: %s\n", searched->name, searched->about, s.states, reached,
           (double)(clock() - start) / CLOCKS_PER_SEC, violation == NULL ? "holds" : "VIOLATED");
    (void)fflush(stdout);
    free(s.seen);
    free(s.steps);
    free(s.level);
    free(s.next);
    return violation == NULL;
}
