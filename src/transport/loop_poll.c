/* Many transfers in one thread, on systems without epoll; see loop.h. Uses curl_multi_poll(), so there is no descriptor
   for an application's event loop. The cost of a pass grows with the number of transfers. */
#include "base/clock.h"
#include "transport/loop.h"
#include "transport/quirks.h"
#include "transport/status.h"

#include <limits.h>

lock_sync_status lsync_loop_init(lsync_loop *l, const lock_sync_allocator *memory)
{
    lock_sync_status status = lsync_curl_global_init();

    *l = (lsync_loop){.memory = memory, .epoll_fd = -1, .timer_fd = -1, .wake_fd = -1};
    l->curl_due_us = l->armed_us = LSYNC_NEVER_US;
    if (status != LOCK_SYNC_OK)
        return status;
    l->multi = curl_multi_init();
    if (l->multi == NULL)
        return lsync_status_of_no_handle();
    lsync_quirk_set_resolver(l->multi);
    return LOCK_SYNC_OK;
}

void lsync_loop_release(lsync_loop *l)
{
    (void)curl_multi_cleanup(l->multi);
}

/* Does nothing: curl_multi_perform() can use the handle, because each call checks all transfers. */
void lsync_loop_replace_multi(lsync_loop *l)
{
    (void)l;
}

/* Returns how long a pass can wait: up to timeout_ms, and up to the pool's due time. */
static int wait_limit_ms(const lsync_loop *l, int timeout_ms)
{
    int64_t own_ms = l->armed_us == LSYNC_NEVER_US ? INT_MAX : lsync_clock_ms_up(l->armed_us - lsync_clock_boot_us());

    own_ms = own_ms < 0 ? 0 : own_ms > INT_MAX ? INT_MAX : own_ms;
    return timeout_ms < 0 || own_ms < timeout_ms ? (int)own_ms : timeout_ms;
}

void lsync_loop_watch(lsync_loop *l, lsync_guest *guest, int fd, bool writes)
{
    (void)l;
    guest->fd = fd;
    guest->writes = writes;
}

/* Waits for an event of libcurl's sockets or of a guest. */
static bool wait_for_event(lsync_loop *l, int timeout_ms)
{
    struct curl_waitfd waits[LSYNC_GUESTS_MAX];
    lsync_guest *guests[LSYNC_GUESTS_MAX];
    unsigned count = 0;

    for (lsync_guest *guest = l->guests; guest != NULL; guest = guest->next) {
        if (guest->fd < 0)
            continue;
        guests[count] = guest;
        waits[count] = (struct curl_waitfd){.fd = guest->fd, .events = CURL_WAIT_POLLIN};
        waits[count].events |= guest->writes ? CURL_WAIT_POLLOUT : 0;
        count++;
    }
    if (curl_multi_poll(l->multi, waits, count, timeout_ms, NULL) != CURLM_OK)
        return false;
    for (unsigned i = 0; i < count; i++) { /* with an error, a socket is readable too */
        guests[i]->readable = guests[i]->readable || (waits[i].revents & CURL_WAIT_POLLIN) != 0;
        guests[i]->writable = guests[i]->writable || (waits[i].revents & CURL_WAIT_POLLOUT) != 0;
    }
    return true;
}

lock_sync_status lsync_loop_pass(lsync_loop *l, int timeout_ms)
{
    int running;

    timeout_ms = wait_limit_ms(l, timeout_ms);
    l->owner.passes++;
    if (curl_multi_perform(l->multi, &running) != CURLM_OK)
        return LOCK_SYNC_E_NO_MEMORY;
    if (running < (int)l->owner.transfers) /* do not wait: some transfers are over */
        timeout_ms = 0;
    if (timeout_ms == 0 && l->guests == NULL)
        return LOCK_SYNC_OK;
    if (!wait_for_event(l, timeout_ms) || curl_multi_perform(l->multi, &running) != CURLM_OK)
        return LOCK_SYNC_E_NO_MEMORY;
    return LOCK_SYNC_OK;
}

void lsync_loop_arm(lsync_loop *l, int64_t own_due_us)
{
    l->armed_us = own_due_us;
}

void lsync_loop_wake(const lsync_loop *l)
{
    (void)curl_multi_wakeup(l->multi); /* fails only if an earlier wake-up is pending */
}
