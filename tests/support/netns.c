/* Two network namespaces with a link; see netns.h. The command ip, run in one of them, does the work. */
#include "netns.h"
#include "child.h"
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define IP_ARGUMENTS_MAX 12

struct netns {
    int before; /* namespaces, by descriptor */
    int client;
    int server;
    char *address; /* the client's */
};

/* Runs ip with these arguments, separated by blanks. */
static void ip(const char *arguments)
{
    char *text = kit_text("ip %s", arguments);
    const char *argv[IP_ARGUMENTS_MAX + 2] = {NULL};
    char *rest = text;

    for (size_t i = 0; i <= IP_ARGUMENTS_MAX && rest != NULL; i++)
        argv[i] = strsep(&rest, " ");
    child_run(argv);
    free(text);
}

static int current(void)
{
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static void enter(int namespace)
{
    if (setns(namespace, CLONE_NEWNET) != 0)
        kit_die("cannot enter a network namespace: %s", strerror(errno));
}

static bool has_ip(void)
{
    return access("/sbin/ip", X_OK) == 0 || access("/usr/sbin/ip", X_OK) == 0 || access("/usr/bin/ip", X_OK) == 0;
}

/* Makes the process root of a new user namespace. */
static bool become_root(void)
{
    char *map = kit_text("0 %u 1", getuid());
    char *groups = kit_text("0 %u 1", getgid());
    bool done = unshare(CLONE_NEWUSER) == 0;

    if (done) {
        kit_write_file("/proc/self/uid_map", map, strlen(map));
        kit_write_file("/proc/self/setgroups", "deny", 4);
        kit_write_file("/proc/self/gid_map", groups, strlen(groups));
    }
    free(map);
    free(groups);
    return done;
}

typedef struct end {
    int socket; /* any socket of its namespace */
    const char *name;
} end;

static bool is_up(void *user)
{
    const end *e = user;
    struct ifreq link;

    memset(&link, 0, sizeof link);
    memcpy(link.ifr_name, e->name, strlen(e->name));
    return ioctl(e->socket, SIOCGIFFLAGS, &link) == 0 && (link.ifr_flags & IFF_RUNNING) != 0;
}

/* Waits until an end of the link, in the namespace of this thread, carries packets. After many recent changes the
   kernel needs up to a second to notice the other end. */
static void wait_for_end(const char *name)
{
    end e = {socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), name};

    if (e.socket < 0 || !kit_wait(is_up, &e, KIT_PATIENCE_MS))
        kit_die("the link is not up");
    (void)close(e.socket);
}

static void connect_namespaces(const netns *n)
{
    char *pair = kit_text("link add lab0 type veth peer name lab1 netns /proc/%d/fd/%d", getpid(), n->server);

    ip(pair);
    ip("link set lo up");
    ip("link set lab0 up");
    ip("addr add " NETNS_CLIENT "/24 dev lab0");
    enter(n->server);
    ip("link set lo up");
    ip("link set lab1 up");
    ip("addr add " NETNS_SERVER "/24 dev lab1");
    wait_for_end("lab1");
    enter(n->client);
    wait_for_end("lab0");
    free(pair);
}

netns *netns_make(const char **why)
{
    netns *n = kit_zeros(sizeof *n);

    n->before = current();
    *why = NULL;
    if (!has_ip())
        *why = "there is no command ip";
    else if (unshare(CLONE_NEWNET) != 0 && (errno != EPERM || !become_root() || unshare(CLONE_NEWNET) != 0))
        *why = "the kernel allows no network namespace";
    if (*why != NULL) {
        (void)close(n->before);
        free(n);
        return NULL;
    }
    n->server = current();
    if (unshare(CLONE_NEWNET) != 0 || n->before < 0 || n->server < 0)
        kit_die("no second network namespace: %s", strerror(errno));
    n->client = current();
    n->address = kit_text("%s", NETNS_CLIENT);
    connect_namespaces(n);
    return n;
}

void netns_free(netns *n)
{
    if (n == NULL)
        return;
    (void)setns(n->before, CLONE_NEWNET); /* fails in a user namespace: the process ends there */
    (void)close(n->before);
    (void)close(n->client);
    (void)close(n->server);
    free(n->address);
    free(n);
}

void netns_server_begin(const netns *n)
{
    enter(n->server);
}

void netns_server_end(const netns *n)
{
    enter(n->client);
}

void netns_set_client_address(netns *n, const char *address)
{
    char *add = kit_text("addr add %s/24 dev lab0", address);
    char *remove = kit_text("addr del %s/24 dev lab0", n->address);

    ip(remove); /* first: the kernel would remove a second address of the network with the first */
    ip(add);
    free(n->address);
    n->address = kit_text("%s", address);
    free(add);
    free(remove);
}

void netns_set_link(const netns *n, bool up)
{
    enter(n->server);
    ip(up ? "link set lab1 up" : "link set lab1 down");
    if (up)
        wait_for_end("lab1");
    enter(n->client);
    if (up)
        wait_for_end("lab0");
}
