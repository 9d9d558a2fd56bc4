/* Answers that go wrong on purpose. */
#ifndef LOCKSYNC_SIM_BROKEN_H
#define LOCKSYNC_SIM_BROKEN_H

#include "server.h"

/* What the huge answers are made from. */
struct broken *broken_new(struct shape shape);
void broken_free(struct broken *broken);

/* Replies with the fault in place of the good answer; single tells whether that is about one lock.
   False, and no reply made: the fault does not apply (a gzip bomb to a client that does not accept gzip). */
bool broken_reply(struct visit *visit, enum fault fault, struct text good, bool single);

#endif
