/* The accounts of the fleet, and the part of them that this worker polls. */
#ifndef FLEET_ACCOUNTS_H
#define FLEET_ACCOUNTS_H

#include <locksync/locksync.h>
#include <locksync/redis.h>

/* The longest name of an account. */
#define NAME_MAX_SIZE 200

typedef struct accounts accounts;

typedef struct accounts_settings {
    lock_sync_pool *pool; /* must outlive the accounts, as the next two */
    lock_sync_redis *redis;
    const char *base_url; /* NULL: the real service */
    int64_t interval_ms;
    int64_t timeout_ms;
    /* Called for each good response that differs from the one before, and by accounts_refresh(). */
    void (*on_response)(void *user, size_t number, const char *name, const lock_sync_watch *watch);
    void *user;
} accounts_settings;

/* Reads the accounts from a file: a line for each, with its name (letters, digits and . _ @ -), a space and its
   personal key. Returns NULL, after a line on stderr, if that fails. */
accounts *accounts_read(const char *path, const accounts_settings *settings);

/* Sets the members alive, by their hashes (share.h), and which of them this worker is. */
void accounts_set_members(accounts *all, uint64_t self, const uint64_t *members, size_t count);

/* Gives up all accounts. */
void accounts_leave(accounts *all);

/* Begins and ends to poll what accounts_set_members() changed, at most `most` accounts. Returns whether it is done. A
   poll under way, or waiting for its guard, ends first, because its response may show a change. After accounts_leave()
   it has only `timeout_ms`. */
bool accounts_adjust(accounts *all, size_t most);

/* Reports the last response again, of at most `most` of the accounts that were not refreshed in this round. Returns
   whether the round is complete; the next call then begins another. */
bool accounts_refresh(accounts *all, size_t most);

/* Begins an account again, with a new watch: its next response is reported, even if nothing changed. */
void accounts_restart(accounts *all, size_t number);
void accounts_restart_all(accounts *all);

/* Ends all polls. */
void accounts_free(accounts *all);

#endif
