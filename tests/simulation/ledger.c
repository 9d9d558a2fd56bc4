/* Checks the guard's promise by what the server may have seen, and that each slot is settled once. The linker leads
   the calls of client/steps.c to the guard through here (--wrap). */
#include "checks.h"

#include "guard/guard.h"

#include <inttypes.h>
#include <string.h>

#define REQUESTS_MAX 8192
#define SLOTS_MAX 8192
#define BLOCKS_MAX 64
#define HOUR_US (60 * MINUTE_US)

/* A request that could arrive from sent_us to end_us. */
typedef struct request {
    int32_t key; /* of its guard */
    int64_t slot;
    bool is_retry; /* over HTTP/2, in the same slot */
    int64_t sent_us;
    int64_t end_us;     /* NEVER_US: it is on its way */
    int64_t until_us;   /* it arrives until then, or never */
    int64_t arrived_us; /* 0: not yet */
} request;

typedef struct given_slot {
    int64_t number;
    int64_t given_us;
    bool is_settled;
} given_slot;

/* A 429 that a user of a guard knows of. */
typedef struct block {
    int32_t key;
    int32_t pool; /* -1: all pools know it */
    int64_t slot; /* the slot that the 429 ended */
    size_t since; /* the first slot given after the guard knew of it; SIZE_MAX: it does not know yet */
    int64_t until_us;
} block;

static struct {
    size_t request_count, slot_count, block_count;
    request requests[REQUESTS_MAX];
    given_slot slots[SLOTS_MAX];
    block blocks[BLOCKS_MAX];
} ledger;

void ledger_begin(void)
{
    ledger.request_count = ledger.slot_count = ledger.block_count = 0;
}

static const guard_plan *plan_of(int32_t key)
{
    static const guard_plan own = {.interval_ms = 20000, .budget = 600}; /* of a context's own guard */

    return key < KEY_OWN ? &sim.plan->guards[key] : &own;
}

static int64_t interval_us(int32_t key)
{
    return plan_of(key)->interval_ms * 1000;
}

/* --- what is sent --- */

static given_slot *find_slot(int64_t number)
{
    for (size_t i = ledger.slot_count; i-- > 0;)
        if (ledger.slots[i].number == number)
            return &ledger.slots[i];
    return NULL;
}

static void check_interval(const request *r, int32_t key, int64_t slot)
{
    int64_t now_us = clock_now_us();
    int64_t over_us = r->end_us < r->until_us ? r->end_us : r->until_us;

    if (r->key != key || r->slot == slot)
        return;
    if (over_us > now_us)
        violation("guard %d: a request is sent while another is on its way", (int)key);
    if (now_us - over_us < interval_us(key))
        violation("guard %d: a request is sent %.6f s after the time at which another could still arrive", (int)key,
                  (double)(now_us - over_us) / 1e6);
}

/* Checks that a guard obeys a 429 that it knows when it gives the next slot. */
static void check_block(const block *b, int32_t key, int32_t pool, int64_t number)
{
    const given_slot *s = find_slot(number);
    size_t place = s == NULL ? ledger.slot_count : (size_t)(s - ledger.slots); /* another user's slot: given now */
    int64_t given_us = s == NULL ? clock_now_us() : s->given_us;

    if (b->key == key && (b->pool < 0 || b->pool == pool) && b->slot != number && b->since <= place &&
        given_us < b->until_us)
        violation("guard %d: a slot is given %.3f s before the block of a 429 is over", (int)key,
                  (double)(b->until_us - given_us) / 1e6);
}

/* Returns whether the guard has certainly counted the request. A retry is charged when its slot is settled, without a
   request for a slot. A store may learn of that later. */
static bool is_counted(const request *r)
{
    const given_slot *s = r->is_retry ? find_slot(r->slot) : NULL;

    return !r->is_retry || (s != NULL && s->is_settled && !plan_of(r->key)->is_store);
}

static void check_hour(int32_t key, bool is_retry)
{
    uint32_t count = 0;

    for (size_t i = 0; i < ledger.request_count; i++)
        count += ledger.requests[i].key == key && ledger.requests[i].sent_us > clock_now_us() - HOUR_US &&
                 is_counted(&ledger.requests[i]);
    if (count >= plan_of(key)->budget && !is_retry)
        violation("guard %d: request %u of an hour is sent, but %u are allowed", (int)key, (unsigned)count + 1,
                  (unsigned)plan_of(key)->budget);
}

/* Requests older than an hour do not matter any more. */
static void forget_old(void)
{
    size_t kept = 0;

    for (size_t i = 0; i < ledger.request_count; i++)
        if (ledger.requests[i].end_us > clock_now_us() - HOUR_US)
            ledger.requests[kept++] = ledger.requests[i];
    ledger.request_count = kept;
}

static request *add_request(int32_t key, int32_t pool, int64_t number, bool is_retry)
{
    request *r;

    for (size_t i = 0; i < ledger.request_count; i++)
        check_interval(&ledger.requests[i], key, number);
    for (size_t i = 0; i < ledger.block_count; i++)
        check_block(&ledger.blocks[i], key, pool, number);
    check_hour(key, is_retry);
    if (ledger.request_count == REQUESTS_MAX)
        forget_old();
    if (ledger.request_count == REQUESTS_MAX)
        violation("the simulation has no room for another request");
    r = &ledger.requests[ledger.request_count++];
    *r = (request){.key = key,
                   .slot = number,
                   .is_retry = is_retry,
                   .sent_us = clock_now_us(),
                   .end_us = NEVER_US,
                   .until_us = NEVER_US};
    return r;
}

