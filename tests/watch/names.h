/* For the tests of a watch that follows the directory: notes its requests, and checks poll after poll. */
#ifndef WATCH_NAMES_H
#define WATCH_NAMES_H

#include "pull.h"

#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)
#define DIRECTORY(records)                                                                                             \
  {                                                                                                                    \
    .http = 200, .body = "{\"result\":[" records "]}", .hook = note                                                    \
  }
#define STATES DIRECTORY
#define REFUSED                                                                                                        \
  {                                                                                                                    \
    .http = 403, .hook = note                                                                                          \
  }
/* a lock in the directory, and in states */
#define NAMED(id, serial, name, state)                                                                                 \
  "{\"id\":" #id ",\"serialNumber\":\"" serial "\",\"name\":\"" name                                                   \
  "\",\"isConnected\":true,\"revision\":1,\"deviceState\":{\"state\":" #state "}}"
#define LOCK(id, state, revision)                                                                                      \
  "{\"id\":" #id ",\"isConnected\":true,\"revision\":" #revision ",\"deviceState\":{\"state\":" #state "}}"
#define DOOR NAMED(1, "S-1", "Door", 6)
#define SHED NAMED(2, "S-2", "Shed", 6)

/* Kinds of changes: 533 added, 538 removed, 16 state, 512 configuration, 1024 renamed, 2048 another id. */

extern char requests[64]; /* since the last look: "d" for the directory, "s" for states, "s1" with a number of ids */
/* Adds the request to `requests`; the hook of each step. */
void note(void *user, const lock_sync_request *q, lock_sync_response *s);

/* One poll: after which time, what it sends, and what it reports; "": nothing. */
typedef struct turn {
    int64_t after_ms;
    const char *requests;
    const char *changes;
} turn;

void expect(pull *p, const turn *t);
/* Expects each turn, and that no step is left; then ends the watch. */
void run(pull *p, const turn *turns, size_t count);
#define RUN(p, turns) run(p, turns, COUNT_OF(turns))

/* Sets a guard with these intervals. In mode OFF the watch itself would space the directories. */
void guard_it(pull *p, int64_t interval_ms, int64_t directory_ms);
void allow_all(pull *p);

/* Begin a watch that may poll at any time: of all locks, or by one or two serial numbers. */
void begin(pull *p, const t_step *steps, size_t count);
#define BEGIN(p, steps) begin(p, steps, COUNT_OF(steps))
void begin_by_serial(pull *p, const t_step *steps, size_t count, const char *first, const char *second);
#define BY_SERIAL(p, steps, ...) begin_by_serial(p, steps, COUNT_OF(steps), __VA_ARGS__)

#endif
