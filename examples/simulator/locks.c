/* Computes how the locks behave: a pure function of the seed, the lock and the time since the start. No state is
   stored or locked, and two runs with the same seed and the same clock agree.

   The seed determines each lock's parameters, which are drawn when it is looked at. A lock's time is the simulated time
   since the start plus a lead of 1 to 10 hours, so that locks start in different states.

   - Movements. The time is divided into turns of 60 to 120 s. In each turn the bolt moves once, at a random moment:
     it locks in turns 1, 3, 5 ... (5 Locking, 6 Locked), and it opens in the others. Half of the times it also pulls
     the latch (4 Unlocking, 8 Pulling, 7 Pulled, 2 Unlocked). One movement in 16 jams: stateChangeResult is 1, and
     the bolt stays halfway (3 SemiLocked) until the next turn. States 4, 5 and 8 last 1 to 2.5 s.
     lastStateChangedDate is when the current state began.
   - Door. About one lock in 5 has no sensor (0), and one in 20 has an uncalibrated sensor (4). The doors of the
     others open (2) 8 s after the bolt began to open, for 3 to 12 s, and are closed (3) otherwise. In one turn of 32
     the sensor is out of reach (1).
   - Battery. It falls from 100 to 10 %, by 1 % in 5 minutes, and is then charged by 1 % a minute.
   - Reach. In about half of the periods of 10 to 20 minutes the lock is out of reach for 20 to 80 s. The second lock
     is out of reach until 61 s have passed, simulated and real. The eighth lock was never paired with a bridge, and so
     it is always out of reach.
   - Settings. They change every 8 to 24 minutes; each change increases the revision.

   Frozen locks stay as at the start, which is a fixed date. Only the second and the eighth lock are out of reach. */

#include "locks.h"

#include "text.h"

#include <time.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

#define PERCENT_LASTS (5 * MINUTE)
#define PERCENT_CHARGES MINUTE
#define BATTERY_SPAN 90
#define NEVER_PAIRED 8
#define SECOND_LOCK_AWAY (61 * SECOND)              /* 60 from the first line on stdout */
#define FROZEN_START (INT64_C(1735689600) * SECOND) /* 2025-01-01T00:00:00Z */

enum { UNLOCKED = 2, SEMI_LOCKED = 3, UNLOCKING = 4, LOCKING = 5, LOCKED = 6, PULLED = 7, PULLING = 8 };
enum { DOOR_NONE = 0, DOOR_LOST = 1, DOOR_OPENED = 2, DOOR_CLOSED = 3, DOOR_UNCALIBRATED = 4 };

struct habits {
    uint64_t bits;
    int64_t lead;
    int64_t turn;
    int64_t reach_period;
    int64_t settings_period;
    int door;
};

struct locks {
    uint64_t seed;
    double scale;
    bool frozen;
    int64_t begun_us;      /* monotonic */
    int64_t begun_unix_us; /* the same moment on the calendar */
};

/* One movement of the bolt: its states and how long each lasts; the last state stays. */
struct step {
    int state;
    int64_t lasts;
};
static const struct step locks_well[] = {{LOCKING, 3 * SECOND / 2}, {LOCKED, 0}};
static const struct step unlocks_well[] = {{UNLOCKING, 3 * SECOND / 2}, {UNLOCKED, 0}};
static const struct step pulls_well[] = {
    {UNLOCKING, 3 * SECOND / 2}, {PULLING, SECOND}, {PULLED, 4 * SECOND}, {UNLOCKED, 0}};
static const struct step locks_badly[] = {{LOCKING, 5 * SECOND / 2}, {SEMI_LOCKED, 0}};
static const struct step unlocks_badly[] = {{UNLOCKING, 5 * SECOND / 2}, {SEMI_LOCKED, 0}};

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * SECOND + now.tv_nsec / 1000;
}

int64_t monotonic_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

static int64_t draw(uint64_t *bits, int64_t least, int64_t most)
{
    *bits = mix(*bits);
    return least + (int64_t)(*bits % (uint64_t)(most - least + 1));
}

static struct habits draw_habits(uint64_t seed, int64_t number)
{
    uint64_t bits = mix(seed) ^ mix((uint64_t)(1000 + number));
    struct habits h = {.door = DOOR_CLOSED};

    h.lead = draw(&bits, HOUR, 10 * HOUR);
    h.turn = draw(&bits, 60 * SECOND, 120 * SECOND);
    h.reach_period = draw(&bits, 10 * MINUTE, 20 * MINUTE);
    h.settings_period = draw(&bits, 8 * MINUTE, 24 * MINUTE);
    switch (draw(&bits, 0, 19)) {
    case 0:
    case 1:
    case 2:
    case 3: h.door = DOOR_NONE; break;
    case 4: h.door = DOOR_UNCALIBRATED; break;
    default: break;
    }
    h.bits = bits;
    return h;
}

struct locks *locks_new(uint64_t seed, double scale, bool frozen, int64_t now_us)
{
    struct locks *locks = must(calloc(1, sizeof *locks));