void ledger_sent(const task *t, int64_t number, int64_t until_us, bool is_retry)
{
    const client *c = t->client;
    const given_slot *s = find_slot(number);

    if (clock_now_us() > until_us)
        violation("client %d: a request is sent after its deadline", (int)c->number);
    if (c->plan->mode == LOCK_SYNC_GUARD_OFF)
        return;
    if (s == NULL || s->is_settled)
        violation("client %d: a request is sent without a slot", (int)c->number);
    add_request(guard_key(c), t->pool, number, is_retry)->until_us = until_us;
}

void ledger_sent_by_other(int32_t key, int32_t pool, int64_t number)
{
    add_request(key, pool, number, false)->end_us = clock_now_us();
}

static int64_t block_us(int32_t key, int64_t retry_after_s)
{
    int64_t us = retry_after_s < 0 ? 0 : retry_after_s * SECOND_US;

    us = us > HOUR_US ? HOUR_US : us;
    return us > interval_us(key) ? us : interval_us(key);
}

static void add_block(const task *t, int64_t number, int64_t retry_after_s)
{
    int32_t key = guard_key(t->client);
    size_t at = 0;

    while (at < ledger.block_count && ledger.blocks[at].until_us > clock_now_us())
        at++;
    if (at == BLOCKS_MAX)
        return; /* an unknown block is not checked */
    ledger.block_count += at == ledger.block_count;
    ledger.blocks[at] = (block){key, plan_of(key)->is_store ? t->pool : -1, number, SIZE_MAX,
                                clock_now_us() + block_us(key, retry_after_s)};
}

void ledger_ended(const task *t, int64_t number, bool limited, int64_t retry_after_s)
{
    if (t->client->plan->mode == LOCK_SYNC_GUARD_OFF)
        return;
    for (size_t i = 0; i < ledger.request_count; i++)
        if (ledger.requests[i].slot == number && ledger.requests[i].end_us == NEVER_US)
            ledger.requests[i].end_us = clock_now_us();
    if (limited)
        add_block(t, number, retry_after_s);
}

/* --- what arrives --- */

/* Checks the interval that the server sees. It may be shorter than promised, because the network may delay one request
   longer than the next. */
void ledger_arrived(int32_t key, int64_t number, int64_t at_us)
{
    int64_t least_us = key < 0 ? 0 : interval_us(key) - sim.plan->delay_us;

    for (size_t i = 0; i < ledger.request_count && key >= 0; i++) {
        request *r = &ledger.requests[i];

        if (r->key != key)
            continue;
        if (r->slot == number)
            r->arrived_us = r->arrived_us == 0 ? at_us : r->arrived_us;
        else if (r->arrived_us != 0 && at_us - r->arrived_us < least_us)
            violation("guard %d: the server gets two requests within %.3f s", (int)key,
                      (double)(at_us - r->arrived_us) / 1e6);
    }
}

/* --- calls to guards --- */

lock_sync_status __real_lsync_guard_run(lock_sync_guard *g, lsync_guard_task *asked);
lock_sync_status __wrap_lsync_guard_run(lock_sync_guard *g, lsync_guard_task *asked);

static void note_asked(const lsync_guard_task *asked, lock_sync_status status)
{
    trace("a guard is asked for a slot: %s, soonest in %.3f s", lock_sync_status_name(status),
          (double)asked->reservation.soonest_ms / 1e3);
    if (status != LOCK_SYNC_OK)
        return;
    if (ledger.slot_count == SLOTS_MAX)
        violation("the simulation has no room for another slot");
    ledger.slots[ledger.slot_count++] = (given_slot){asked->reservation.slot, clock_now_us(), false};
}

static void note_settling(int64_t number)
{
    given_slot *s = find_slot(number);

    if (s == NULL || s->is_settled)
        violation("slot %" PRIx64 " is settled %s", (uint64_t)number, s == NULL ? "but was never given" : "twice");
    s->is_settled = true;
    for (size_t i = 0; i < ledger.block_count; i++)
        if (ledger.blocks[i].slot == number)
            ledger.blocks[i].since = ledger.slot_count;
}

lock_sync_status __wrap_lsync_guard_run(lock_sync_guard *g, lsync_guard_task *asked)
{
    bool extends = !asked->settles && asked->request.slot != 0;
    lock_sync_status status;

    if (asked->settles)
        note_settling(asked->ending.slot);
    status = __real_lsync_guard_run(g, asked);
    if (asked->settles)
        trace("slot %" PRIx64 " is settled, outcome %d: %s", (uint64_t)asked->ending.slot, (int)asked->ending.outcome,
              lock_sync_status_name(status));
    else if (!extends)
        note_asked(asked, status);
    return status;
}

void ledger_close(void)
{
    for (size_t i = 0; i < ledger.slot_count; i++)
        if (!ledger.slots[i].is_settled)
            violation("slot %" PRIx64 " was not settled", (uint64_t)ledger.slots[i].number);
}
