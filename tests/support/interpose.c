/* Replaces getaddrinfo, and the functions of OpenSSL 3 and GnuTLS that load certificates; see interpose.h. The
   latter are declared here, so that the tests do not need the headers of both. */
#include "interpose.h"
#include "kit.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int X509_STORE_load_file(void *store, const char *file);
int X509_STORE_load_path(void *store, const char *dir);
int gnutls_certificate_set_x509_trust_file(void *credentials, const char *file, int format);
int gnutls_certificate_set_x509_trust_dir(void *credentials, const char *dir, int format);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char fixed_address[64];
static char prompt[64];
static bool stalled;
static bool half;      /* of the two look-ups of a name, only the one that finds nothing stalls */
static size_t stalls;  /* the number of the stall */
static size_t waiting; /* in this stall: look-ups of an earlier stall may wake up during the next */
static size_t calls;
static char replacing_file[4096];
static char replacing_dir[4096];
static size_t file_loads;
static size_t dir_loads;

/* Finds the replaced function. Copies the pointer, because ISO C has no cast from dlsym's object pointer to one of a
   function. */
static void next(const char *name, void *function)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    if (symbol == NULL)
        kit_die("no %s to replace", name);
    memcpy(function, &symbol, sizeof symbol);
}

static void copy(char *to, size_t room, const char *from)
{
    if (snprintf(to, room, "%s", from == NULL ? "" : from) >= (int)room)
        kit_die("too long: %s", from);
}

static size_t look(const size_t *counter)
{
    size_t value;

    (void)pthread_mutex_lock(&mutex);
    value = *counter;
    (void)pthread_mutex_unlock(&mutex);
    return value;
}

/* --- the resolver --- */

/* Returns whether a look-up stalls. Normally that for the other family does not. libcurl does not cache a name if its
   address arrives before the other look-up has failed. */
static bool stalls_now(const char *node, int family)
{
    int other = strchr(fixed_address, ':') != NULL ? AF_INET : AF_INET6;

    if (!stalled || (node != NULL && strcmp(node, prompt) == 0))
        return false;
    return half ? family == other : fixed_address[0] == '\0' || family != other;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    struct addrinfo numeric = hints == NULL ? (struct addrinfo){0} : *hints;
    char address[sizeof fixed_address];
    size_t stall;
    int result;

    next("getaddrinfo", &real);
    numeric.ai_flags |= AI_NUMERICHOST;
    result = real(node, service, &numeric, out);
    if (result != EAI_NONAME) /* `node` is an address */
        return result;
    (void)pthread_mutex_lock(&mutex);
    if (numeric.ai_family != AF_INET6) /* libcurl since 8.20 looks up each family separately */
        calls++;
    stall = stalls;
    if (stalls_now(node, numeric.ai_family)) {
        waiting++;
        while (stalled && stalls == stall)
            (void)pthread_cond_wait(&changed, &mutex);
    }
    copy(address, sizeof address, fixed_address);
    (void)pthread_mutex_unlock(&mutex);
    return address[0] == '\0' ? EAI_NONAME : real(address, service, &numeric, out);
}

void resolver_set_address(const char *address)
{
    (void)pthread_mutex_lock(&mutex);
    copy(fixed_address, sizeof fixed_address, address);
    (void)pthread_mutex_unlock(&mutex);
}

void resolver_prompt(const char *name)
{
    (void)pthread_mutex_lock(&mutex);
    copy(prompt, sizeof prompt, name);
    (void)pthread_mutex_unlock(&mutex);
}

static void set_stalled(bool value, bool halves)
{
    (void)pthread_mutex_lock(&mutex);
    half = halves;
    stalls += value && !stalled;
    waiting = value ? waiting : 0;
    stalled = value;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&mutex);
}

void resolver_stall(void)
{
    set_stalled(true, false);
}

void resolver_stall_other_family(void)
{
    set_stalled(true, true);
}

void resolver_release(void)
{
    set_stalled(false, false);
}

size_t resolver_calls(void)
{
    return look(&calls);
}

bool resolver_is_stalling(void *unused)
{
    (void)unused;
    return look(&waiting) > 0;
}

/* --- the system's trust --- */

/* Returns the path to load instead of `path`, in *room. */
static const char *instead(const char *path, const char *replacement, size_t *loads, char *room, size_t size)
{
    (void)pthread_mutex_lock(&mutex);
    copy(room, size, path);
    if (strncmp(path, "/etc/ssl/", strlen("/etc/ssl/")) == 0) {
        ++*loads;
        if (replacement[0] != '\0')
            copy(room, size, replacement);
    }
    (void)pthread_mutex_unlock(&mutex);
    return room;
}

int X509_STORE_load_file(void *store, const char *file)
{
    int (*real)(void *, const char *);
    char room[sizeof replacing_file];

    next("X509_STORE_load_file", &real);
    return real(store, instead(file, replacing_file, &file_loads, room, sizeof room));
}

int X509_STORE_load_path(void *store, const char *dir)
{
    int (*real)(void *, const char *);
    char room[sizeof replacing_dir];

    next("X509_STORE_load_path", &real);
    return real(store, instead(dir, replacing_dir, &dir_loads, room, sizeof room));
}

int gnutls_certificate_set_x509_trust_file(void *credentials, const char *file, int format)
{
    int (*real)(void *, const char *, int);
    char room[sizeof replacing_file];

    next("gnutls_certificate_set_x509_trust_file", &real);
    return real(credentials, instead(file, replacing_file, &file_loads, room, sizeof room), format);
}

int gnutls_certificate_set_x509_trust_dir(void *credentials, const char *dir, int format)
{
    int (*real)(void *, const char *, int);
    char room[sizeof replacing_dir];

    next("gnutls_certificate_set_x509_trust_dir", &real);
    return real(credentials, instead(dir, replacing_dir, &dir_loads, room, sizeof room), format);
}

void trust_replace_defaults(const char *file, const char *dir)
{
    (void)pthread_mutex_lock(&mutex);
    copy(replacing_file, sizeof replacing_file, file);
    copy(replacing_dir, sizeof replacing_dir, dir);
    (void)pthread_mutex_unlock(&mutex);
}

size_t trust_default_file_loads(void)
{
    return look(&file_loads);
}

size_t trust_default_dir_loads(void)
{
    return look(&dir_loads);
}
