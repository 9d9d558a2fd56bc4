/* Says which TLS library libcurl was built with, because not all support the same. */
#ifndef KIT_CURL_FLAVOUR_H
#define KIT_CURL_FLAVOUR_H

#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

static inline bool curl_has_gnutls(void)
{
    const char *library = curl_version_info(CURLVERSION_NOW)->ssl_version;

    return library != NULL && strncmp(library, "GnuTLS", strlen("GnuTLS")) == 0;
}

#endif
