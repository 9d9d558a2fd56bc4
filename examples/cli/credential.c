#include "credential.h"

#include "folders.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reports why the file cannot be used. A path of NULL means standard input, here and below. */
static int reject_file(const char *path, const char *why, const char *advice)
{
    return report(EXIT_NO_CREDENTIAL, "%s%s %s: %s", path != NULL ? "the key file " : "standard input",
                  path != NULL ? path : "", why, advice);
}

/* Returns whether systemd made the file for this service. Version 254 and later permit reading by an access list, which
   looks like a permission of the group (issue 29435 of systemd). */
static bool is_of_service(const char *path)
{
    const char *place = getenv("CREDENTIALS_DIRECTORY");
    size_t length = place != NULL && path != NULL ? strlen(place) : 0;

    return length > 0 && strncmp(path, place, length) == 0 && path[length] == '/';
}

/* Checks who can access a regular file. A pipe, a socket and a device keep no key that others could read later. */
static int check_access(const char *path, int fd)
{
    mode_t others = is_of_service(path) ? S_IRWXO : S_IRWXG | S_IRWXO;
    struct stat about;

    if (fstat(fd, &about) != 0)
        return reject_file(path, "cannot be read", strerror(errno));
    if (S_ISDIR(about.st_mode))
        return reject_file(path, "is a folder", "use a file with the key");
    if (S_ISREG(about.st_mode) && (about.st_mode & others) != 0)
        return reject_file(path, "is accessible to other users",
                           "make the file private with chmod 600, and consider a new key");
    return EXIT_DONE;
}

static int read_open_file(credential *c, const char *path, int fd)
{
    int status = check_access(path, fd);
    size_t size = 0;
    ssize_t got;

    if (status != EXIT_DONE)
        return status;
    if (isatty(fd))
        return prompt_for_key(c);
    while ((got = read(fd, c->text + size, sizeof c->text - 1 - size)) > 0)
        size += (size_t)got;
    if (got < 0)
        return reject_file(path, "cannot be read", strerror(errno));
    if (memchr(c->text, '\0', size) != NULL)
        return reject_file(path, "is not text", "write the key into it, on one line");
    c->text[size] = '\0';
    while (size > 0 && strchr(" \t\r\n", c->text[size - 1]) != NULL)
        c->text[--size] = '\0';
    if (size == 0)
        return reject_file(path, "has no key", "write the key into it, on one line");
    if (size > CREDENTIAL_MAX)
        return reject_file(path, "is too large for a key", "write the key into it, on one line, and nothing else");
    return EXIT_DONE;
}

/* Returns EXIT_DONE without a text if the file does not exist and need not. */
static int read_file(credential *c, const char *path, bool is_optional)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int status;

    if (fd < 0 && is_optional && (errno == ENOENT || errno == ENOTDIR))
        return EXIT_DONE;
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

/* Reads $XDG_CONFIG_HOME/locksync/key, if it exists, and sets its path. */
static int read_default_file(credential *c, char path[FOLDERS_PATH_SIZE])
{
    static const folder config = {.variable = "XDG_CONFIG_HOME", .below_home = ".config"};
    bool has_folder = folders_find(&config, path) == NULL;
    size_t length = strlen(path);

    (void)snprintf(path + length, FOLDERS_PATH_SIZE - length, "/key"); /* if it is cut, it is not found */
    return has_folder ? read_file(c, path, true) : EXIT_DONE;
}

int credential_read(credential *c, const char *key_file)
{
    char path[FOLDERS_PATH_SIZE];
    int exit_status;

    c->is_token = false;
    c->text[0] = '\0';
    if (key_file != NULL && strcmp(key_file, "-") == 0)
        return read_open_file(c, NULL, STDIN_FILENO);
    if (key_file != NULL && *key_file == '\0')
        return report(EXIT_NO_CREDENTIAL, "--key-file: expected the path of a file, not an empty word");
    if (key_file != NULL)
        return read_file(c, key_file, false);
    if (read_variable(c, "LOCKSYNC_PERSONAL_KEY"))
        return EXIT_DONE;
    c->is_token = read_variable(c, "LOCKSYNC_ACCESS_TOKEN");
    if (c->is_token)
        return EXIT_DONE;
    exit_status = read_default_file(c, path);
    if (exit_status != EXIT_DONE || c->text[0] != '\0')
        return exit_status;
    if (isatty(STDIN_FILENO))
        return prompt_for_key(c);
    return report(EXIT_NO_CREDENTIAL, "there is no key: set LOCKSYNC_PERSONAL_KEY, use --key-file, or write it to %s",
                  path);
}
