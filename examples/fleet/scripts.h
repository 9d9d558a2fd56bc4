/* The scripts that run inside the Redis server, each in one atomic step, and the keys that they use. */
#ifndef FLEET_SCRIPTS_H
#define FLEET_SCRIPTS_H

#define MEMBERS_KEY "fleet:members"          /* sorted set: each member, and when it was heard by the server's clock */
#define CHANGES_KEY "fleet:changes"          /* stream of changes */
#define ACCOUNT_KEY_PREFIX "fleet:account:"  /* hash of an account: what was published last of each lock */
#define GUARD_KEY_PREFIX "locksync:account:" /* the account's guard */

/* A heartbeat. KEYS: members. ARGV: the member; the time in ms after which a silent member is dead; "stay" or "leave".
   Returns the server's time in ms, then the members alive.

   If no member at all was heard for half of that time, the server was away: stopped, out of reach, or its clock has
   jumped. That time does not count for the members. */
extern const char beat_script[];

/* Compares a response with what was published last, publishes the differences, and stores the response. Returns the
   number of changes; -1 if a later response was published already. KEYS: the account's hash, changes. ARGV:
   - the account
   - the time of the response by the server's clock, in ms
   - how many changes the stream keeps, about
   - a time in ms, half of the interval: responses that are closer than this are one, sent again
   - lock, record and last_state_changed_ms of each lock in the response

   The hash has the time of the last response in its field `at`. A time in the future is from before a jump of the
   clock. Each lock has a field: the number of its last change, a space, and its record. A removed lock keeps its
   number, and its record is empty.

   The id of a change consists of account, life, lock, number and a hash of the record. Numbers may repeat after a loss
   of changes, but in another life. So no new change has the id of one that a consumer has read. */
extern const char publish_script[];

#endif
