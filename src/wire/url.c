/* Base URLs and proxy URLs; see url.h. The rules are stricter than RFC 3986 on purpose. A parser of libcurl or of the
   application reads the URL later and must find the same host name. */
#include "wire/url.h"
#include "base/ascii.h"

#include <stdint.h>
#include <string.h>

static const char too_long[] = "it is longer than " LSYNC_ASCII_TEXT(LSYNC_BASE_URL_MAX) " bytes";
static const char more_than_a_port[] = "its host name is followed by more than a port";

bool lsync_url_split(const char *url, lsync_url_parts *parts)
{
    const char *scheme_end = strstr(url, "://");
    const char *user_end;
    size_t size;

    *parts = (lsync_url_parts){.host = url};
    if (scheme_end == NULL)
        return false;
    parts->host = scheme_end + strlen("://");
    parts->scheme_size = (size_t)(parts->host - url);
    size = strcspn(parts->host, "/?#"); /* a password contains these, and the @, only percent-encoded */
    user_end = memchr(parts->host, '@', size);
    if (user_end != NULL) {
        parts->user = parts->host;
        parts->user_size = (size_t)(user_end - parts->user);
        parts->host = user_end + 1;
        size -= parts->user_size + 1;
    }
    parts->host_size = size;
    return true;
}

/* Skips one decimal number 0..255 without leading zeros. Returns NULL if there is no such number. */
static const char *skip_octet(const char *at, const char *end)
{
    uint64_t value;
    size_t digits = lsync_ascii_digits(at, (size_t)(end - at), 3, &value);

    return digits == 0 || value > 255 || (*at == '0' && digits > 1) ? NULL : at + digits;
}

static bool is_ipv4(const char *host, size_t size)
{
    const char *end = host + size;
    const char *at = host;

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
    if (lsync_ascii_equal(host, size, "localhost"))
        return true;
    return size > 4 && memcmp(host, "127.", 4) == 0 && is_ipv4(host, size);
}

/* Accepts up to eight groups of up to four hexadecimal digits. "::" may occur once. An IPv4 address may replace the
   last two groups. */
static bool is_ipv6(const char *text, size_t size)
{
    const char *end = text + size;
    const char *at = text;
    unsigned groups = 0;
    bool gap = false;

    if (size >= 2 && at[0] == ':' && at[1] != ':')
        return false;
    while (at < end) {
        const char *group;
        const char *dot = memchr(at, '.', (size_t)(end - at));

        if (end - at >= 2 && at[0] == ':' && at[1] == ':') {
            if (gap)
                return false;
            gap = true;
            at += 2;
            continue;
        }
        at += *at == ':' && groups > 0 && at[-1] != ':';
        group = at;
        while (at < end && lsync_ascii_hex(*at) >= 0)
            at++;
        if (dot != NULL && at == dot)
            return is_ipv4(group, (size_t)(end - group)) && (gap ? groups <= 5 : groups == 6);
        if (at == group || at - group > 4 || (at < end && *at != ':') || ++groups > 8)
            return false;
    }
    return size > 0 && (end[-1] != ':' || (size >= 2 && end[-2] == ':')) && (gap ? groups <= 7 : groups == 8);
}

/* Parses a host name: letters, digits and hyphens between single dots. It begins with a letter or digit and may end in
   a dot. */
static const char *parse_name(const char *host, const char **end)
{
    const char *at = host;

    while (lsync_ascii_is_alnum(*at) || *at == '-' || (*at == '.' && at > host && at[-1] != '.'))
        at++;
    *end = at;
    return lsync_ascii_is_alnum(*host) && *at != '.' ? NULL
                                                     : "it has no valid host name (letters, digits and hyphens "
                                                       "between single dots)";
}

/* Parses host name and port. On success *at is the text after them, and *name_size the length of the host name. */
static const char *parse_host(const char **at, size_t *name_size)
{
    const char *host = *at;
    const char *end = host;
    const char *why = NULL;

    if (*host == '[') {
        end += strcspn(host, "]");
        if (*end != ']' || !is_ipv6(host + 1, (size_t)(end - host - 1)))
            return "the text between its brackets is not an IPv6 address";
        end++;
    } else {
        why = parse_name(host, &end);
    }
    if (why != NULL)
        return why;
    *name_size = (size_t)(end - host);
    if (*end == ':') {
        uint64_t port;
        size_t digits = lsync_ascii_digits(end + 1, strlen(end + 1), 19, &port);

        if (port < 1 || port > 65535)
            return "the port is not a number from 1 to 65535";
        end += 1 + digits;
    }
    *at = end;
    return NULL;
}

