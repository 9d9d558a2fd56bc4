/* Usage: guard-model [--deep | --depth N] [SCOPE...]
   Searches the scopes; the last line is "N passed, N failed". */
#include "model.h"

#include <stdlib.h>
#include <string.h>

static bool is_named(const scope *s, int argc, char **argv, int first)
{
    bool named = first == argc;

    for (int i = first; i < argc; i++)
        named |= strcmp(argv[i], s->name) == 0;
    return named;
}

int main(int argc, char **argv)
{
    int first = 1;
    int depth = 0;
    bool deep = false;
    int passed = 0;
    int failed = 0;

    if (first < argc && strcmp(argv[first], "--deep") == 0) {
        deep = true;
        first++;
    } else if (first + 1 < argc && strcmp(argv[first], "--depth") == 0) {
        depth = atoi(argv[first + 1]);
        first += 2;
    }
    for (int i = 0; i < scopes_count; i++) {
        const scope *s = &scopes[i];

        if (!is_named(s, argc, argv, first))
            continue;
        if (search_scope(s, depth > 0 ? depth : deep ? s->deep : s->depth))
            passed++;
        else
            failed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
