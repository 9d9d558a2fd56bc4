/* Runs sentinels; see sentinels.h. */
#include "sentinels.h"
#include "../support/child.h"
#include "../support/raw_server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct sentinels {
    child *process[SENTINELS]; /* NULL: killed */
    uint16_t port[SENTINELS];
    char *dir;
};

static redisReply *ask(const sentinels *s, size_t i, const char *command)
{
    redisContext *c = redisConnect("127.0.0.1", s->port[i]);
    redisReply *reply = c == NULL ? NULL : redisCommand(c, command);

    redisFree(c);
    return reply;
}

/* Returns whether a sentinel reports a member of its master with this value. */
static bool reports(const sentinels *s, size_t i, const char *member, const char *value)
{
    redisReply *reply = ask(s, i, "SENTINEL MASTER mymaster");
    bool good = false;

    for (size_t k = 0; reply != NULL && reply->type == REDIS_REPLY_ARRAY && k + 1 < reply->elements; k += 2)
        if (strcmp(reply->element[k]->str, member) == 0)
            good = strcmp(reply->element[k + 1]->str, value) == 0;
    freeReplyObject(reply);
    return good;
}

static bool know_all(void *user)
{
    const sentinels *s = user;
    bool good = true;

    for (size_t i = 0; i < SENTINELS; i++)
        good = good && reports(s, i, "num-slaves", "1") && reports(s, i, "num-other-sentinels", "2");
    return good;
}

static void start(sentinels *s, size_t i, int master_port)
{
    char *file = kit_text("%s/%zu.conf", s->dir, i);
    char *text = kit_text(
        "port %u\nbind 127.0.0.1\ndir %s\nlogfile /dev/null\n"
        "sentinel monitor mymaster 127.0.0.1 %d 2\n"
        "sentinel down-after-milliseconds mymaster 500\n"
        "sentinel failover-timeout mymaster 5000\n",
        s->port[i], s->dir, master_port);
    const char *const argv[] = {redis_server_program(), file, "--sentinel", NULL};

    kit_write_file(file, text, strlen(text));
    s->process[i] = child_start(argv, true);
    free(file);
    free(text);
}

void sentinels_free(sentinels *s)
{
    for (size_t i = 0; i < SENTINELS; i++)
        sentinels_kill(s, i);
    kit_remove_dir(s->dir);
    free(s);
}

sentinels *sentinels_new(const redis_server *master)
{
    sentinels *s = kit_zeros(sizeof *s);

    s->dir = kit_temp_dir();
    for (size_t i = 0; i < SENTINELS; i++) {
        s->port[i] = raw_server_port();
        start(s, i, redis_server_port(master));
    }
    if (!kit_wait(know_all, s, KIT_PATIENCE_MS))
        kit_die("the sentinels do not find each other");
    return s;
}

char *sentinels_new_url(const sentinels *s, const char *login, const char *more)
{
    return kit_text("redis+sentinel://%s127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u/mymaster%s", login, s->port[0],
                    s->port[1], s->port[2], more);
}

int sentinels_master(const sentinels *s)
{
    redisReply *reply = ask(s, 0, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster");
    int port = reply != NULL && reply->type == REDIS_REPLY_ARRAY ? (int)strtol(reply->element[1]->str, NULL, 10) : 0;

    freeReplyObject(reply);
    return port;
}

void sentinels_do(const sentinels *s, size_t i, const char *command)
{
    freeReplyObject(ask(s, i, command));
}

void sentinels_kill(sentinels *s, size_t i)
{
    if (s->process[i] != NULL)
        free(child_stop(s->process[i], SIGKILL, NULL));
    s->process[i] = NULL;
}

void sentinels_pause(sentinels *s, size_t i, bool stopped)
{
    if (stopped)
        child_pause(s->process[i]);
    else
        child_signal(s->process[i], SIGCONT);
}

/* --- for a test --- */

static void release(void *s)
{
    sentinels_free(s);
}

sentinels *sentinels_here(const redis_server *master)
{
    return t_later(release, sentinels_new(master));
}

const char *sentinels_url(const sentinels *s, const char *login, const char *more)
{
    return t_later(free, sentinels_new_url(s, login, more));
}
