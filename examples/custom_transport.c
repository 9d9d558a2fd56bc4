/* A fetch through the program's HTTP client: here a libcurl handle with the program's options. Environment: see
 * configure.h. */
#include "configure.h"

#include <curl/curl.h>
#include <string.h>

/* Stores what libcurl received, as on_header() does. An error (too large, out of memory) ends the transfer. */
static size_t on_body(char *data, size_t one, size_t size, void *user)
{
    return lock_sync_response_append_body(user, data, one * size) == LOCK_SYNC_OK ? one * size : 0;
}

static size_t on_header(char *line, size_t one, size_t size, void *user)
{
    char text[1024];
    char *colon;

    snprintf(text, sizeof text, "%.*s", (int)size, line);
    text[strcspn(text, "\r\n")] = '\0';
    colon = strchr(text, ':');
    if (colon != NULL) { /* the guard needs Retry-After and Date, the error detail X-Correlation-ID */
        *colon = '\0';
        (void)lock_sync_response_add_header(user, text, colon + 1);
    }
    return one * size;
}

static lock_sync_status perform(void *user, const lock_sync_request *request, lock_sync_response *response)
{
    CURL *curl = user;
    struct curl_slist *headers = NULL;
    long http_status = 0;
    CURLcode code;

    for (size_t i = 0; i < lock_sync_request_header_count(request); i++) {
        char line[17000]; /* the longest credential is 16384 bytes */

        snprintf(line, sizeof line, "%s: %s", lock_sync_request_header_name(request, i),
                 lock_sync_request_header_value(request, i));
        headers = curl_slist_append(headers, line);
    }
    curl_easy_setopt(curl, CURLOPT_URL, lock_sync_request_url(request));
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* a proxy from the environment would see the credential */
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)lock_sync_request_connect_timeout_ms(request));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)lock_sync_request_timeout_ms(request));
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, response);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, response);
    code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    curl_slist_free_all(headers);
    if (code == CURLE_OK)
        return lock_sync_response_set_status(response, (int32_t)http_status);
    return code == CURLE_OPERATION_TIMEDOUT ? LOCK_SYNC_E_TIMEOUT
           : code == CURLE_COULDNT_CONNECT  ? LOCK_SYNC_E_CONNECT
                                            : LOCK_SYNC_E_NETWORK;
}

int main(void)
{
    lock_sync_transport transport = {sizeof transport, curl_easy_init(), perform, NULL, curl_easy_cleanup};
    lock_sync_ctx *ctx = NULL;
    lock_sync_results *results = NULL;
    lock_sync_status status = lock_sync_ctx_new(&ctx);

    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_transport(ctx, &transport); /* the context now frees it with destroy */
    if (status == LOCK_SYNC_OK && (status = configure(ctx)) == LOCK_SYNC_OK)
        status = lock_sync_fetch(ctx, NULL, 0, &results);
    printf("%zu locks through the program's transport\n", lock_sync_results_count(results));
    status = report(ctx, status);
    lock_sync_results_free(results);
    lock_sync_ctx_free(ctx);
    return status;
}