static const char *check_path(const char *path)
{
    const char *end = path + strlen(path);

    for (; path < end; path++) {
        if (*path == '?' || *path == '#')
            return "it has a query or a fragment";
        if (*path == '%' && lsync_ascii_percent(path, (size_t)(end - path)) < 0)
            return "a % in its path is not followed by two hexadecimal digits";
        if (!lsync_ascii_is_alnum(*path) && strchr("/-._~!$&'()*+,;=:@%", *path) == NULL)
            return "its path has a character that must be percent-encoded";
    }
    return NULL;
}

const char *lsync_base_url_parse(const char *url, lsync_base_url *out)
{
    lsync_url_parts parts;
    const char *at;
    const char *why;
    size_t name_size;
    size_t size = strlen(url);

    if (size > LSYNC_BASE_URL_MAX)
        return too_long;
    (void)lsync_url_split(url, &parts);
    out->https = lsync_ascii_equal(url, parts.scheme_size, "https://");
    if (!out->https && !lsync_ascii_equal(url, parts.scheme_size, "http://"))
        return "it begins with neither https:// nor http://";
    if (parts.user != NULL)
        return "it contains a user name; set the personal key or access token with its setter instead";
    at = parts.host;
    why = parse_host(&at, &name_size);
    if (why != NULL)
        return why;
    if (at < parts.host + parts.host_size)
        return parts.host[name_size] == ':' || parts.host[0] == '['
                   ? more_than_a_port
                   : "its host name has a character other than letters, digits, '.' and '-'";
    why = check_path(at);
    if (why != NULL)
        return why;
    while (size > 0 && url[size - 1] == '/')
        size--;
    out->loopback = is_loopback(parts.host, name_size);
    out->size = size;
    return NULL;
}

static size_t origin_size(const char *url)
{
    lsync_url_parts parts;

    return lsync_url_split(url, &parts) ? (size_t)(parts.host - url) + parts.host_size : 0;
}

bool lsync_url_has_same_origin(const char *a, const char *b)
{
    size_t size = a == NULL || b == NULL ? 0 : origin_size(a);

    return size > 0 && size == origin_size(b) && strncmp(a, b, size) == 0;
}

bool lsync_host_is_address(const char *host)
{
    return *host == '[' || strchr("/:", host[strspn(host, "0123456789.")]) != NULL;
}

/* Returns whether each % begins a %XX that does not encode a control character. Otherwise libcurl would connect without
   the proxy. */
static bool is_user_info(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        int byte = text[i] == '%' ? lsync_ascii_percent(text + i, size - i) : ' ';

        if (byte < ' ' || byte == 0x7f)
            return false;
    }
    return true;
}

const char *lsync_proxy_url_check(const char *url)
{
    static const char *const schemes[] = {"http://", "https://", "socks4://", "socks4a://", "socks5://", "socks5h://"};
    lsync_url_parts parts;
    const char *at;
    const char *why;
    size_t name_size;
    bool known = false;

    if (strlen(url) > LSYNC_BASE_URL_MAX)
        return too_long;
    (void)lsync_url_split(url, &parts);
    for (size_t i = 0; !known && i < sizeof schemes / sizeof schemes[0]; i++)
        known = lsync_ascii_equal(url, parts.scheme_size, schemes[i]);
    if (!known)
        return "it must begin with http://, https://, socks4://, socks4a://, socks5:// or socks5h://";
    for (const char *c = url; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            return "it has a space, a control character or a byte that is not ASCII";
    if (!is_user_info(parts.user, parts.user_size))
        return "a % in its user or password is not followed by the hexadecimal digits of a printable character";
    at = parts.host;
    why = parse_host(&at, &name_size);
    if (why != NULL)
        return why;
    return *at == '\0' || strcmp(at, "/") == 0 ? NULL : more_than_a_port;
}
