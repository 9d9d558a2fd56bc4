/* Differences between libcurl 7.88 to 8.23 and its documentation, and between these versions. Each comment names the
   versions and the upstream issue, if there is one. A workaround that is a part of other code is listed at the end. */
#ifndef LSYNC_TRANSPORT_QUIRKS_H
#define LSYNC_TRANSPORT_QUIRKS_H

#include "transport/types.h"

/* Sets two options for the threads that look up names. 8.20 and newer (curl#20936): cleaning up a multi handle waits
   for them. The first option prevents that. At most 20 threads run, two for each name, so ten slow names would block
   all others. The other lifts the limit: each look-up gets a thread, as in older versions. */
void lsync_quirk_set_resolver(CURLM *multi);

/* Returns whether libcurl's text says, before a retry by libcurl, that a server sent HTTP_1_1_REQUIRED. In all versions
   only the error buffer shows it. 8.22 and newer clear the buffer first; then it counts like any other refused stream.
   For the first request of a connection the text is "Empty reply". That text is unambiguous, because other retries of a
   request on a new connection leave none. */
bool lsync_quirk_wants_http1(const char *error_text, bool is_new);

/* Returns whether the code says that a server refused a request while it closed the connection. 7.88: a server that
   closes the connection (GOAWAY) may refuse a request. libcurl does not retry the request if no other is active on the
   connection. */
bool lsync_quirk_is_goaway(CURLcode code);

/* Replaces the handle if must_replace_handle is set, and calls set_rules() for the new one. Before 8.17 (curl#18926): a
   handle counts retries over its whole life, and fails at each sixth. It also carries a refused stream over to the next
   transfer. */
CURLcode lsync_quirk_replace_handle(lsync_transfer *t, CURLcode (*set_rules)(lsync_transfer *t));

/* Returns whether this libcurl is 8.22 or newer (curl#21806). These do not check whether a kept connection was closed
   within a second of its last use. */
bool lsync_quirk_trusts_idle(void);
/* Makes libcurl close the connection at the end of the attempt, unless other requests are active on it. Must be called
   before the request is sent. The same versions would use an HTTP/2 connection that was shut down for one request after
   the other, within that second. */
void lsync_quirk_end_connection(CURL *easy);

/* Sets both forms of a URL, the parsed one first: in 8.12 and newer, setting it drops the text.

   Also sets path and query as the request's target, so that libcurl uses no query of its own. Before 8.18 (curl#19594),
   if memory for the query runs out, libcurl sends the request without it, and gets a good response to another request.
   A proxy would need the whole URL, but the library tunnels through every proxy. */
CURLcode lsync_quirk_set_url(CURL *easy, CURLU *parsed, const char *text);

/* Sets the option. Ignores the rejection by TLS backends without certificate directories (Schannel, Rustls), which
   reject even NULL. */
CURLcode lsync_quirk_set_folder(CURL *easy, CURLoption option, const char *folder);

/* Returns the code that the newest libcurl would return. Before 8.6 (curl#12269) a header line that exceeds libcurl's
   limit is reported as out of memory, and the connection is closed; the bytes that it received since the request
   distinguish it. 8.14 and newer report out of memory while the URL is set as a missing URL. */
CURLcode lsync_quirk_code(const lsync_transfer *t, CURLcode code);
#define LSYNC_CURLE_TOO_LARGE ((CURLcode)100) /* CURLE_TOO_LARGE, which older headers lack */

/* Elsewhere:

   - connections.c, forget_unconnected(), and loop_epoll.c, lsync_watched: 7.88 does not report that it closes a socket
     that did not connect. Its number may be reused, and a forked child may keep it open.
   - options.c, limit_tls_caches(): 8.14 tries a TLS session repeatedly that may be the cause of a failure. For some
     seconds no session is resumed. */

#endif
