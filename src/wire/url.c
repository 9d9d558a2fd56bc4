/* Base URLs and proxy URLs; see url.h. Stricter than RFC 3986 on purpose: what is let through here reaches libcurl's
   parser and a host's own, and all of them must see the same host. */
#include "wire/url.h"
#include "base/ascii.h"

#include <stdint.h>
#include <string.h>

/* The text behind `prefix` (lower case), compared without regard to case; NULL when it does not begin so. */
static const char *behind(const char *text, const char *prefix)
{
    return lsync_ascii_begins(text, strlen(text), prefix) ? text + strlen(prefix) : NULL;
}

/* One decimal number 0..255 without needless zeros; NULL when there is none. */
static const char *skip_octet(const char *at, const char *end)
{
    const char *start = at;
    unsigned value = 0;

    for (; at < end && lsync_ascii_is_digit(*at) && at - start < 3; at++)
        value = value * 10 + (unsigned)(*at - '0');
    return at == start || value > 255 || (*start == '0' && at - start > 1) ? NULL : at;
}

static bool is_loopback_ipv4(const char *host, size_t size)
{
    const char *end = host + size;
    const char *at = host;

    if (size < 4 || memcmp(host, "127.", 4) != 0)
        return false;
    for (int part = 0; part < 4; part++) {
        if (part > 0 && (at == end || *at++ != '.'))
            return false;
        at = skip_octet(at, end);
        if (at == NULL)
            return false;
    }
    return at == end;
}

static bool is_loopback(const char *host, size_t size)
{
    if (size == 5 && memcmp(host, "[::1]", 5) == 0)
        return true;
    if (size == 9 && behind(host, "localhost") != NULL)
        return true;
    return is_loopback_ipv4(host, size);
}

/* Host and port. On success *at stands behind them and *host_size is the host's length. */
static const char *parse_authority(const char **at, size_t *host_size)
{
    const char *host = *at;
    const char *end = host;

    if (*end == '[') {
        for (end++; lsync_ascii_is_hex(*end) || *end == ':' || *end == '.'; end++)
            continue;
        if (*end != ']' || end - host < 3)
            return "the IPv6 address is not closed, or has a character that cannot stand in it";
        end++;
    } else {
        while (lsync_ascii_is_alnum(*end) || *end == '.' || *end == '-')
            end++;
        if (end == host)
            return "it has no host, or one that does not begin with a letter or digit";
    }
    *host_size = (size_t)(end - host);
    if (*end == ':') {
        uint32_t port = 0;
        const char *digit = end + 1;

        for (; lsync_ascii_is_digit(*digit) && port <= 65535; digit++)
            port = port * 10 + (uint32_t)(*digit - '0');
        if (port < 1 || port > 65535)
            return "the port is not a number from 1 to 65535";
        end = digit;
    }
    *at = end;
    return NULL;
}

static const char *check_path(const char *path)
{
    for (; *path != '\0'; path++) {
        if (*path == '?' || *path == '#')
            return "it has a query or a fragment";
        if (*path == '%' && !(lsync_ascii_is_hex(path[1]) && lsync_ascii_is_hex(path[2])))
            return "a % in its path is not followed by two hexadecimal digits";
        if (!lsync_ascii_is_alnum(*path) && strchr("/-._~!$&'()*+,;=:@%", *path) == NULL)
            return "its path has a character that must be percent-encoded";
    }
    return NULL;
}

const char *lsync_base_url_parse(const char *url, lsync_base_url *out)
{
    const char *host;
    const char *at;
    const char *why;
    size_t host_size;
    size_t size = strlen(url);

    if (size > LSYNC_BASE_URL_MAX)
        return "it is longer than 1024 bytes";
    host = behind(url, "https://");
    out->https = host != NULL;
    if (host == NULL)
        host = behind(url, "http://");
    if (host == NULL)
        return "it begins with neither https:// nor http://";
    if (memchr(host, '@', strcspn(host, "/?#")) != NULL)
        return "it holds a user name; a credential is set by its own setter";
    at = host;
    why = parse_authority(&at, &host_size);
    if (why != NULL)
        return why;
    if (*at != '\0' && *at != '/' && *at != '?' && *at != '#')
        return "its host has a character other than letters, digits, '.' and '-'";
    why = check_path(at);
    if (why != NULL)
        return why;
    while (size > 0 && url[size - 1] == '/')
        size--;
    out->loopback = is_loopback(host, host_size);
    out->size = size;
    return NULL;
}

bool lsync_base_url_has_address(const char *url)
{
    const char *host = strstr(url, "//");

    if (host == NULL)
        return false;
    host += 2;
    return *host == '[' || (*host != '\0' && strchr("/:", host[strspn(host, "0123456789.")]) != NULL);
}

const char *lsync_proxy_url_check(const char *url)
{
    static const char *const schemes[] = {"http://", "https://", "socks4://", "socks4a://", "socks5://", "socks5h://"};
    const char *at = NULL;
    const char *user_end;
    const char *why;
    size_t host_size;

    if (strlen(url) > LSYNC_BASE_URL_MAX)
        return "it is longer than 1024 bytes";
    for (size_t i = 0; at == NULL && i < sizeof schemes / sizeof schemes[0]; i++)
        at = behind(url, schemes[i]);
    if (at == NULL)
        return "it begins with none of http://, https://, socks4://, socks4a://, socks5:// and socks5h://";
    for (const char *c = at; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            return "it has a space, a control character or a byte beyond ASCII";
    user_end = memchr(at, '@', strcspn(at, "/?#")); /* percent-encoded, a password holds none of these */
    if (user_end != NULL)
        at = user_end + 1;
    why = parse_authority(&at, &host_size);
    if (why != NULL)
        return why;
    return *at == '\0' || strcmp(at, "/") == 0 ? NULL : "something other than a port follows its host";
}
