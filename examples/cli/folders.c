#include "folders.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_BYTES ((size_t)16)

const char *folders_find(const folder *f, char path[FOLDERS_PATH_SIZE])
{
    const char *value = getenv(f->variable);
    const char *home = getenv("HOME");
    int length = 0;

    /* the specification says to ignore a path that is not absolute */
    if (value != NULL && value[0] == '/')
        length = snprintf(path, FOLDERS_PATH_SIZE, "%s/locksync", value);
    else if (home != NULL && home[0] == '/')
        length = snprintf(path, FOLDERS_PATH_SIZE, "%s/%s/locksync", home, f->below_home);
    if (length > 0 && length < FOLDERS_PATH_SIZE)
        return NULL;
    (void)snprintf(path, FOLDERS_PATH_SIZE, "$%s/locksync", f->variable);
    return length == 0 ? "neither this variable nor HOME is an absolute path" : "its path is too long";
}

static const char *make(char *path)
{
    for (char *c = path + 1;; c++) {
        char end = *c;

        if (end != '/' && end != '\0')
            continue;
        *c = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST && (end == '\0' || errno != EROFS))
            return strerror(errno);
        *c = end;
        if (end == '\0')
            return NULL;
    }
}

const char *folders_file(const folder *f, const char *credential, char path[FOLDERS_PATH_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char name[2 * NAME_BYTES + 1];
    const char *problem = folders_find(f, path);
    size_t length;

    if (problem == NULL)
        problem = make(path);
    if (problem != NULL)
        return problem;
    if (HMAC(EVP_sha256(), f->purpose, (int)strlen(f->purpose), (const unsigned char *)credential, strlen(credential),
             digest, NULL) == NULL)
        return "libcrypto has no SHA-256 for the file's name";
    for (size_t i = 0; i < NAME_BYTES; i++)
        (void)snprintf(name + 2 * i, 3, "%02x", digest[i]);
    length = strlen(path);
    if (length + 1 + strlen(name) + strlen(f->suffix) >= FOLDERS_PATH_SIZE)
        return "its path is too long";
    (void)snprintf(path + length, FOLDERS_PATH_SIZE - length, "/%s%s", name, f->suffix);
    return NULL;
}
