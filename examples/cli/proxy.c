#include "proxy.h"

#include "report.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS ", \t"

/* Returns the first variable that is set, as curl does: an empty one means no proxy. */
static const char *first_of(const char *const *names, const char **found)
{
    for (; *names != NULL; names++) {
        *found = *names;
        if (getenv(*names) != NULL)
            return getenv(*names);
    }
    return "";
}

/* Returns whether an entry of no_proxy is the host name, or a domain that contains it. */
static bool matches(const char *entry, size_t entry_size, const char *host, size_t host_size)
{
    if (entry_size == 1 && *entry == '*')
        return true;
    if (*entry == '.') {
        entry++;
        entry_size--;
    }
    if (entry_size == 0 || entry_size > host_size)
        return false;
    return strncasecmp(entry, host + host_size - entry_size, entry_size) == 0 &&
           (entry_size == host_size || host[host_size - entry_size - 1] == '.');
}

static bool is_exempt(const char *list, const char *base_url)
{
    const char *host = strstr(base_url, "://");
    size_t host_size;

    host = host != NULL ? host + 3 : base_url;
    if (*host == '[') { /* an IPv6 address; in the list it has no brackets */
        host++;
        host_size = strcspn(host, "]");
    } else {
        host_size = strcspn(host, ":/");
    }
    for (list += strspn(list, SEPARATORS); *list != '\0'; list += strspn(list, SEPARATORS)) {
        size_t entry_size = strcspn(list, SEPARATORS);

        if (matches(list, entry_size, host, host_size))
            return true;
        list += entry_size;
    }
    return false;
}

int proxy_for(const char *base_url, char *proxy, size_t size, const char **variable)
{
    static const char *const proxies[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
    static const char *const exemptions[] = {"no_proxy", "NO_PROXY", NULL};
    const char *unused;
    const char *url = first_of(proxies, variable);
    int length;

    *proxy = '\0';
    /* plain http is for this machine only, and needs no proxy */
    if (*url == '\0' || strncasecmp(base_url, "http:", 5) == 0 || is_exempt(first_of(exemptions, &unused), base_url))
        return EXIT_DONE;
    length = snprintf(proxy, size, "%s%s", strstr(url, "://") == NULL ? "http://" : "", url);
    if (length < 0 || (size_t)length >= size)
        return report(EXIT_USAGE, "the proxy in %s is too long: correct it", *variable);
    return EXIT_DONE;
}
