#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define CANCEL_INTERVAL_MS 20
#define CANCELS_MAX 250 /* 5 s; a command that still runs is blocked in writing */

const int signals_terminating[SIGNALS_TERMINATING_COUNT] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static lock_sync_ctx *context;
static signals_screen callbacks;
static sigset_t awaited;
static int signals_fd = -1;
static sigset_t mask_before;
static pthread_t thread;
static atomic_int caught;
static atomic_bool ended;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* for `changed` */
static pthread_cond_t changed;

static void on_signal(int signal_number)
{
    (void)pthread_mutex_lock(&mutex);
    caught = signal_number;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&mutex);
}

/* Returns 0 if no signal is pending. */
static int next_signal(void)
{
    struct signalfd_siginfo next;

    return read(signals_fd, &next, sizeof next) == (ssize_t)sizeof next ? (int)next.ssi_signo : 0;
}

/* Returns false if the terminal has no more keys to read, because it is gone. */
static bool read_keys(int fd)
{
    char keys[64];
    ssize_t got = read(fd, keys, sizeof keys);

    if (got > 0 && memchr(keys, 'q', (size_t)got) != NULL && caught == 0)
        on_signal(SIGNALS_KEY_Q);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void *await(void *unused)
{
    struct pollfd inputs[] = {{.fd = signals_fd, .events = POLLIN}, {.fd = callbacks.keys_fd, .events = POLLIN}};
    int cancels = 0;

    (void)unused;
    while (!ended) {
        bool is_ready = poll(inputs, 2, caught != 0 ? CANCEL_INTERVAL_MS : -1) > 0;
        int signal_number = next_signal();

        if (signal_number > 0 && signal_number != SIGWINCH && signal_number != SIGTSTP && caught <= 0)
            on_signal(signal_number); /* even if ended: signals_caught() is called later */
        if (ended)
            break;
        if (is_ready && inputs[1].revents != 0 && !read_keys(inputs[1].fd))
            inputs[1].fd = -1;
        if (signal_number == SIGWINCH && callbacks.resized != NULL)
            callbacks.resized(callbacks.user);
        if (signal_number == SIGTSTP)
            callbacks.stop(callbacks.user);
        if (caught != 0)
            lock_sync_cancel(context);
        if (caught != 0 && ++cancels > CANCELS_MAX)
            signals_reraise();
    }
    return NULL;
}

/* Awaits the signal, unless it was ignored at the start (nohup): then it stays ignored. */
static void await_unless_ignored(int signal_number)
{
    struct sigaction action;

    if (sigaction(signal_number, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
        sigaddset(&awaited, signal_number);
}

bool signals_begin(lock_sync_ctx *ctx, const signals_screen *screen)
{
    pthread_condattr_t attributes;
    bool begun;

    ended = false;
    context = ctx;
    callbacks = screen != NULL ? *screen : (signals_screen){.keys_fd = -1};
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGWINCH); /* signals_end() also wakes the thread with it */
    for (size_t i = 0; i < SIGNALS_TERMINATING_COUNT; i++)
        await_unless_ignored(signals_terminating[i]);
    if (screen != NULL)
        await_unless_ignored(SIGTSTP);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_sigmask(SIG_BLOCK, &awaited, &mask_before);
    signals_fd = signalfd(-1, &awaited, SFD_NONBLOCK | SFD_CLOEXEC);
    begun = signals_fd >= 0 && pthread_create(&thread, NULL, await, NULL) == 0;
    if (!begun)
        (void)pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
    return begun;
}

void signals_stop(void)
{
    sigset_t stop;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    (void)pthread_kill(pthread_self(), SIGTSTP);
    (void)pthread_sigmask(SIG_UNBLOCK, &stop, NULL); /* the process stops here */
    (void)pthread_sigmask(SIG_BLOCK, &stop, NULL);
}

int signals_caught(void)
{
    return caught;
}

bool signals_sleep(int64_t ms)
{
    struct timespec until;
    int waited = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&mutex);
    while (caught == 0 && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&changed, &mutex, &until);
    (void)pthread_mutex_unlock(&mutex);
    return caught == 0;
}

void signals_end(void)
{
    ended = true;
    (void)pthread_kill(thread, SIGWINCH);
    (void)pthread_join(thread, NULL);
    (void)pthread_cond_destroy(&changed);
    (void)close(signals_fd);
    if (caught <= 0)
        (void)pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}

void signals_reraise(void)
{
    if (caught <= 0)
        return;
    (void)pthread_kill(pthread_self(), caught); /* still blocked, with its original action */
    (void)pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}
