/* The proxy that the environment names for a host name: a table of cases, because loopback needs no look-up. */
#include "proxy.h"

#include "report.h"

#include <stdlib.h>

#include "../support/checks.h"

static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};

typedef struct proxy_case {
    const char *settings[6]; /* name, value, name, value, ... */
    const char *base_url;
    const char *expected;
} proxy_case;

#define SERVICE "https://api.tedee.com"
#define PROXY "http://proxy:3128"

static const proxy_case cases[] = {
    {{NULL}, SERVICE, ""},
    {{"https_proxy", PROXY}, SERVICE, PROXY},
    {{"HTTPS_PROXY", PROXY}, SERVICE, PROXY},
    {{"all_proxy", "socks5h://proxy:1080"}, SERVICE, "socks5h://proxy:1080"},
    {{"ALL_PROXY", PROXY}, SERVICE, PROXY},
    {{"https_proxy", "proxy:3128"}, SERVICE, PROXY}, /* without a scheme it is an http proxy */
    {{"https_proxy", PROXY, "HTTPS_PROXY", "http://other"}, SERVICE, PROXY},
    {{"https_proxy", PROXY, "all_proxy", "http://other"}, SERVICE, PROXY},
    {{"https_proxy", "", "all_proxy", PROXY}, SERVICE, ""}, /* an empty value means no proxy */
    {{"https_proxy", PROXY}, "http://127.0.0.1:8080", ""},
    {{"https_proxy", PROXY, "no_proxy", "*"}, SERVICE, ""},
    {{"https_proxy", PROXY, "no_proxy", "api.tedee.com"}, SERVICE, ""},
    {{"https_proxy", PROXY, "NO_PROXY", "API.Tedee.com"}, "https://api.tedee.com:443/path", ""},
    {{"https_proxy", PROXY, "no_proxy", "tedee.com"}, SERVICE, ""},
    {{"https_proxy", PROXY, "no_proxy", ".tedee.com"}, SERVICE, ""},
    {{"https_proxy", PROXY, "no_proxy", ".tedee.com"}, "https://tedee.com", ""},
    {{"https_proxy", PROXY, "no_proxy", "a.example, tedee.com"}, SERVICE, ""},
    {{"https_proxy", PROXY, "no_proxy", "a.example b.example,"}, SERVICE, PROXY},
    {{"https_proxy", PROXY, "no_proxy", "edee.com"}, SERVICE, PROXY}, /* part of a name is not a domain */
    {{"https_proxy", PROXY, "no_proxy", "x.api.tedee.com"}, SERVICE, PROXY},
    {{"https_proxy", PROXY, "no_proxy", "api"}, SERVICE, PROXY},
    {{"https_proxy", PROXY, "no_proxy", ". , ,"}, SERVICE, PROXY},
    {{"https_proxy", PROXY, "no_proxy", ""}, SERVICE, PROXY},
    {{"https_proxy", PROXY, "no_proxy", "", "NO_PROXY", "*"}, SERVICE, PROXY}, /* the first one counts */
    {{"https_proxy", PROXY, "no_proxy", "2001:db8::1"}, "https://[2001:db8::1]:8443", ""},
    {{"https_proxy", PROXY, "no_proxy", "192.0.2.1"}, "https://192.0.2.1", ""},
};

TEST(the_environment_names_the_proxy)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const proxy_case *c = &cases[i];
        const char *variable;
        char proxy[64];

        t_row("case %zu", i);
        for (size_t j = 0; j < COUNT_OF(variables); j++)
            MUST_INT(unsetenv(variables[j]), 0);
        for (size_t j = 0; j + 1 < COUNT_OF(c->settings) && c->settings[j] != NULL; j += 2)
            MUST_INT(setenv(c->settings[j], c->settings[j + 1], 1), 0);
        MUST_INT(proxy_for(c->base_url, proxy, sizeof proxy, &variable), EXIT_DONE);
        CHECK_TEXT(proxy, c->expected);
    }
}

TEST(a_proxy_that_is_too_long_is_reported)
{
    const char *variable;
    char proxy[16];

    MUST_INT(setenv("https_proxy", "proxy-name", 1), 0);
    MUST_INT(setenv("no_proxy", "", 1), 0);
    MUST_INT(proxy_for(SERVICE, proxy, sizeof proxy, &variable), EXIT_USAGE); /* 17 characters with its scheme */
    MUST_TEXT(variable, "https_proxy");
    MUST_INT(setenv("https_proxy", "proxynam", 1), 0);
    MUST_INT(proxy_for(SERVICE, proxy, sizeof proxy, &variable), EXIT_DONE);
    MUST_TEXT(proxy, "http://proxynam");
}
