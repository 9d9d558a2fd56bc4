#include "status.h"

#include "moment.h"

#include <stdio.h>

#define STALE_INTERVALS 3
#define STALE_LEAST_MS 5000 /* a response takes time, however short the interval is */

bool status_is_stale(const status *s, int64_t now_ms)
{
    int64_t age_ms = now_ms - s->response_ms;

    return s->response_ms != 0 && age_ms > STALE_INTERVALS * s->interval_ms && age_ms > STALE_LEAST_MS;
}

void status_write(const status *s, int64_t now_ms, char text[STATUS_SIZE])
{
    bool has_response = s->response_ms != 0;
    bool has_time = has_response && !s->age;
    bool has_age = has_response && (s->age || status_is_stale(s, now_ms));
    char response[MOMENT_SIZE] = "";
    char age[MOMENT_SIZE];
    char due[MOMENT_SIZE];
    char zone[MOMENT_SIZE];
    char wait[MOMENT_SIZE];

    if (has_time)
        (void)moment_clock(s->response_ms, now_ms, response);
    moment_span(now_ms - s->response_ms, age);
    (void)moment_clock(s->due_ms, now_ms, due);
    (void)moment_zone(s->due_ms, zone);
    moment_span(s->due_ms - now_ms, wait);
    (void)snprintf(text, STATUS_SIZE, "response %s%s%s%s, next poll %s %s, in %s", has_response ? response : "none yet",
                   has_time && has_age ? ", " : "", has_age ? age : "", has_age ? " ago" : "", due, zone, wait);
}
