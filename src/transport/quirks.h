/* Where versions of libcurl differ from what is documented, or from each other: 7.88 to 8.23. Each stands here with the
   versions that have it and, if there is one, the upstream issue, and nowhere else. */
#ifndef LSYNC_TRANSPORT_QUIRKS_H
#define LSYNC_TRANSPORT_QUIRKS_H

#include "transport/types.h"

/* 8.20 and newer (curl#20936): cleaning up a multi handle waits for the threads that look up names, unless an option
   says otherwise. At most 20 of them run, two for a name, and behind ten names that stall all others would wait: each
   look-up gets a thread, as in older versions. */
void lsync_quirk_set_resolver(CURLM *multi);

/* All: a server's HTTP_1_1_REQUIRED is known by libcurl's words alone, which stand in the error buffer when libcurl is
   about to send again. 8.22 and newer clear the buffer before: there it is a refusal like others. To the first request
   of a connection it is an empty reply: what else libcurl would send again over a new connection leaves no words. */
bool lsync_quirk_wants_http1(const char *error_text, bool is_new);

/* 7.88: a request that the server refused because it closes the connection is not sent again where nothing else is
   under way on it. Its code says so. */
bool lsync_quirk_is_goaway(CURLcode code);

/* Before 8.17 (curl#18926): a handle counts what it sent again over its whole life, and gives up at each sixth; and it
   takes a refusal along to the next transfer. Such a handle is worn. */
CURLcode lsync_quirk_renew(lsync_transfer *t, CURLcode (*set_rules)(lsync_transfer *t));

/* 8.22 and newer (curl#21806): whether a kept connection was closed is not looked at within a second of its last use. */
bool lsync_quirk_trusts_idle(void);
/* Within that second a connection over HTTP/2 that was shut down is given to one request after the other. Called before
   a request is sent on it, closes it at the end of the attempt, unless other requests are on it. */
void lsync_quirk_end_connection(CURL *easy);

/* From 8.12: setting a parsed URL drops the text; so it is set first. Sets both. */
CURLcode lsync_quirk_set_url(CURL *easy, CURLU *parsed, const char *text);

/* TLS backends without folders of certificates (Schannel, Rustls): even that there is none is refused. */
CURLcode lsync_quirk_set_folder(CURL *easy, CURLoption option, const char *folder);

/* The code that the newest libcurl would give. Before 8.6 (curl#12269): a header line beyond libcurl's limit is said to
   be a lack of memory; it is told from that by what the connection had received. From 8.14: a lack of memory while the
   URL is set is said to be a missing URL. */
CURLcode lsync_quirk_code(const lsync_transfer *t, CURLcode code);
#define LSYNC_CURLE_TOO_LARGE ((CURLcode)100) /* CURLE_TOO_LARGE, which older headers lack */

#endif
