/* What serving many accounts at once costs over HTTP/1.1, against the simulator.

   bench-pool-http1 BASE_URL [quick] prints one line of JSON per contestant. The simulator answers --any-key. */
#include "contestants.h"
#include "../tools.h"

#include <curl/curl.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static size_t count_body(char *data, size_t one, size_t size, void *user)
{
    (void)data, (void)one;
    *(size_t *)user += size;
    return size;
}

/* How long the server's answer is. */
static size_t answer_bytes(const char *base_url)
{
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Authorization: PersonalKey key");
    char url[256];
    size_t bytes = 0;
    long status = 0;

    (void)snprintf(url, sizeof url, "%s/api/v37/my/lock/sync", base_url);
    if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_body) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &bytes) != CURLE_OK || curl_easy_perform(easy) != CURLE_OK ||
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status != 200)
        die("no answer from %s", url);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return bytes;
}

/* The contestants of one scene keep more than a thousand connections. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("no limit of file descriptors");
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    static const contestant *const few[] = {&pool_of_ours, &multi_by_hand, &multi_with_options};
    static const contestant *const many[] = {&pool_of_ours, &multi_by_hand};
    size_t rounds = argc > 2 && strcmp(argv[2], "quick") == 0 ? 6 : 12;
    pool_setup setup = {.locks = 10, .accounts = 64, .at_once = 64};

    if (argc < 2)
        die("usage: bench-pool-http1 BASE_URL [quick]");
    raise_descriptors();
    setup.base_url = argv[1];
    setup.bytes = answer_bytes(argv[1]);
    take_turns("HTTP/1.1, 64 at once", &setup, few, COUNT_OF(few), rounds, NULL, NULL);
    setup.accounts = setup.at_once = 1000;
    take_turns("HTTP/1.1, 1,000 submitted", &setup, many, COUNT_OF(many), rounds, NULL, NULL);
    return 0;
}
