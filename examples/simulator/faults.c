/* Chooses the fault of a response. Each fault counts all authorized requests: with 500:2 and html:3 the responses 2, 4,
   6 ... are 500, and 3, 9, 15 ... are HTML pages. */

#include "faults.h"

#include <string.h>

static const char *const names[FAULT_NONE] = {
    [FAULT_401] = "401",
    [FAULT_403] = "403",
    [FAULT_404] = "404",
    [FAULT_429] = "429",
    [FAULT_500] = "500",
    [FAULT_503] = "503",
    [FAULT_HTML] = "html",
    [FAULT_EMPTY] = "empty",
    [FAULT_TRUNCATED] = "truncated",
    [FAULT_RESET] = "reset",
    [FAULT_SLOW] = "slow",
    [FAULT_BAD_JSON] = "bad-json",
    [FAULT_WRONG_TYPE] = "wrong-type",
    [FAULT_HUGE] = "huge",
    [FAULT_GZIP_BOMB] = "gzip-bomb",
    [FAULT_REDIRECT] = "redirect",
    [FAULT_SUCCESS_FALSE] = "success-false",
};

enum fault fault_by_name(const char *name, size_t size)
{
    int fault = 0;

    while (fault < FAULT_NONE && (strlen(names[fault]) != size || memcmp(names[fault], name, size) != 0))
        fault++;
    return (enum fault)fault;
}

void faults_switch(struct faults *faults, enum fault fault, uint32_t every)
{
    bool any = false;

    atomic_store(&faults->seen[fault], 0);
    atomic_store(&faults->every[fault], every);
    for (int i = 0; i < FAULT_NONE; i++)
        any = any || atomic_load(&faults->every[i]) > 0;
    atomic_store(&faults->any, any);
}

enum fault faults_draw(struct faults *faults)
{
    enum fault due = FAULT_NONE;

    if (!atomic_load_explicit(&faults->any, memory_order_relaxed))
        return FAULT_NONE;
    for (int i = FAULT_NONE - 1; i >= 0; i--) {
        uint32_t every = atomic_load(&faults->every[i]);
        if (every > 0 && (atomic_fetch_add(&faults->seen[i], 1) + 1) % every == 0)
            due = (enum fault)i;
    }
    return due;
}

void faults_restart(struct faults *faults)
{
    for (int i = 0; i < FAULT_NONE; i++)
        atomic_store(&faults->seen[i], 0);
}
