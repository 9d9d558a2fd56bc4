/* From main to the first response, with libcurl and jansson: it writes a byte to stdout then. */
#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct response {
    char body[65536];
    size_t size;
} response;

static size_t keep_body(char *data, size_t one, size_t size, void *user)
{
    response *a = user;

    (void)one;
    if (size > sizeof a->body - a->size)
        return 0;
    memcpy(a->body + a->size, data, size);
    a->size += size;
    return size;
}

int main(int argc, char **argv)
{
    static response a;
    char url[256];
    struct curl_slist *headers = NULL;
    json_t *json = NULL;
    CURL *curl;
    bool good;

    if (argc < 2 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    (void)snprintf(url, sizeof url, "%s/api/v37/my/lock/sync", argv[1]);
    headers = curl_slist_append(headers, "Accept: application/json");
    headers = curl_slist_append(headers, "Authorization: PersonalKey demo-key");
    curl = curl_easy_init();
    good = curl != NULL && headers != NULL && curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a) == CURLE_OK && curl_easy_perform(curl) == CURLE_OK;
    if (good)
        json = json_loadb(a.body, a.size, 0, NULL);
    good = json_array_size(json_object_get(json, "result")) > 0 && write(STDOUT_FILENO, "+", 1) == 1;
    json_decref(json);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return good ? 0 : 1;
}
