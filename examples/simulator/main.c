/* locksync-sim: imitates the sync and directory endpoints of the Tedee cloud, for tests, benchmarks and offline
   development. README.md in this folder describes how to use it.

   - main.c: starts it, waits for a signal, ends it
   - options.c: the command line
   - server.c: the HTTP server: its connections and requests
   - routes.c: chooses the reply to a request
   - responses.c: bodies of good responses to syncs
   - directory.c: bodies of the directory, with names from names.c
   - broken.c: faulty responses
   - reply.c: status, headers and body; errors
   - faults.c: which responses are faulty
   - locks.c: the locks
   - roster.c: which locks the account has, with which ids and names
   - accounts.c: credentials and rate rules
   - pauses.c: suspended connections
   - stats.c: the counters as JSON */

#include "options.h"
#include "server.h"
#include "stats.h"
#include "text.h"

#include <signal.h>

int main(int argc, char **argv)
{
    struct options options;
    struct server *server;
    struct text stats = {0};
    sigset_t ends;
    int signal_number;
    int code = 1;

    options_parse(&options, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* before any thread starts, so that all leave the signals to sigwait() */

    server = server_start(&options);
    if (server != NULL) {
        puts(server->url);
        fflush(stdout);
        sigwait(&ends, &signal_number);
        server_stop(server);
        stats_of_all(server, &stats);
        fwrite(stats.data, 1, stats.size, stdout);
        text_free(&stats);
        code = 0;
    }
    server_free(server);
    options_free(&options);
    return code;
}
