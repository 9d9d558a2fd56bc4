#include "guard_path.h"

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES ((size_t)16)

/* The XDG base directory specification says to ignore a path that is not absolute. */
static int state_folder(char *path, size_t size)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int length;

    if (state != NULL && state[0] == '/')
        length = snprintf(path, size, "%s/locksync", state);
    else if (home != NULL && home[0] == '/')
        length = snprintf(path, size, "%s/.local/state/locksync", home);
    else
        return report(EXIT_GUARD,
                      "neither XDG_STATE_HOME nor HOME is an absolute path: name a file for the rate limit with "
                      "--guard-file");
    if (length < 0 || (size_t)length >= size)
        return report(EXIT_GUARD, "the path of the state folder is too long: name a file with --guard-file");
    return EXIT_DONE;
}

static int make_folders(char *path)
{
    for (char *c = path + 1;; c++) {
        char end = *c;

        if (end != '/' && end != '\0')
            continue;
        *c = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST && (end == '\0' || errno != EROFS))
            return report(EXIT_GUARD,
                          "the folder %s could not be made (%s): correct that, or name a file with --guard-file", path,
                          strerror(errno));
        *c = end;
        if (end == '\0')
            return EXIT_DONE;
    }
}

int guard_path(const char *credential, char *path, size_t size)
{
    static const char purpose[] = "locksync guard"; /* so that hashes made for another purpose do not match */
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t length;
    int status = state_folder(path, size);

    if (status == EXIT_DONE)
        status = make_folders(path);
    if (status != EXIT_DONE)
        return status;
    length = strlen(path);
    if (length + sizeof "/.guard" + 2 * NAME_BYTES > size)
        return report(EXIT_GUARD, "the path of the state folder is too long: name a file with --guard-file");
    if (HMAC(EVP_sha256(), purpose, (int)strlen(purpose), (const unsigned char *)credential, strlen(credential), digest,
             NULL) == NULL)
        return report(EXIT_GUARD,
                      "the guard file cannot be named, because libcrypto has no SHA-256: name one with --guard-file");
    path[length++] = '/';
    for (size_t i = 0; i < NAME_BYTES; i++, length += 2)
        (void)snprintf(path + length, size - length, "%02x", digest[i]);
    (void)snprintf(path + length, size - length, ".guard");
    return EXIT_DONE;
}

/* Returns why the file cannot be used, without a full stop, and sets the advice. */
static const char *problem_of(const char *path, const char **advice)
{
    struct stat found;
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    int error = errno;

    *advice = "Correct that";
    if (fd >= 0)
        (void)close(fd);
    if (lstat(path, &found) != 0) {
        error = errno;
        *advice =
            "Check that its folder exists and can be written, and that no other file has its name with \".new\" added";
        return strerror(error);
    }
    if (found.st_uid != geteuid() && found.st_uid != 0) {
        *advice = "Delete it";
        return "it belongs to another user";
    }
    if (S_ISREG(found.st_mode) && (found.st_mode & S_IWOTH) != 0) {
        *advice = "Remove that permission (chmod o-w)";
        return "everybody can write to it";
    }
    if (S_ISLNK(found.st_mode))
        return "it is a symbolic link";
    if (!S_ISREG(found.st_mode))
        return "it is not a regular file";
    if (fd < 0)
        return strerror(error);
    *advice = "If it is a guard file, delete it";
    return found.st_size == 0 ? "it is empty" : "it is damaged, not a guard file, or locked by another program";
}

int guard_path_report(const char *path)
{
    const char *advice;
    const char *problem = problem_of(path, &advice);

    return report(EXIT_GUARD, "the rate limit cannot be stored in %s: %s. %s, or name another file with --guard-file",
                  path, problem, advice);
}
