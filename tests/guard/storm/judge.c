/* Judges the log of a storm; see storm.h. */
#include "storm.h"

#include <stdlib.h>

/* The begin and end of a request that was sent. */
typedef struct span {
    int64_t begin_us;
    int64_t end_us;
} span;

static int by_begin(const void *a, const void *b)
{
    const span *x = a;
    const span *y = b;

    return (x->begin_us > y->begin_us) - (x->begin_us < y->begin_us);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void judge_gaps(const board *b, unsigned uses, verdict *v)
{
    span *spans = calloc(uses + 1, sizeof *spans);
    int64_t last_end_us = 0;
    unsigned n = 0;

    if (spans == NULL)
        abort();
    for (unsigned i = 0; i < uses; i++)
        if (b->use[i].begin_us != 0)
            spans[n++] = (span){earlier(b->use[i].begin_us, b->use[i].until_us),
                                earlier(b->use[i].end_us, b->use[i].until_us)};
    qsort(spans, n, sizeof *spans, by_begin);
    v->closest_us = INT64_MAX;
    for (unsigned i = 0; i < n; i++) {
        int64_t gap_us = spans[i].begin_us - last_end_us;

        if (i > 0 && gap_us < v->closest_us)
            v->closest_us = gap_us;
        v->too_close += i > 0 && gap_us < (int64_t)INTERVAL_MS * 1000;
        last_end_us = spans[i].end_us > last_end_us ? spans[i].end_us : last_end_us;
    }
    v->requests = n;
    free(spans);
}

static unsigned losses_before(const board *b, int64_t us)
{
    unsigned n = 0;

    while (n < b->losses && b->lost_us[n] <= us)
        n++;
    return n;
}

/* Counts the requests during one 429. */
static void judge_block(const board *b, unsigned uses, const use *limited, verdict *v)
{
    int64_t until_us = limited->end_us + limited->retry_after_us;

    for (unsigned i = 0; i < uses; i++) {
        const use *u = &b->use[i];
        int64_t known_us = limited->known_us[losses_before(b, u->asked_us)];

        if (u->begin_us <= limited->end_us || u->begin_us >= until_us)
            continue;
        v->broken_own += u->user == limited->user;
        v->broken_other += u->user != limited->user && known_us != 0 && u->asked_us >= known_us;
    }
}

/* Measures how long after each loss the next decision was made and the next request was sent. */
static void judge_return(const board *b, unsigned uses, verdict *v)
{
    for (unsigned n = 0; n < b->losses; n++) {
        int64_t sent_us = INT64_MAX;

        for (int way = 0; way < WAYS; way++)
            if (b->decided_us[way][n + 1] - b->back_us[n] > v->decided_after_us[way])
                v->decided_after_us[way] = b->decided_us[way][n + 1] - b->back_us[n];
        for (unsigned i = 0; i < uses; i++)
            if (b->use[i].begin_us != 0 && b->use[i].asked_us > b->lost_us[n])
                sent_us = earlier(sent_us, b->use[i].begin_us);
        if (sent_us == INT64_MAX)
            continue;
        sent_us -= b->back_us[n];
        if (v->sent_after_us[0] == 0 || sent_us < v->sent_after_us[0])
            v->sent_after_us[0] = sent_us;
        if (sent_us > v->sent_after_us[1])
            v->sent_after_us[1] = sent_us;
    }
}

verdict storm_judge(const board *b)
{
    unsigned uses = b->uses < USES_MAX ? b->uses : USES_MAX;
    verdict v = {.slots = 0};

    judge_gaps(b, uses, &v);
    judge_return(b, uses, &v);
    for (unsigned i = 0; i < uses; i++) {
        const use *u = &b->use[i];

        v.slots += u->begin_us != 0 || (u->settled && !u->is_pooled);
        v.of_pools += u->begin_us != 0 && u->is_pooled;
        v.after_losses += u->begin_us != 0 && losses_before(b, u->asked_us) > 0;
        if (u->outcome != LOCK_SYNC_SLOT_LIMITED)
            continue;
        v.limited++;
        v.unwritten += !u->settled;
        judge_block(b, uses, u, &v);
    }
    return v;
}
