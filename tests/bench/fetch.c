/* The cost of a blocking fetch over a kept connection. All contestants run in one process against one server,
   interleaved; the order rotates from round to round.

   bench-fetch BASE_URL PLACES [quick] prints one line of JSON per contestant. PLACES names the cores of client and
   server. */
#include "client.h"
#include "tools.h"

#include "../support/raw_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_TURN 100
#define WARM_UP 5 /* unmeasured fetches at the start of a turn: the caches were used by another contestant */

#define RESPONSE                                                                                                       \
  RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\n{\"result\":[{\"id\":1}],\"success\":true}")

/* Checks that the requests of all are the same, byte for byte. Each has a separate connection. */
static void check_same_requests(void)
{
    static const raw_step good[] = {RAW_READ_REQUEST, RESPONSE,           RAW_READ_REQUEST,
                                    RESPONSE,         RAW_WAIT_FOR_CLOSE, RAW_END};
    const raw_step *const scripts[CONTESTANTS] = {good, good, good, good, good};
    raw_server *server = raw_start(AF_INET, scripts, CONTESTANTS);
    client *c = client_new(raw_url(server), NULL); /* fetches once with each */
    char *first = raw_received(server, 0);
    size_t size = (size_t)(strstr(first, "\r\n\r\n") - first);

    if (raw_connections(server) != CONTESTANTS)
        die("%zu connections of %d contestants", raw_connections(server), CONTESTANTS);
    for (size_t i = 1; i < CONTESTANTS; i++) {
        char *other = raw_received(server, i);

        if (strncmp(first, other, size + 4) != 0)
            die("the requests differ:\n%.*s\n%s", (int)size, first, other);
        free(other);
    }
    free(first);
    client_free(c);
    raw_stop(server);
}

static void take_turn(client *c, const contestant *who, double *samples)
{
    for (size_t i = 0; i < WARM_UP; i++)
        who->fetch(c);
    for (size_t i = 0; i < PER_TURN; i++) {
        double start = now_ns();

        who->fetch(c);
        samples[i] = now_ns() - start;
    }
}

int main(int argc, char **argv)
{
    size_t rounds = is_quick(argc, argv, 3) ? 10 : 50;
    size_t count = rounds * PER_TURN;
    double *samples[CONTESTANTS];
    client *c;

    if (argc < 3)
        die("usage: bench-fetch BASE_URL PLACES [quick]");
    check_same_requests();
    c = client_new(argv[1], NULL);
    for (size_t i = 0; i < CONTESTANTS; i++)
        samples[i] = allocate(count * sizeof(double));
    for (size_t round = 0; round < rounds; round++)
        for (size_t turn = 0; turn < CONTESTANTS; turn++) {
            size_t i = (round + turn) % CONTESTANTS;

            take_turn(c, &contestants[i], samples[i] + round * PER_TURN);
        }
    for (size_t i = 0; i < CONTESTANTS; i++) {
        printf("{\"part\":\"fetch\",\"places\":\"%s\",\"who\":\"%s\",\"locks\":%zu,\"bytes\":%zu", argv[2],
               contestants[i].name, client_locks(c), client_bytes(c));
        print_samples(samples[i], count);
        free(samples[i]);
    }
    client_free(c);
    return 0;
}
