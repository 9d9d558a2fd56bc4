/* Redis URLs with any bytes. An accepted URL has a host name, a port and a database from the text. A URL that is
   written from these parts is parsed to the same parts.

   Input: the URL, up to a NUL. */
#include "fuzz.h"
#include "guard/redis/redis_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes each byte as %XX, so that none has a special meaning. */
static char *escape(char *at, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        at += sprintf(at, "%%%02X", *c);
    return at;
}

static void check_number(const char *text, long least)
{
    FUZZ_CHECK(text[0] != '\0' && text[strspn(text, "0123456789")] == '\0');
    FUZZ_CHECK(strtol(text, NULL, 10) >= least && strtol(text, NULL, 10) <= 65535);
}

static void check_again(const lsync_redis_url *parts)
{
    char url[4 * sizeof *parts] = "redis://";
    char *at = url + strlen(url);
    bool logs_in = parts->password[0] != '\0';
    bool bracketed = strspn(parts->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") !=
                     strlen(parts->host);
    lsync_redis_url again;

    FUZZ_CHECK(logs_in || parts->user[0] == '\0');
    if (logs_in) {
        at = escape(at, parts->user);
        *at++ = ':';
        at = escape(at, parts->password);
        *at++ = '@';
    }
    (void)sprintf(at, "%s%s%s:%s/%s", bracketed ? "[" : "", parts->host, bracketed ? "]" : "", parts->port, parts->db);
    if (strlen(url) > LSYNC_REDIS_URL_MAX)
        return;
    FUZZ_CHECK(lsync_redis_url_parse(url, &again) == NULL);
    FUZZ_CHECK(memcmp(parts, &again, sizeof again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    size_t text_size;
    char *url = fuzz_text_to(&in, 0, &text_size);
    lsync_redis_url parts;
    const char *why = lsync_redis_url_parse(url, &parts);

    if (why == NULL) {
        FUZZ_CHECK(parts.host[0] != '\0' && strstr(url, parts.host) != NULL);
        check_number(parts.port, 1);
        check_number(parts.db, 0);
        check_again(&parts);
    } else {
        FUZZ_CHECK(why[0] != '\0');
    }
    free(url);
    return 0;
}
