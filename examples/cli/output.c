#include "output.h"

#include "complain.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void output_hold_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest that is free: fd */
}

static int judge(bool written)
{
    if (written)
        return EXIT_DONE;
    return complain(EXIT_OUTPUT, "the output could not be written (%s): see where it goes",
                    errno != 0 ? strerror(errno) : "an error before");
}

int output_flush(void)
{
    errno = 0;
    return judge(!ferror(stdout) && fflush(stdout) == 0);
}

int output_close(void)
{
    bool written;

    errno = 0;
    written = !ferror(stdout);
    return judge(fclose(stdout) == 0 && written); /* some file systems tell only now */
}

int output_lost(void)
{
    (void)pthread_kill(pthread_self(), SIGPIPE);
    errno = EPIPE;
    return judge(false);
}
