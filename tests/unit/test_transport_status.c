/* The status of a fetch for each of libcurl's codes that it can get. */
#include "base/memory.h"
#include "../support/decoding.h"
#include "transport/quirks.h"
#include "transport/status.h"

#include <stdio.h>

TEST(each_code_of_libcurl_has_its_status)
{
    static const struct {
        CURLcode code;
        lock_sync_status status;
    } table[] = {
        {CURLE_OUT_OF_MEMORY, LOCK_SYNC_E_NO_MEMORY},
        {CURLE_COULDNT_RESOLVE_HOST, LOCK_SYNC_E_RESOLVE},
        {CURLE_COULDNT_RESOLVE_PROXY, LOCK_SYNC_E_RESOLVE},
        {CURLE_COULDNT_CONNECT, LOCK_SYNC_E_CONNECT},
        {CURLE_PROXY, LOCK_SYNC_E_CONNECT},
        {CURLE_OPERATION_TIMEDOUT, LOCK_SYNC_E_TIMEOUT},
        {CURLE_SSL_CONNECT_ERROR, LOCK_SYNC_E_TLS},
        {CURLE_PEER_FAILED_VERIFICATION, LOCK_SYNC_E_TLS},
        {CURLE_SSL_CACERT_BADFILE, LOCK_SYNC_E_TLS},
        {CURLE_SSL_CERTPROBLEM, LOCK_SYNC_E_TLS},
        {CURLE_SSL_CIPHER, LOCK_SYNC_E_TLS},
        {CURLE_SSL_ISSUER_ERROR, LOCK_SYNC_E_TLS},
        {CURLE_SSL_PINNEDPUBKEYNOTMATCH, LOCK_SYNC_E_TLS},
        {CURLE_BAD_CONTENT_ENCODING, LOCK_SYNC_E_MALFORMED},
        {CURLE_WEIRD_SERVER_REPLY, LOCK_SYNC_E_MALFORMED},
        {CURLE_UNSUPPORTED_PROTOCOL, LOCK_SYNC_E_MALFORMED},
        {CURLE_URL_MALFORMAT, LOCK_SYNC_E_INVALID_ARGUMENT},
        {CURLE_FAILED_INIT, LOCK_SYNC_E_NO_TRANSPORT},
        {CURLE_NOT_BUILT_IN, LOCK_SYNC_E_NO_TRANSPORT},
        {CURLE_UNKNOWN_OPTION, LOCK_SYNC_E_NO_TRANSPORT},
        {CURLE_RECV_ERROR, LOCK_SYNC_E_NETWORK},
        {CURLE_SEND_ERROR, LOCK_SYNC_E_NETWORK},
        {CURLE_GOT_NOTHING, LOCK_SYNC_E_NETWORK},
        {CURLE_PARTIAL_FILE, LOCK_SYNC_E_NETWORK},
        {CURLE_HTTP2, LOCK_SYNC_E_NETWORK},
        {CURLE_HTTP2_STREAM, LOCK_SYNC_E_NETWORK},
    };
    lsync_connections connections = {.owner = NULL};
    lsync_connection connection;
    lock_sync_allocator memory;
    lock_sync_response response;
    lsync_transfer transfer = {.response = &response, .connections = &connections};

    MUST(lsync_allocator_init(&memory, NULL));
    lsync_response_init(&response, &memory, 1000, 1);
    transfer.easy = curl_easy_init();
    MUST(transfer.easy != NULL);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", curl_easy_strerror(table[i].code));
        CHECK_INT(lsync_status_of_curl(&transfer, table[i].code), table[i].status);
    }
    /* codes that differ between versions of libcurl */
    CHECK_INT(lsync_status_of_curl(&transfer, LSYNC_CURLE_TOO_LARGE), LOCK_SYNC_E_TOO_LARGE);
    response.failed = LOCK_SYNC_OK;
    connection = (lsync_connection){.fd = -1, .received = 102400 + 7};
    transfer.events.connection = &connection;
    transfer.events.received = 7;
    CHECK_INT(lsync_status_of_curl(&transfer, CURLE_OUT_OF_MEMORY), LOCK_SYNC_E_TOO_LARGE);
    response.failed = LOCK_SYNC_OK;
    connection.fd = 0; /* it is still open */
    CHECK_INT(lsync_status_of_curl(&transfer, CURLE_OUT_OF_MEMORY), LOCK_SYNC_E_NO_MEMORY);
    connection.fd = -1;
    transfer.events.header_ended = true;
    CHECK_INT(lsync_status_of_curl(&transfer, CURLE_OUT_OF_MEMORY), LOCK_SYNC_E_NO_MEMORY);
    (void)snprintf(transfer.error_text, sizeof transfer.error_text, "%s", "No URL set");
    CHECK_INT(lsync_status_of_curl(&transfer, CURLE_URL_MALFORMAT), LOCK_SYNC_E_NO_MEMORY);
    /* an earlier failure of the library's callback, or of the response, is the reason */
    transfer.stopped = LOCK_SYNC_E_TIMEOUT;
    CHECK_INT(lsync_status_of_curl(&transfer, CURLE_ABORTED_BY_CALLBACK), LOCK_SYNC_E_TIMEOUT);
    response.failed = LOCK_SYNC_E_TOO_LARGE;
    CHECK_INT(lsync_status_of_curl(&transfer, CURLE_WRITE_ERROR), LOCK_SYNC_E_TOO_LARGE);
    curl_easy_cleanup(transfer.easy);
    lsync_response_release(&response);
}
