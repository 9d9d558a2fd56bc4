/* What a blocking fetch over a kept connection costs. All contestants run in one process against one server,
   interleaved, the order rotated from round to round.

   bench-fetch BASE_URL PLACES [quick] prints one line of JSON per contestant. PLACES tells where client and
   server run. */
#include "client.h"
#include "tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_TURN 100
#define WARM_UP 5 /* unmeasured fetches at a turn's begin: the caches were another contestant's */

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
    size_t rounds = argc > 3 && strcmp(argv[3], "quick") == 0 ? 10 : 50;
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
        double median = quantile(samples[i], count, 0.5);

        printf("{\"part\":\"fetch\",\"places\":\"%s\",\"who\":\"%s\",\"locks\":%zu,\"bytes\":%zu,\"samples\":%zu,"
               "\"median_ns\":%.0f,\"p99_ns\":%.0f}\n",
               argv[2], contestants[i].name, client_locks(c), client_bytes(c), count, median,
               quantile(samples[i], count, 0.99));
        free(samples[i]);
    }
    client_free(c);
    return 0;
}
