/* Redis URLs; see redis_url.h. */
#include "guard/redis/redis_url.h"
#include "base/ascii.h"

#include <stdint.h>
#include <string.h>

/* Copies at most `room` - 1 bytes; false if there are more. */
static bool copy_part(char *place, size_t room, const char *text, size_t size)
{
    if (size >= room)
        return false;
    memcpy(place, text, size);
    place[size] = '\0';
    return true;
}

/* As copy_part, and decodes %XX; false also for a NUL. */
static bool decode_part(char *place, size_t room, const char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (c == '%') {
            int byte = lsync_ascii_percent(text + i, size - i);

            if (byte < 0)
                return false;
            c = (char)byte;
            i += 2;
        }
        if (c == '\0' || used + 1 >= room)
            return false;
        place[used++] = c;
    }
    place[used] = '\0';
    return true;
}

/* Whether a text is a decimal number up to `max`. */
static bool is_number(const char *text, size_t size, uint32_t max)
{
    uint64_t value;

    return size > 0 && lsync_ascii_digits(text, size, 5, &value) == size && value <= max;
}

static const char *parse_user(const char *user, size_t size, lsync_redis_url *out)
{
    const char *colon = memchr(user, ':', size);

    /* without a password no AUTH is sent: the server would silently use its default user */
    if (colon == NULL || colon + 1 == user + size)
        return "it has an @ but no password before it; the form is redis://[[USER]:PASSWORD@]HOST";
    if (!decode_part(out->user, sizeof out->user, user, (size_t)(colon - user)) ||
        !decode_part(out->password, sizeof out->password, colon + 1, (size_t)(user + size - colon - 1)))
        return "its user or password is too long, or has a % that is not followed by two hexadecimal digits";
    return NULL;
}

/* Parses the host name or [IPv6 address], and :port. Returns what is wrong; NULL: nothing. */
static const char *parse_host(const char *text, size_t size, lsync_redis_url *out)
{
    const char *end = text + size;
    const char *host_end = text;
    bool bracketed = size > 0 && text[0] == '[';

    if (bracketed) {
        host_end = memchr(text, ']', size);
        if (host_end == NULL || !copy_part(out->host, sizeof out->host, text + 1, (size_t)(host_end - text - 1)))
            return "its IPv6 address is not closed, or too long";
        host_end++;
    } else {
        while (host_end < end && (lsync_ascii_is_alnum(*host_end) || strchr(".-_", *host_end) != NULL))
            host_end++;
        if (!copy_part(out->host, sizeof out->host, text, (size_t)(host_end - text)))
            return "its host name is too long";
    }
    if (out->host[0] == '\0')
        return "it has no host name";
    if (host_end == end)
        return NULL;
    if (*host_end != ':' || !is_number(host_end + 1, (size_t)(end - host_end - 1), 65535) || host_end[1] == '0')
        return "its port is not a number from 1 to 65535";
    (void)copy_part(out->port, sizeof out->port, host_end + 1, (size_t)(end - host_end - 1));
    return NULL;
}

const char *lsync_redis_url_parse(const char *url, lsync_redis_url *out)
{
    const char *at;
    const char *slash;
    const char *user_end = NULL;
    const char *why = NULL;
    size_t size = strlen(url);

    memset(out, 0, sizeof *out);
    memcpy(out->port, "6379", 5);
    memcpy(out->db, "0", 2);
    if (size > LSYNC_REDIS_URL_MAX)
        return "it is longer than " LSYNC_ASCII_TEXT(LSYNC_REDIS_URL_MAX) " bytes";
    if (lsync_ascii_begins(url, size, "rediss://"))
        return "rediss:// (TLS) is not supported: run a TLS tunnel (stunnel, ghostunnel) to the server and use the "
               "address of its local end";
    if (!lsync_ascii_begins(url, size, "redis://"))
        return "it does not begin with redis://";
    at = url + strlen("redis://");
    for (const char *c = at; *c != '\0' && *c != '/'; c++) /* the last @ before the path: a password may contain one */
        if (*c == '@')
            user_end = c;
    if (user_end != NULL) {
        why = parse_user(at, (size_t)(user_end - at), out);
        at = user_end + 1;
    }
    slash = strchr(at, '/');
    if (why == NULL)
        why = parse_host(at, slash == NULL ? strlen(at) : (size_t)(slash - at), out);
    if (why == NULL && slash != NULL && slash[1] != '\0') {
        if (!is_number(slash + 1, strlen(slash + 1), 65535))
            return "its db is not a number";
        (void)copy_part(out->db, sizeof out->db, slash + 1, strlen(slash + 1));
    }
    return why;
}
