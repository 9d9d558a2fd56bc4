/* Clocks that jump while a fetch is under way or a connection is kept: the wall clock, set by people and by NTP, and
   the clock of the time since boot, which has gone on when a machine wakes up. The clock that only counts the time
   awake never jumps. A fetch ends by its deadline, and the next one is good. */
#include "accounts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
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
#define GET_TIME SYS_clock_gettime64
#define SET_TIMER SYS_timerfd_settime64
#else
#define GET_TIME SYS_clock_gettime
#define SET_TIMER SYS_timerfd_settime
#endif

/* In place of the C library's, for libcurl too. */
int clock_gettime(clockid_t id, struct timespec *t)
{
    int result = (int)syscall(GET_TIME, id, t);

    t->tv_sec += id == CLOCK_REALTIME ? atomic_load(&wall_ahead_s) : 0;
    t->tv_sec += id == CLOCK_BOOTTIME ? atomic_load(&boot_ahead_s) : 0;
    return result;
}

/* The pool's timer runs by the clock since boot, so it must jump with it. */
static pthread_mutex_t timer_mutex = PTHREAD_MUTEX_INITIALIZER;
static int timer = -1;
static struct itimerspec timer_at; /* by the clock that jumps */

static int arm_timer(void)
{
    struct itimerspec real = timer_at;

    if (real.it_value.tv_sec != 0) {
        real.it_value.tv_sec -= atomic_load(&boot_ahead_s);
        if (real.it_value.tv_sec < 0) /* at once */
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

/* Its number may be another's next. */
static void forget_timer(void)
{
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

static lock_sync_status fetch(account *a, lock_sync_pool *p)
{
    lock_sync_results *results = NULL;
    lock_sync_status status;

    if (p != NULL) {
        account_submit(a, p);
        pool_run_account(a);
        return a->status;
    }
    status = lock_sync_fetch(a->ctx, NULL, 0, &results);
    lock_sync_results_free(results);
    return status;
}

typedef struct scene {
    raw_server *server;
    lock_sync_pool *pool; /* NULL: fetches block */
    account account;
} scene;

static scene scene_make(bool pooled, const raw_step *const *scripts, size_t count)
{
    scene s = {.server = raw_start(AF_INET, scripts, count), .pool = pooled ? pool_make() : NULL};

    s.account = account_new(raw_url(s.server));
    MUST_OK(lock_sync_set_timeout_ms(s.account.ctx, DEADLINE_MS));
    return s;
}

static void scene_end(scene *s)
{
    account_free(&s->account);
    if (s->pool != NULL)
        pool_end(s->pool);
    forget_timer();
    raw_stop(s->server);
    MUST_INT(stray_callbacks(), 0);
}

#define expect(s, want, j) check(fetch(&(s)->account, (s)->pool), (want), (j), (s)->pool != NULL, __FILE__, __LINE__)

static void check(lock_sync_status got, lock_sync_status want, const jump *j, bool pooled, const char *file, int line)
{
    if (got == want)
        return;
    print_error("%s, %s: %s instead of %s\n", j->name, pooled ? "in a pool" : "blocking", lock_sync_status_name(got),
                lock_sync_status_name(want));
    _fail(file, line);
}

#define EACH_JUMP_TWICE(i) size_t i = 0; i < 2 * COUNT_OF(jumps); i++

TEST(a_fetch_ends_by_its_deadline_whatever_clocks_do)
{
    for (EACH_JUMP_TWICE(i)) {
        jump j = jumps[i / 2];
        const raw_step steps[] = {RAW_READ_REQUEST, RAW_CALL(make_jump, &j), RAW_WAIT_FOR_CLOSE, RAW_END};
        const raw_step *const scripts[] = {steps};
        scene s = scene_make(i % 2 == 1, scripts, 1);
        int64_t begun_ms = kit_now_ms();

        expect(&s, LOCK_SYNC_E_TIMEOUT, &j);
        if (kit_now_ms() - begun_ms > DEADLINE_MS + 1000 * kit_slack())
            fail_msg("%s: took %lld ms", j.name, (long long)(kit_now_ms() - begun_ms));
        expect(&s, LOCK_SYNC_OK, &j);
        scene_end(&s);
    }
}

/* An answer that came while the machine slept may be taken, or come too late. */
TEST(an_answer_behind_a_jump_is_taken)
{
    for (EACH_JUMP_TWICE(i)) {
        jump j = jumps[i / 2];
        const raw_step steps[] = {RAW_READ_REQUEST, RAW_CALL(make_jump, &j), RAW_ANSWER, RAW_WAIT_FOR_CLOSE, RAW_END};
        const raw_step *const scripts[] = {steps};
        scene s = scene_make(i % 2 == 1, scripts, 1);
        lock_sync_status status = fetch(&s.account, s.pool);

        if (j.boot_s == 0 || status != LOCK_SYNC_E_TIMEOUT)
            check(status, LOCK_SYNC_OK, &j, s.pool != NULL, __FILE__, __LINE__);
        scene_end(&s);
    }
}

TEST(fetches_go_on_after_a_jump)
{
    for (EACH_JUMP_TWICE(i)) {
        jump j = jumps[i / 2];
        scene s = scene_make(i % 2 == 1, NULL, 0);

        expect(&s, LOCK_SYNC_OK, &j);
        make_jump(&j);
        for (int k = 0; k < 3; k++)
            expect(&s, LOCK_SYNC_OK, &j);
        scene_end(&s);
    }
}

/* What stands in the way is a guard's interval, not what the wall clock says of it. */
TEST(a_guard_in_memory_waits_by_the_time_since_boot)
{
    for (EACH_JUMP_TWICE(i)) {
        jump j = jumps[i / 2];
        scene s = scene_make(i % 2 == 1, NULL, 0);
        lock_sync_guard *guard;

        MUST_OK(lock_sync_guard_new(&guard));
        account_guard(&s.account, guard, LOCK_SYNC_GUARD_FAIL);
        expect(&s, LOCK_SYNC_OK, &j);
        make_jump(&j);
        expect(&s, j.boot_s == 0 ? LOCK_SYNC_E_TOO_SOON : LOCK_SYNC_OK, &j);
        scene_end(&s);
        lock_sync_guard_unref(guard);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_fetch_ends_by_its_deadline_whatever_clocks_do),
        T(an_answer_behind_a_jump_is_taken),
        T(fetches_go_on_after_a_jump),
        T(a_guard_in_memory_waits_by_the_time_since_boot),
    };

    return T_MAIN(tests);
}
