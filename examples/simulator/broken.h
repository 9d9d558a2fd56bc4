/* Faulty responses. */
#ifndef LOCKSYNC_SIM_BROKEN_H
#define LOCKSYNC_SIM_BROKEN_H

#include "server.h"

/* Makes the data of the huge responses. */
struct broken *broken_new(struct shape shape);
void broken_free(struct broken *broken);

/* Replies with the fault instead of the good response; `single`: the response has one lock. Returns false, without a
   reply, if the fault does not apply (a gzip bomb, but the client does not accept gzip). */
bool broken_reply(struct request *request, enum fault fault, struct text good, bool single);

#endif
