/* A plugin that is linked with the archive. The archive's symbols are hidden, so it exports one function, which returns
   the functions of its copy by name. */
#include "copies.h"

#include <string.h>

#define ENTRY(name) {"lock_sync_" #name, (any_function)lock_sync_##name},

__attribute__((visibility("default"))) any_function plugin_function(const char *name)
{
    static const struct {
        const char *name;
        any_function function;
    } table[] = {FUNCTIONS(ENTRY)};

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].function;
    return NULL;
}
