#include "folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_BYTES ((size_t)16)
#define NAME_LENGTH (2 * NAME_BYTES)

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

const char *folders_file(const folder *f, const char *account, char path[FOLDERS_PATH_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char name[NAME_LENGTH + 1];
    const char *problem = folders_find(f, path);
    size_t length;

    if (problem == NULL)
        problem = make(path);
    if (problem != NULL)
        return problem;
    if (HMAC(EVP_sha256(), f->purpose, (int)strlen(f->purpose), (const unsigned char *)account, strlen(account), digest,
             NULL) == NULL)
        return "libcrypto has no SHA-256 for the file's name";
    for (size_t i = 0; i < NAME_BYTES; i++)
        (void)snprintf(name + 2 * i, 3, "%02x", digest[i]);
    length = strlen(path);
    if (length + 1 + strlen(name) + strlen(f->suffix) >= FOLDERS_PATH_SIZE)
        return "its path is too long";
    (void)snprintf(path + length, FOLDERS_PATH_SIZE - length, "/%s%s", name, f->suffix);
    return NULL;
}

/* Returns whether it is the name of an account's file with the suffix of this one. */
static bool is_like(const char *name, const char *other)
{
    return strspn(name, "0123456789abcdef") == NAME_LENGTH && strcmp(name + NAME_LENGTH, other + NAME_LENGTH) == 0;
}

void folders_delete_old(const char *path, int64_t seconds)
{
    const char *own = strrchr(path, '/') + 1;
    char *place = strndup(path, (size_t)(own - path));
    DIR *opened = place != NULL ? opendir(place) : NULL;
    const struct dirent *entry;

    while (opened != NULL && (entry = readdir(opened)) != NULL) {
        struct stat about;

        if (is_like(entry->d_name, own) && fstatat(dirfd(opened), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(about.st_mode) && about.st_mtime < time(NULL) - seconds)
            (void)unlinkat(dirfd(opened), entry->d_name, 0);
    }
    if (opened != NULL)
        (void)closedir(opened);
    free(place);
}
