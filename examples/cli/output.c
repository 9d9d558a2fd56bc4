#include "output.h"

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void output_reserve_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* opens the lowest free one, fd */
}

static int check_written(bool written)
{
    if (written)
        return EXIT_DONE;
    return report(EXIT_OUTPUT, "the output could not be written (%s): check the file or program that it goes to",
                  errno != 0 ? strerror(errno) : "after an earlier error");
}

int output_flush(void)
{
    errno = 0;
    return check_written(!ferror(stdout) && fflush(stdout) == 0);
}

int output_close(void)
{
    bool written;

    errno = 0;
    written = !ferror(stdout);
    return check_written(fclose(stdout) == 0 && written); /* some file systems report errors only here */
}

int output_broken_pipe(void)
{
    (void)pthread_kill(pthread_self(), SIGPIPE);
    errno = EPIPE;
    return check_written(false);
}
