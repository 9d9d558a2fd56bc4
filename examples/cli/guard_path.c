#include "guard_path.h"

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int guard_path(const char *credential, char path[FOLDERS_PATH_SIZE])
{
    static const folder state = {"XDG_STATE_HOME", ".local/state", "locksync guard", ".guard"};
    const char *problem = folders_file(&state, credential, path);

    if (problem == NULL)
        return EXIT_DONE;
    return report(EXIT_GUARD,
                  "the file for the rate limit could not be made in %s (%s): correct that, or name a file with "
                  "--guard-file",
                  path, problem);
}

/* Returns why the file cannot be used, without a full stop, and sets the advice. */
static const char *problem_of(const char *path, const char **advice)
{
    struct stat found;
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    int error = errno;

    *advice = "Delete it";
    if (fd >= 0)
        (void)close(fd);
    if (lstat(path, &found) != 0) {
        error = errno;
        *advice =
            "Check that its folder exists and can be written, and that no other file has its name with \".new\" added";
        return strerror(error);
    }
    if (found.st_uid != geteuid() && found.st_uid != 0)
        return "it belongs to another user";
    if (S_ISREG(found.st_mode) && (found.st_mode & S_IWOTH) != 0) {
        *advice = "Remove that permission (chmod o-w)";
        return "everybody can write to it";
    }
    if (S_ISLNK(found.st_mode))
        return "it is a symbolic link";
    if (S_ISDIR(found.st_mode)) {
        *advice = "Add the name of a file";
        return "it is a folder";
    }
    if (!S_ISREG(found.st_mode))
        return "it is not a regular file";
    if (fd < 0) {
        *advice = "Make it readable and writable for you (chmod u+rw)";
        return strerror(error);
    }
    if (found.st_size == 0)
        return "it is empty";
    *advice = "If it is a guard file, delete it";
    return "it is damaged, not a guard file, or locked by another program";
}

int guard_path_report(const char *path)
{
    const char *advice;
    const char *problem = problem_of(path, &advice);

    return report(EXIT_GUARD, "the rate limit cannot be stored in %s: %s. %s, or name another file with --guard-file",
                  path, problem, advice);
}
