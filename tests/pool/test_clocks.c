/* Clocks that jump during a fetch or while a connection is kept. People and NTP set the wall clock; the clock since
   boot has moved on when a machine wakes up. The clock that counts only the time awake never jumps. A fetch must end
   by its deadline, and the next one must succeed. */
#include "stage.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_MS (400 * kit_slack())
#define HOUR_S 3600
#define DAY_S (24 * HOUR_S)

/* --- the clocks --- */

static atomic_int wall_ahead_s;
static atomic_int boot_ahead_s;

#ifdef SYS_clock_gettime64 /* 32-bit systems have two of each */
#  define GET_TIME SYS_clock_gettime64
#  define SET_TIMER SYS_timerfd_settime64
#else
#  define GET_TIME SYS_clock_gettime
#  define SET_TIMER SYS_timerfd_settime
#endif

/* Replaces the C library's function, for libcurl too. */
int clock_gettime(clockid_t id, struct timespec *t)
{
    int result = (int)syscall(GET_TIME, id, t);

    t->tv_sec += id == CLOCK_REALTIME ? atomic_load(&wall_ahead_s) : 0;
    t->tv_sec += id == CLOCK_BOOTTIME ? atomic_load(&boot_ahead_s) : 0;
    return result;
}

/* The pool's timer uses the clock since boot, so it must jump with it. */
static pthread_mutex_t timer_mutex = PTHREAD_MUTEX_INITIALIZER;
static int timer = -1;
static struct itimerspec timer_at; /* on the clock that jumps */

static int arm_timer(void)
{
    struct itimerspec real = timer_at;

    if (real.it_value.tv_sec != 0) {
        real.it_value.tv_sec -= atomic_load(&boot_ahead_s);
        if (real.it_value.tv_sec < 0) /* the time has passed: fire at once */
            real.it_value = (struct timespec){0, 1};
    }
    return (int)syscall(SET_TIMER, timer, TFD_TIMER_ABSTIME, &real, NULL);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *old)
{
    int result;

    (void)flags, (void)old;
    (void)pthread_mutex_lock(&timer_mutex);
    timer = fd;
    timer_at = *at;
    result = arm_timer();
    (void)pthread_mutex_unlock(&timer_mutex);
    return result;
}

/* Forgets the timer, whose number may soon belong to another descriptor. */
static void forget_timer(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&timer_mutex);
    timer = -1;
    (void)pthread_mutex_unlock(&timer_mutex);
}

typedef struct jump {
    const char *name;
    int wall_s;
    int boot_s;
} jump;

static const jump jumps[] = {
    {"an hour forward", HOUR_S, 0},
    {"an hour back", -HOUR_S, 0},
    {"a year back", -365 * DAY_S, 0},
    {"asleep for an hour", HOUR_S, HOUR_S},
    {"asleep for a month", 30 * DAY_S, 30 * DAY_S},
    {"asleep, and the wall clock with it", 0, HOUR_S},
};

static void make_jump(void *user)
{
    const jump *j = user;

    atomic_fetch_add(&wall_ahead_s, j->wall_s);
    (void)pthread_mutex_lock(&timer_mutex);
    atomic_fetch_add(&boot_ahead_s, j->boot_s);
    if (timer >= 0)
        (void)arm_timer();
    (void)pthread_mutex_unlock(&timer_mutex);
}

/* --- fetches --- */

typedef struct scene {
    jump jump;
    raw_step steps[5];
    const raw_step *script;
    lock_sync_pool *pool; /* NULL: fetches block */
    account *a;
} scene;

/* Tries each jump in a blocking fetch and in a pool. The server runs `steps` on its first connection; RAW_CALL
   jumps. */
static void in_each_jump(const raw_step *steps, size_t count, void (*check)(scene *s))
{
    for (size_t i = 0; i < 2 * COUNT_OF(jumps); i++) {
        scene s = {.jump = jumps[i / 2], .script = s.steps};

        t_row("%s, %s", s.jump.name, i % 2 == 1 ? "in a pool" : "blocking");
        for (size_t k = 0; k < count; k++) {
            s.steps[k] = steps[k];
            if (steps[k].call != NULL)
                s.steps[k].user = &s.jump;
        }
        s.a = stage_account(raw_url(stage_server(&s.script, count > 0)));
        MUST_OK(lock_sync_set_timeout_ms(s.a->ctx, KIT_PATIENCE_MS));
        stage_later(forget_timer, NULL);
        s.pool = i % 2 == 1 ? stage_pool() : NULL;
        check(&s);
        (void)stage_clear(NULL);
    }
}

static void time_out(scene *s)
{
    int64_t begun_ms = kit_now_ms();

    MUST_OK(lock_sync_set_timeout_ms(s->a->ctx, DEADLINE_MS));
    CHECK_INT(account_fetch(s->a, s->pool), LOCK_SYNC_E_TIMEOUT);
    CHECK_BETWEEN(kit_now_ms() - begun_ms, 0, DEADLINE_MS + 1000 * kit_slack());
    MUST_OK(lock_sync_set_timeout_ms(s->a->ctx, KIT_PATIENCE_MS));
    CHECK_OK(account_fetch(s->a, s->pool));
}

TEST_ON_STAGE(a_fetch_ends_by_its_deadline_even_if_clocks_jump)
{
    static const raw_step steps[] = {RAW_READ_REQUEST, RAW_CALL(make_jump, NULL), RAW_WAIT_FOR_CLOSE, RAW_END};

    in_each_jump(steps, COUNT_OF(steps), time_out);
}

/* Expects a success, unless the machine slept: then the response may be too late. */
static void expect_ok(scene *s)
{
    lock_sync_status status = account_fetch(s->a, s->pool);

    if (s->jump.boot_s == 0 || status != LOCK_SYNC_E_TIMEOUT)
        CHECK_OK(status);
}

TEST_ON_STAGE(a_response_after_a_clock_jump_is_accepted)
{
    static const raw_step steps[] = {RAW_READ_REQUEST, RAW_CALL(make_jump, NULL), RAW_RESPOND, RAW_WAIT_FOR_CLOSE,
                                     RAW_END};

    in_each_jump(steps, COUNT_OF(steps), expect_ok);
}

static void go_on(scene *s)
{
    CHECK_OK(account_fetch(s->a, s->pool));
    make_jump(&s->jump);
    for (int i = 0; i < 3; i++)
        CHECK_OK(account_fetch(s->a, s->pool));
}

TEST_ON_STAGE(fetches_succeed_after_a_clock_jump)
{
    in_each_jump(NULL, 0, go_on);
}

/* Asks the guard, whose interval must count, not what the wall clock shows. */
static void ask_guard(scene *s)
{
    account_guard(s->a, stage_guard(20000), LOCK_SYNC_GUARD_FAIL);
    CHECK_OK(account_fetch(s->a, s->pool));
    make_jump(&s->jump);
    CHECK_INT(account_fetch(s->a, s->pool), s->jump.boot_s == 0 ? LOCK_SYNC_E_TOO_SOON : LOCK_SYNC_OK);
}

TEST_ON_STAGE(a_guard_in_memory_uses_the_clock_since_boot)
{
    in_each_jump(NULL, 0, ask_guard);
}