    locks->seed = seed;
    locks->scale = scale;
    locks->frozen = frozen;
    locks->begun_us = now_us;
    locks->begun_unix_us = frozen ? FROZEN_START : clock_us(CLOCK_REALTIME) - (monotonic_us() - now_us);
    return locks;
}

void locks_free(struct locks *locks)
{
    free(locks);
}

uint64_t locks_seed(const struct locks *locks)
{
    return locks->seed;
}

/* Returns the real time since the start; frozen locks stay at 0. */
static int64_t real_age(const struct locks *locks, int64_t now_us)
{
    return locks->frozen ? 0 : now_us - locks->begun_us;
}

int64_t locks_age_us(const struct locks *locks, int64_t now_us)
{
    return (int64_t)((double)real_age(locks, now_us) * locks->scale);
}

/* Returns when the bolt moves in turn k, and sets that turn's random bits. */
static int64_t turn_moves(const struct habits *h, int64_t k, uint64_t *bits)
{
    *bits = mix(h->bits + (uint64_t)k);
    return k * h->turn + h->turn / 8 + (int64_t)(*bits % (uint64_t)(h->turn / 4));
}

static int door_at(const struct habits *h, uint64_t bits, bool opened, int64_t since_move)
{
    int64_t opens = 8 * SECOND;
    int64_t closes = opens + 3 * SECOND + (int64_t)((bits >> 32) % 10) * SECOND;

    if (h->door != DOOR_CLOSED)
        return h->door;
    if ((bits >> 52) % 32 == 0)
        return DOOR_LOST;
    return opened && since_move >= opens && since_move < closes ? DOOR_OPENED : DOOR_CLOSED;
}

/* Computes bolt and door at the lock's time t; returns when the bolt's current state began. */
static int64_t look_at_bolt(const struct habits *h, int64_t t, struct lock_state *seen)
{
    uint64_t bits;
    int64_t k = t / h->turn;
    int64_t began = turn_moves(h, k, &bits);
    const struct step *step;

    if (t < began) /* not moved yet in this turn: the state is that of the turn before */
        began = turn_moves(h, --k, &bits);

    bool locking = k % 2 == 1;
    bool jams = (bits >> 40) % 16 == 0;
    int64_t since_move = t - began;

    if (locking)
        step = jams ? locks_badly : locks_well;
    else if (jams)
        step = unlocks_badly;
    else
        step = (bits >> 48) % 2 == 0 ? pulls_well : unlocks_well;
    for (; step->lasts != 0 && t - began >= step->lasts; step++)
        began += step->lasts;

    seen->state = step->state;
    seen->result = step->state == SEMI_LOCKED ? 1 : 0;
    seen->door = door_at(h, bits, !locking && !jams, since_move);
    return began;
}

static void look_at_battery(int64_t t, struct lock_state *seen)
{
    int64_t falling = BATTERY_SPAN * PERCENT_LASTS;
    int64_t t_in_cycle = t % (falling + BATTERY_SPAN * PERCENT_CHARGES);

    seen->charging = t_in_cycle >= falling;
    if (seen->charging)
        seen->battery = (int)(100 - BATTERY_SPAN + (t_in_cycle - falling) / PERCENT_CHARGES);
    else
        seen->battery = (int)(100 - t_in_cycle / PERCENT_LASTS);
}

static bool in_reach(const struct locks *locks, const struct habits *h, int64_t number, int64_t now_us)
{
    bool second = number == 2;
    int64_t age = locks_age_us(locks, now_us);
    int64_t t = age + h->lead;
    uint64_t bits = mix(~h->bits + (uint64_t)(t / h->reach_period));
    int64_t in_period = t % h->reach_period;

    if (number == NEVER_PAIRED)
        return false;
    if (locks->frozen)
        return !second;
    if (second && (age < SECOND_LOCK_AWAY || real_age(locks, now_us) < SECOND_LOCK_AWAY))
        return false;
    if (bits % 2 == 0)
        return true;

    int64_t leaves = draw(&bits, MINUTE, h->reach_period - 2 * MINUTE);
    int64_t returns = leaves + draw(&bits, 20 * SECOND, 80 * SECOND);
    return in_period < leaves || in_period >= returns;
}

void locks_look(const struct locks *locks, int64_t number, int64_t now_us, struct lock_state *seen)
{
    struct habits h = draw_habits(locks->seed, number);
    int64_t t = locks_age_us(locks, now_us) + h.lead;
    int64_t changed = look_at_bolt(&h, t, seen);

    look_at_battery(t, seen);
    seen->revision = 1 + t / h.settings_period;
    seen->paired = number != NEVER_PAIRED;
    seen->connected = in_reach(locks, &h, number, now_us);
    /* converts the lock's time to Unix time: the first moment when a client could see the change */
    seen->changed_ms = (locks->begun_unix_us + (int64_t)((double)(changed - h.lead) / locks->scale)) / 1000;
}
