/* A Redis guard over a unix socket. */
#include "redis_server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void remove_dir(void *dir)
{
    kit_remove_dir(dir);
}

/* Returns the path of a socket in a folder that is removed at the test's end. */
static char *socket_path(const char *name)
{
    return t_later(free, kit_text("%s/%s", (char *)t_later(remove_dir, kit_temp_dir()), name));
}

static redis_server *listening_at(const char *path)
{
    const char *const options[] = {"--unixsocket", path, NULL};
    redis_server *s = redis_here(options);

    redis_server_settle_in(s, "k");
    return s;
}

static lock_sync_guard *user_at(const char *begin, const char *path, const char *parameters)
{
    return redis_user(t_later(free, kit_text("%s%s%s", begin, path, parameters)), 1);
}

static void check_good(lock_sync_guard *g)
{
    int64_t slot = redis_slot(g, 1000, 5000);

    CHECK(slot > 0);
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
}

TEST(a_socket_is_used_like_a_port)
{
    const char *path = socket_path("redis.sock");
    redis_server *s = listening_at(path);
    lock_sync_guard *g = user_at("unix://", path, "");

    check_good(g);
    check_good(user_at("redis+unix://", path, "?db=0"));
    check_good(redis_user(redis_server_url(s), 1));              /* the same record */
    CHECK(redis_wait_ms(user_at("unix://", path, "?db=1")) > 0); /* an unused database */
    redis_server_kill(s);
    check_redis_fails(g, 1000, "connecting failed: ");
    redis_server_start(s);
    CHECK(redis_wait_ms(g) > 0); /* the restart is a loss */
}

TEST(a_path_may_have_any_characters)
{
    const char *path = socket_path("a @?%.sock");
    const char *written = t_later(free, kit_text("%.*s/a%%20@%%3F%%25.sock", (int)(strrchr(path, '/') - path), path));

    (void)listening_at(path);
    check_good(user_at("unix://", written, ""));
}

TEST(the_user_logs_in)
{
    const char *path = socket_path("redis.sock");
    redis_server *s = listening_at(path);

    redis_server_do(s, "ACL SETUSER fleet on >pa55 ~* +@all");
    redis_server_do(s, "CONFIG SET requirepass s3cret");
    check_redis_fails(user_at("unix://", path, ""), 1000, "the server asks for a password (NOAUTH)");
    check_redis_fails(user_at("unix://fleet:no@", path, ""), 1000, "login failed: the user or the password is wrong");
    check_good(user_at("unix://fleet:pa55@", path, ""));
    check_good(user_at("redis+unix://:s3cret@", path, "?db=0"));
}

TEST(messages_name_the_path)
{
    const char *path = socket_path("none.sock");
    lock_sync_guard *g = user_at("unix://fleet:pa55@", path, "");
    char text[200];

    check_redis_fails(g, 1000, "connecting failed: No such file or directory");
    (void)lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_HOLDS(text, t_later(free, kit_text("redis %.50s", path)));
    CHECK_LACKS(text, "pa55");
}
