/* Many transfers in one thread: the part that does not depend on epoll or poll; see loop.h. */
#include "transport/loop.h"

#define SET(option, value)                                                                                             \
  do {                                                                                                                 \
    if (code == CURLM_OK)                                                                                              \
      code = curl_multi_setopt(l->multi, option, value);                                                               \
  } while (0)

lock_sync_status lsync_loop_limit(lsync_loop *l, uint32_t per_origin, uint32_t total)
{
    CURLMcode code = CURLM_OK;

    l->owner.per_origin = per_origin;
    l->total = total;
    SET(CURLMOPT_MAX_HOST_CONNECTIONS, (long)per_origin);
    SET(CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)total);
    SET(CURLMOPT_MAXCONNECTS, (long)total);
    SET(CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    SET(CURLMOPT_MAX_CONCURRENT_STREAMS, (long)LSYNC_STREAMS_MAX);
    return code == CURLM_OK ? LOCK_SYNC_OK : LOCK_SYNC_E_NO_MEMORY;
}

void lsync_loop_add_guest(lsync_loop *l, lsync_guest *guest)
{
    *guest = (lsync_guest){.next = l->guests, .fd = -1};
    l->guests = guest;
    l->guest_count++;
}

void lsync_loop_remove_guest(lsync_loop *l, lsync_guest *guest)
{
    l->guests = guest->next;
    l->guest_count--;
}

lock_sync_status lsync_loop_start(lsync_loop *l, lsync_transfer *t)
{
    if (curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, t->connecting == LSYNC_CONNECTS_NEVER ? 1L : 0L) != CURLE_OK)
        return LOCK_SYNC_E_NO_TRANSPORT;
    if (curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t) != CURLE_OK ||
        curl_multi_add_handle(l->multi, t->easy) != CURLM_OK)
        return LOCK_SYNC_E_NO_MEMORY;
    l->owner.transfers++;
    return LOCK_SYNC_OK;
}

void lsync_loop_stop(lsync_loop *l, lsync_transfer *t)
{
    l->owner.transfers--;
    (void)curl_multi_remove_handle(l->multi, t->easy); /* fails only for a handle that was not added */
}

/* Reads all messages before it removes handles, because each removal makes libcurl search the remaining messages. */
lsync_transfer *lsync_loop_finished(lsync_loop *l)
{
    lsync_transfer *first = NULL;
    lsync_transfer **end = &first;
    CURLMsg *message;
    int queued;

    while ((message = curl_multi_info_read(l->multi, &queued)) != NULL) {
        char *private = NULL;

        if (message->msg != CURLMSG_DONE) /* the only kind that libcurl 7.88 knows */
            continue;
        if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private) != CURLE_OK) {
            l->owner.transfers--; /* the deadline of its job ends it */
            continue;
        }
        *end = (lsync_transfer *)(void *)private;
        (*end)->code = message->data.result;
        (*end)->next_over = NULL;
        end = &(*end)->next_over;
    }
    for (lsync_transfer *t = first; t != NULL; t = t->next_over)
        lsync_loop_stop(l, t);
    return first;
}
