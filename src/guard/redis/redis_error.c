/* Errors of a Redis server; see redis_error.h. */
#include "guard/redis/redis_error.h"
#include "base/ascii.h"

#include <stdio.h>
#include <string.h>

#define CODE_MAX 20 /* the codes of Redis have up to 12 letters */

typedef struct meaning {
    const char *begins; /* the first words of the reply, of which the first is the code */
    const char *words;
} meaning;

#define NO_CLUSTER ": use a server without cluster mode"

static const meaning meanings[] = {
    {"ASK", "the cluster is moving the key" NO_CLUSTER},
    {"BUSY", "the server is busy with a script"},
    {"CLUSTERDOWN", "the cluster is down" NO_CLUSTER},
    {"CROSSSLOT", "different nodes of the cluster have the keys" NO_CLUSTER},
    {"DENIED", "the server is in protected mode"},
    {"EXECABORT", "the server discarded the transaction"},
    {"LOADING", "the server is still loading its data"},
    {"MASTERDOWN", "the replica has lost its master"},
    {"MISCONF", "the server cannot save to its disk, and so does not write"},
    {"MOVED", "another node of the cluster has the key" NO_CLUSTER},
    {"NOAUTH", "the server asks for a password"},
    {"NOPERM", "the server's ACL does not allow it"},
    {"NOREPLICAS", "the server has too few replicas to write"},
    {"NOSCRIPT", "the server does not have the script"},
    {"OOM", "the server's memory is full"},
    {"READONLY", "this is a replica, which does not write"},
    {"TRYAGAIN", "the cluster is moving the keys" NO_CLUSTER},
    {"WRONGPASS", "the user or the password is wrong"},
    {"WRONGTYPE", "the key holds a value of another type"},
    {"ERR AUTH", "the URL has a password, the server none"},
    {"ERR Client sent AUTH", "the URL has a password, the server none"}, /* before Redis 6 */
    {"ERR DB index is out of range", "the server has no such db"},
    {"ERR ACL failure in script", "the server's ACL does not allow it"},
    {"ERR The user executing the script", "the server's ACL does not allow it"}, /* before Redis 7.2 */
    {"ERR SELECT is not allowed in cluster mode", "a cluster has no db but 0"},
    {"ERR invalid DB index", "the server has no such db"},
    {"ERR invalid password", "the user or the password is wrong"}, /* before Redis 6 */
    {"ERR max number of clients", "the server has no room for another client"},
    {"ERR unknown command", "the server does not have the command"},
    {"ERR wrong number of arguments for 'auth'", "the server is too old for a user"}, /* before Redis 6 */
};

static bool begins_with(const char *error, const char *words)
{
    size_t size = strlen(words);

    return strncmp(error, words, size) == 0 && (error[size] == '\0' || !lsync_ascii_is_alnum(error[size]));
}

/* Returns the size of the code that an error begins with, in capital letters; 0: it begins with something else. */
static size_t code_size(const char *error)
{
    size_t size = 0;

    while (size <= CODE_MAX && error[size] >= 'A' && error[size] <= 'Z')
        size++;
    return size <= CODE_MAX && (error[size] == ' ' || error[size] == '\0') ? size : 0;
}

/* Returns the error of a command in a script without the place in the script. Before Redis 7 the error begins with it,
   once or twice: "ERR Error running script (call to f_SHA): @user_script:3: @user_script: 3: -OOM no memory". */
static const char *skip_place(const char *error)
{
    static const char place[] = "@user_script:";
    const char *found = begins_with(error, "ERR Error running script") ? strstr(error, place) : NULL;

    for (const char *next = found; next != NULL; next = strstr(found, place))
        found = next + sizeof place - 1;
    if (found == NULL)
        return error;
    found += strspn(found, " 0123456789:-");
    return code_size(found) > 0 ? found : error;
}

void lsync_redis_error_words(const char *error, char *words, size_t room)
{
    const char *meant = "the server rejected the command";
    size_t size;

    error = skip_place(error);
    size = code_size(error);
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (begins_with(error, meanings[i].begins))
            meant = meanings[i].words;
    if (size > 0)
        (void)snprintf(words, room, "%s (%.*s)", meant, (int)size, error);
    else
        (void)snprintf(words, room, "%s", meant);
}
