/* Redis URLs; see redis_url.h. */
#include "guard/redis/redis_url.h"
#include "base/ascii.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DB_MAX 65535
#define SOCKET_PATH_MAX 107 /* what a struct sockaddr_un holds */

/* Copies at most `room` - 1 bytes; false if there are more. */
static bool copy_part(char *place, size_t room, const char *text, size_t size)
{
    if (size >= room)
        return false;
    memcpy(place, text, size);
    place[size] = '\0';
    return true;
}

/* Copies like copy_part, and decodes %XX. Returns false also for a NUL. */
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

/* Returns whether a text is a decimal number up to `max`. */
static bool is_number(const char *text, size_t size, uint32_t max)
{
    uint64_t value;

    return size > 0 && lsync_ascii_digits(text, size, 5, &value) == size && value <= max;
}

/* Parses [user]:password. */
static const char *parse_login(const char *text, size_t size, lsync_redis_login *out)
{
    const char *colon = memchr(text, ':', size);

    /* without a password no AUTH is sent: the server would silently use its default user */
    if (colon == NULL || colon + 1 == text + size)
        return "it has an @ but no password before it; the form is redis://[[USER]:PASSWORD@]HOST";
    if (!decode_part(out->user, sizeof out->user, text, (size_t)(colon - text)) ||
        !decode_part(out->password, sizeof out->password, colon + 1, (size_t)(text + size - colon - 1)))
        return "its user or password is too long, or has a % that is not followed by two hexadecimal digits";
    return NULL;
}

