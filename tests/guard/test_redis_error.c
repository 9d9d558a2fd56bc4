/* The words for a Redis server's errors. No server. */
#include "../support/decoding.h"
#include "guard/redis/redis_error.h"

#include <string.h>

#define NO_CLUSTER ": use a server without cluster mode"

TEST(each_error_has_its_words)
{
    static const struct {
        const char *error;
        const char *words;
    } rows[] = {
        {"LOADING Redis is loading the dataset in memory", "the server is still loading its data (LOADING)"},
        {"CLUSTERDOWN Hash slot not served", "the cluster is down" NO_CLUSTER " (CLUSTERDOWN)"},
        {"MASTERDOWN Link with MASTER is down", "the replica has lost its master (MASTERDOWN)"},
        {"NOPERM User alice has no permissions to run the 'get' command",
         "the server's ACL does not allow it (NOPERM)"},
        {"NOAUTH Authentication required.", "the server asks for a password (NOAUTH)"},
        {"WRONGPASS invalid username-password pair", "the user or the password is wrong (WRONGPASS)"},
        {"READONLY You can't write against a read only replica.", "this is a replica, which does not write (READONLY)"},
        {"MISCONF Redis is configured to save RDB snapshots, but",
         "the server cannot save to its disk, and so does not write (MISCONF)"},
        {"OOM command not allowed when used memory > 'maxmemory'.", "the server's memory is full (OOM)"},
        {"MOVED 3999 10.0.0.7:6381", "another node of the cluster has the key" NO_CLUSTER " (MOVED)"},
        {"ASK 3999 10.0.0.7:6381", "the cluster is moving the key" NO_CLUSTER " (ASK)"},
        {"TRYAGAIN Multiple keys request during rehashing of slot",
         "the cluster is moving the keys" NO_CLUSTER " (TRYAGAIN)"},
        {"CROSSSLOT Keys in request don't hash to the same slot",
         "different nodes of the cluster have the keys" NO_CLUSTER " (CROSSSLOT)"},
        {"BUSY Redis is busy running a script.", "the server is busy with a script (BUSY)"},
        {"WRONGTYPE Operation against a key", "the key holds a value of another type (WRONGTYPE)"},
        {"NOREPLICAS Not enough good replicas to write.", "the server has too few replicas to write (NOREPLICAS)"},
        {"EXECABORT Transaction discarded because of", "the server discarded the transaction (EXECABORT)"},
        {"NOSCRIPT No matching script.", "the server does not have the script (NOSCRIPT)"},
        {"DENIED Redis is running in protected mode", "the server is in protected mode (DENIED)"},
        {"ERR max number of clients reached", "the server has no room for another client (ERR)"},
        {"ERR DB index is out of range", "the server has no such db (ERR)"},
        {"ERR invalid DB index", "the server has no such db (ERR)"},
        {"ERR SELECT is not allowed in cluster mode", "a cluster has no db but 0 (ERR)"},
        {"ERR unknown command `AUTH`, with args beginning with: `s3cret`",
         "the server does not have the command (ERR)"},
        {"ERR invalid password", "the user or the password is wrong (ERR)"},
        {"ERR Client sent AUTH, but no password is set", "the URL has a password, the server none (ERR)"},
        {"ERR AUTH <password> called without any password configured", "the URL has a password, the server none (ERR)"},
        {"ERR wrong number of arguments for 'auth' command", "the server is too old for a user (ERR)"},
        {"ERR The user executing the script can't run this command or subcommand script: 0a, on @user_script:3.",
         "the server's ACL does not allow it (ERR)"},
        {"ERR ACL failure in script: User u has no permissions to run the 'get' command script: 0a",
         "the server's ACL does not allow it (ERR)"},
        {"WRONGTYPE Operation against a key script: 0a, on @user_script:3.",
         "the key holds a value of another type (WRONGTYPE)"},
        {"ERR Error running script (call to f_0a): @user_script:3: WRONGTYPE Operation against a key",
         "the key holds a value of another type (WRONGTYPE)"},
        {"ERR Error running script (call to f_0a): @user_script:5: @user_script: 5: -OOM command not allowed",
         "the server's memory is full (OOM)"},
        {"ERR Error running script (call to f_0a): @user_script:3: s3cret", "the server rejected the command (ERR)"},
        {"ERR Error running script", "the server rejected the command (ERR)"},
        {"OOM", "the server's memory is full (OOM)"},
        {"ASKING s3cret", "the server rejected the command (ASKING)"}, /* not ASK */
        {"ERR s3cret is not good", "the server rejected the command (ERR)"},
        {"ERR", "the server rejected the command (ERR)"},
        {"NEWS of tomorrow", "the server rejected the command (NEWS)"},
        {"s3cret", "the server rejected the command"},
        {"S3CRET is not good", "the server rejected the command"},
        {"ERR\x1b[2J", "the server rejected the command"},
        {"\x1b[2J", "the server rejected the command"},
        {"ERR: s3cret", "the server rejected the command"},
        {"OOM: s3cret", "the server's memory is full"},
        {" ERR", "the server rejected the command"},
        {"", "the server rejected the command"},
        {"ABCDEFGHIJKLMNOPQRST x", "the server rejected the command (ABCDEFGHIJKLMNOPQRST)"},
        {"ABCDEFGHIJKLMNOPQRSTU x", "the server rejected the command"},
        {"ABCDEFGHIJKLMNOPQRSTU", "the server rejected the command"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ",
         "the server rejected the command"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char words[LSYNC_REDIS_ERROR_MAX];

        t_row("%s", rows[i].error);
        memset(words, 'x', sizeof words);
        lsync_redis_error_words(rows[i].error, words, sizeof words);
        CHECK_TEXT(words, rows[i].words);
    }
}

TEST(words_are_cut_to_the_room)
{
    char words[4] = "xxx";

    lsync_redis_error_words("OOM", words, sizeof words);
    CHECK_TEXT(words, "the");
}
