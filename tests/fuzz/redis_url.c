/* Redis URLs with any bytes. An accepted URL has a database, and places with host name and port, or a path. A URL that
   is written from its parts is parsed to the same parts.

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

/* Adds [user:password@]. */
static char *write_login(char *at, const lsync_redis_login *login)
{
    FUZZ_CHECK(login->password[0] != '\0' || login->user[0] == '\0');
    if (login->password[0] == '\0')
        return at;
    at = escape(at, login->user);
    *at++ = ':';
    at = escape(at, login->password);
    *at++ = '@';
    return at;
}

/* Adds host:port. */
static char *write_place(char *at, const lsync_redis_place *place)
{
    bool bracketed = strspn(place->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") !=
                     strlen(place->host);

    FUZZ_CHECK(place->host[0] != '\0');
    check_number(place->port, 1);
    return at + sprintf(at, "%s%s%s:%s", bracketed ? "[" : "", place->host, bracketed ? "]" : "", place->port);
}

/* Adds name=value and a separator, unless the value is empty. */
static char *write_parameter(char *at, const char *name, const char *value)
{
    if (value[0] == '\0')
        return at;
    at = escape(at + sprintf(at, "%s=", name), value);
    *at++ = '&';
    return at;
}

static char *write_parameters(char *at, const lsync_redis_url *parts)
{
    *at++ = '?';
    at = write_parameter(at, "sentinel_username", parts->sentinel_login.user);
    at = write_parameter(at, "sentinel_password", parts->sentinel_login.password);
    at = write_parameter(at, "ssl_ca_certs", parts->ca_file);
    at = write_parameter(at, "ssl_certfile", parts->certificate_file);
    at = write_parameter(at, "ssl_keyfile", parts->key_file);
    return at - 1; /* without the last separator, or the ? */
}

static char *write_servers(char *at, const lsync_redis_url *parts)
{
    for (size_t i = 0; i < parts->place_count; i++) {
        at = write_place(at, &parts->places[i]);
        *at++ = i + 1 < parts->place_count ? ',' : '/';
    }
    if (parts->master[0] != '\0') {
        at = escape(at, parts->master);
        *at++ = '/';
    }
    return write_parameters(at + sprintf(at, "%s", parts->db), parts);
}

static void check_again(const lsync_redis_url *parts)
{
    char url[4 * sizeof *parts];
    bool is_socket = parts->places[0].port[0] == '\0';
    const char *name = parts->master[0] != '\0' ? "+sentinel" : "";
    char *at = url;
    lsync_redis_url again;

    FUZZ_CHECK(parts->place_count == 1 || (parts->place_count > 1 && parts->master[0] != '\0'));
    if (is_socket) {
        FUZZ_CHECK(parts->places[0].host[0] == '/' && strlen(parts->places[0].host) < 108 && !parts->is_tls);
        at = write_login(at + sprintf(at, "unix://"), &parts->login);
        *at++ = '/';
        at = escape(at, parts->places[0].host + 1);
        at += sprintf(at, "?db=%s", parts->db);
    } else {
        at = write_login(at + sprintf(at, "redis%s%s://", parts->is_tls ? "s" : "", name), &parts->login);
        at = write_servers(at, parts);
    }
    *at = '\0';
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
        check_number(parts.db, 0);
        check_again(&parts);
    } else {
        FUZZ_CHECK(why[0] != '\0');
    }
    free(url);
    return 0;
}