const char *lsync_redis_url_parse_place(const char *text, size_t size, const char *default_port, lsync_redis_place *out)
{
    const char *end = text + size;
    const char *host_end = text;
    bool bracketed = size > 0 && text[0] == '[';

    (void)copy_part(out->port, sizeof out->port, default_port, strlen(default_port));
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

/* --- what follows the login; each function moves *at to the end or to the parameters --- */

/* Parses /db, if there is one. */
static const char *parse_db(const char **at, lsync_redis_url *out)
{
    const char *db = **at == '/' ? *at + 1 : *at;
    size_t size = strcspn(db, "?");

    *at = db + size;
    if (size == 0)
        return NULL;
    return is_number(db, size, DB_MAX) && copy_part(out->db, sizeof out->db, db, size) ? NULL
                                                                                       : "its db is not a number";
}

/* Parses host[:port][/db]. */
static const char *parse_server(const char **at, lsync_redis_url *out)
{
    size_t size = strcspn(*at, "/?");
    const char *why = lsync_redis_url_parse_place(*at, size, "6379", &out->places[0]);

    out->place_count = 1;
    *at += size;
    return why == NULL ? parse_db(at, out) : why;
}

/* Parses the path of a unix socket. */
static const char *parse_socket(const char **at, lsync_redis_url *out)
{
    size_t size = strcspn(*at, "?");
    bool good = **at == '/' && decode_part(out->places[0].host, SOCKET_PATH_MAX + 1, *at, size);

    out->place_count = 1;
    *at += size;
    return good ? NULL
                : "its path does not begin with /, has more than " LSYNC_ASCII_TEXT(SOCKET_PATH_MAX) " bytes, or has "
                  "a % that is not followed by two hexadecimal digits";
}

/* Parses host[:port][,host[:port]...]/master[/db]. */
static const char *parse_sentinels(const char **at, lsync_redis_url *out)
{
    const char *why = NULL;
    size_t size;

    for (bool more = true; more && why == NULL;) {
        size = strcspn(*at, ",/?");
        if (out->place_count == LSYNC_REDIS_SENTINELS_MAX)
            return "it has more than " LSYNC_ASCII_TEXT(LSYNC_REDIS_SENTINELS_MAX) " sentinels";
        why = lsync_redis_url_parse_place(*at, size, "26379", &out->places[out->place_count++]);
        *at += size;
        more = **at == ',';
        *at += more ? 1 : 0;
    }
    if (why != NULL)
        return why;
    *at += **at == '/' ? 1 : 0;
    size = strcspn(*at, "/?");
    if (size == 0 || !decode_part(out->master, sizeof out->master, *at, size))
        return "the master's name is missing or too long; the form is redis+sentinel://HOST,HOST/NAME";
    *at += size;
    return parse_db(at, out);
}

/* --- schemes and parameters --- */

typedef struct scheme {
    const char *begins;
    bool is_tls;
    const char *(*parse)(const char **at, lsync_redis_url *out);
} scheme;

/* unix and +sentinel as other clients write them */
static const scheme schemes[] = {
    {"redis://", false, parse_server},
    {"rediss://", true, parse_server},
    {"unix://", false, parse_socket},
    {"redis+unix://", false, parse_socket},
    {"redis+sentinel://", false, parse_sentinels},
    {"rediss+sentinel://", true, parse_sentinels},
};

/* which URLs may have a parameter */
typedef enum need { NEEDS_SOCKET, NEEDS_SENTINEL, NEEDS_TLS } need;

typedef struct parameter {
    const char *name;
    need need;
    size_t offset; /* where its value is kept */
    size_t room;
} parameter;

/* clang-format off */
#define KEPT_IN(member) offsetof(lsync_redis_url, member), sizeof((lsync_redis_url *)NULL)->member
/* clang-format on */

/* the names of redis-py */
static const parameter parameters[] = {
    {"db", NEEDS_SOCKET, KEPT_IN(db)},
    {"sentinel_username", NEEDS_SENTINEL, KEPT_IN(sentinel_login.user)},
    {"sentinel_password", NEEDS_SENTINEL, KEPT_IN(sentinel_login.password)},
    {"ssl_ca_certs", NEEDS_TLS, KEPT_IN(ca_file)},
    {"ssl_certfile", NEEDS_TLS, KEPT_IN(certificate_file)},
    {"ssl_keyfile", NEEDS_TLS, KEPT_IN(key_file)},
};

static bool is_met(need what, const lsync_redis_url *url)
{
    if (what == NEEDS_TLS)
        return url->is_tls;
    return what == NEEDS_SENTINEL ? url->master[0] != '\0' : url->places[0].port[0] == '\0';
}

/* Returns the parameter that a name=value begins with; NULL: there is no such parameter for this URL. */
static const parameter *find_parameter(const char *text, size_t name_size, const lsync_redis_url *url)
{
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        if (strlen(parameters[i].name) == name_size && memcmp(parameters[i].name, text, name_size) == 0)
            return is_met(parameters[i].need, url) ? &parameters[i] : NULL;
    return NULL;
}

/* Parses ?name=value&name=value. */
static const char *parse_parameters(const char *at, lsync_redis_url *out)
{
    while (*at != '\0') {
        size_t name_size = strcspn(++at, "=&");
        const parameter *p = find_parameter(at, name_size, out);
        size_t size;

        at += name_size;
        if (p == NULL || *at != '=' || ((char *)out)[p->offset] != '\0')
            return "it has a parameter that is unknown, repeated, or not of its scheme";
        size = strcspn(++at, "&");
        if (size == 0 || !decode_part((char *)out + p->offset, p->room, at, size))
            return "a parameter is empty, too long, or has a % that is not followed by two hexadecimal digits";
        at += size;
    }
    return NULL;
}

/* Adds the default db, and checks what depends on several parts. */
static const char *finish(lsync_redis_url *out)
{
    if (out->db[0] == '\0')
        out->db[0] = '0';
    if (!is_number(out->db, strlen(out->db), DB_MAX))
        return "its db is not a number";
    if (out->sentinel_login.user[0] != '\0' && out->sentinel_login.password[0] == '\0')
        return "it has a sentinel_username without a sentinel_password";
    if (out->key_file[0] != '\0' && out->certificate_file[0] == '\0')
        return "it has an ssl_keyfile without an ssl_certfile";
    return NULL;
}

static const scheme *find_scheme(const char *url, size_t size)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (lsync_ascii_begins(url, size, schemes[i].begins))
            return &schemes[i];
    return NULL;
}

const char *lsync_redis_url_parse(const char *url, lsync_redis_url *out)
{
    size_t size = strlen(url);
    const scheme *s = find_scheme(url, size);
    const char *at;
    const char *login_end = NULL;
    const char *why = NULL;

    memset(out, 0, sizeof *out);
    if (size > LSYNC_REDIS_URL_MAX)
        return "it is longer than " LSYNC_ASCII_TEXT(LSYNC_REDIS_URL_MAX) " bytes";
    if (s == NULL)
        return "it does not begin with redis://, rediss://, unix:// or redis+sentinel://";
    out->is_tls = s->is_tls;
    at = url + strlen(s->begins);
    for (const char *c = at; *c != '\0' && *c != '/'; c++) /* the last @ before the path: a password may contain one */
        if (*c == '@')
            login_end = c;
    if (login_end != NULL) {
        why = parse_login(at, (size_t)(login_end - at), &out->login);
        at = login_end + 1;
    }
    if (why == NULL)
        why = s->parse(&at, out);
    if (why == NULL)
        why = parse_parameters(at, out);
    return why == NULL ? finish(out) : why;
}
