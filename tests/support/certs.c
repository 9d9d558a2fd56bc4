/* Makes certificates; see certs.h. Elliptic keys: they are made at once. */
#include "certs.h"
#include "child.h"
#include "kit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GOOD_NAMES "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost,DNS:service.test"
#define OTHER_NAMES "subjectAltName=DNS:elsewhere.test"

static char *path(const certs *c, const char *name)
{
    return kit_text("%s/%s", c->dir, name);
}

static void make_key(const char *file)
{
    const char *const argv[] = {"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                                "-out",    file,      NULL};

    child_run(argv);
}

/* A self-signed authority. */
static char *make_authority(const certs *c, const char *name, const char *key)
{
    char *file = path(c, name);
    char *subject = kit_text("/CN=locksync test %s", name);
    const char *const argv[] = {"openssl", "req",   "-x509", "-new", "-key", key, "-days",
                                "30",      "-subj", subject, "-out", file,   NULL};

    child_run(argv);
    free(subject);
    return file;
}

static char *make_certificate(const certs *c, const char *name, const char *names, const char *ca, const char *ca_key,
                              const char *days)
{
    char *file = path(c, name);
    char *request = kit_text("%s.csr", file);
    const char *const ask[] = {"openssl", "req", "-new", "-key",  c->key, "-subj", "/CN=locksync test server",
                               "-addext", names, "-out", request, NULL};
    const char *const sign[] = {
        "openssl",          "x509", "-req",  "-in", request, "-CA", ca,  "-CAkey", ca_key, "-CAcreateserial",
        "-copy_extensions", "copy", "-days", days,  "-out",  file,  NULL};

    child_run(ask);
    child_run(sign);
    free(request);
    return file;
}

/* OpenSSL looks for an authority in a directory under the hash of its name. */
static void make_hashed_dir(certs *c)
{
    char *copy;
    char *pem = kit_read_file(c->other_ca);
    const char *argv[] = {"openssl", "rehash", NULL, NULL};

    c->hashed_dir = path(c, "hashed");
    (void)mkdir(c->hashed_dir, 0700);
    copy = kit_text("%s/other-ca.pem", c->hashed_dir);
    kit_write_file(copy, pem, strlen(pem));
    argv[2] = c->hashed_dir;
    child_run(argv);
    free(copy);
    free(pem);
}

certs *certs_make(void)
{
    certs *c = calloc(1, sizeof *c);
    char *ca_key;
    char *other_key;

    if (c == NULL)
        kit_die("out of memory");
    c->dir = kit_temp_dir();
    c->key = path(c, "server.key");
    ca_key = path(c, "ca.key");
    other_key = path(c, "other-ca.key");
    make_key(c->key);
    make_key(ca_key);
    make_key(other_key);
    c->ca = make_authority(c, "ca.pem", ca_key);
    c->other_ca = make_authority(c, "other-ca.pem", other_key);
    c->good = make_certificate(c, "good.pem", GOOD_NAMES, c->ca, ca_key, "30");
    c->expired = make_certificate(c, "expired.pem", GOOD_NAMES, c->ca, ca_key, "-1");
    c->wrong_host = make_certificate(c, "wrong-host.pem", OTHER_NAMES, c->ca, ca_key, "30");
    c->unknown = make_certificate(c, "unknown.pem", GOOD_NAMES, c->other_ca, other_key, "30");
    make_hashed_dir(c);
    free(ca_key);
    free(other_key);
    return c;
}

void certs_free(certs *c)
{
    if (c == NULL)
        return;
    kit_remove_dir(c->dir);
    free(c->ca);
    free(c->other_ca);
    free(c->hashed_dir);
    free(c->good);
    free(c->expired);
    free(c->wrong_host);
    free(c->unknown);
    free(c->key);
    free(c);
}
