#include "credential.h"

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int reject_file(const char *path, const char *why, const char *advice)
{
    return report(EXIT_NO_CREDENTIAL, "the key file %s %s: %s", path, why, advice);
}

static int read_open_file(credential *c, const char *path, int fd)
{
    struct stat about;
    size_t size = 0;
    ssize_t got;

    if (fstat(fd, &about) != 0)
        return reject_file(path, "cannot be read", strerror(errno));
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return reject_file(path, "is accessible to other users",
                           "make it private with chmod 600, and consider a new key");
    while ((got = read(fd, c->text + size, sizeof c->text - 1 - size)) > 0)
        size += (size_t)got;
    if (got < 0)
        return reject_file(path, "cannot be read", strerror(errno));
    if (memchr(c->text, '\0', size) != NULL)
        return reject_file(path, "is not a text file", "write the key into it, on one line");
    c->text[size] = '\0';
    while (size > 0 && strchr(" \t\r\n", c->text[size - 1]) != NULL)
        c->text[--size] = '\0';
    if (size == 0)
        return reject_file(path, "is empty", "write the key into it, on one line");
    if (size > CREDENTIAL_MAX)
        return reject_file(path, "is too large for a key", "write the key into it, on one line, and nothing else");
    return EXIT_DONE;
}

static int read_file(credential *c, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int status;

    if (fd < 0)
        return report(EXIT_NO_CREDENTIAL,
                      "the key file %s cannot be opened (%s): check that it exists and that you may read it", path,
                      strerror(errno));
    status = read_open_file(c, path, fd);
    (void)close(fd);
    return status;
}

static bool read_variable(credential *c, const char *name)
{
    const char *value = getenv(name);

    if (value == NULL || *value == '\0') /* an empty variable counts as unset: `KEY= locksync` */
        return false;
    (void)snprintf(c->text, sizeof c->text, "%s", value); /* a truncated text is still too long for the library */
    return true;
}

int credential_read(credential *c, const char *key_file)
{
    c->is_token = false;
    if (key_file != NULL)
        return read_file(c, key_file);
    if (read_variable(c, "LOCKSYNC_PERSONAL_KEY"))
        return EXIT_DONE;
    c->is_token = read_variable(c, "LOCKSYNC_ACCESS_TOKEN");
    if (c->is_token)
        return EXIT_DONE;
    if (isatty(STDIN_FILENO))
        return prompt_for_key(c);
    return report(EXIT_NO_CREDENTIAL, "there is no key: set LOCKSYNC_PERSONAL_KEY, or use --key-file");
}
