/* Makes certificates; see certs.h. The keys are elliptic, because these are quick to make. */
#include "certs.h"
#include "child.h"
#include "kit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GOOD_NAMES "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost,DNS:service.test"
#define OTHER_NAMES "subjectAltName=DNS:elsewhere.test"

#define LONG_AGO "20200101000000Z"
#define NOT_SO_LONG_AGO "20200102000000Z"
#define IN_A_LONG_TIME "20370101000000Z"

/* The openssl command's configuration (%s: the directory, twice). It is complete, because the system's configuration
   differs between versions. */
#define CONFIGURATION                                                                                                  \
  "[req]\ndistinguished_name = name\nx509_extensions = authority\n"                                                    \
  "[name]\n"                                                                                                           \
  "[authority]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n"                              \
  "subjectKeyIdentifier = hash\n"                                                                                      \
  "[ca]\ndefault_ca = signing\n"                                                                                       \
  "[signing]\ndatabase = %s/index\nnew_certs_dir = %s\ndefault_md = sha256\npolicy = any\nrand_serial = yes\n"         \
  "unique_subject = no\ncopy_extensions = copy\nx509_extensions = server\n"                                            \
  "[any]\ncommonName = supplied\n"                                                                                     \
  "[server]\nbasicConstraints = CA:FALSE\nauthorityKeyIdentifier = keyid\n"

static char *path(const certs *c, const char *name)
{
    return kit_text("%s/%s", c->dir, name);
}

static void write_configuration(certs *c)
{
    char *text = kit_text(CONFIGURATION, c->dir, c->dir);
    char *index = path(c, "index");

    c->configuration = path(c, "openssl.cnf");
    kit_write_file(c->configuration, text, strlen(text));
    kit_write_file(index, "", 0);
    free(index);
    free(text);
}

static void make_key(const char *file)
{
    const char *const argv[] = {"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                                "-out",    file,      NULL};

    child_run(argv);
}

/* Makes a self-signed authority. */
static char *make_authority(const certs *c, const char *name, const char *key)
{
    char *file = path(c, name);
    char *subject = kit_text("/CN=locksync test %s", name);
    const char *const argv[] = {"openssl", "req", "-config", c->configuration, "-x509", "-new", "-key", key,
                                "-days",   "30",  "-subj",   subject,          "-out",  file,   NULL};

    child_run(argv);
    free(subject);
    return file;
}

/* Runs `openssl ca`, because only this command dates a certificate back in all versions of OpenSSL. */
static char *make_certificate(const certs *c, const char *name, const char *names, const char *ca, const char *ca_key,
                              const char *until)
{
    char *file = path(c, name);
    char *request = kit_text("%s.csr", file);
    const char *const ask[] = {
        "openssl", "req", "-config", c->configuration, "-new", "-key", c->key, "-subj", "/CN=locksync test server",
        "-addext", names, "-out",    request,          NULL};
    const char *const sign[] = {
        "openssl",  "ca",   "-config",    c->configuration, "-batch",   "-notext", "-in",  request, "-cert", ca,
        "-keyfile", ca_key, "-startdate", LONG_AGO,         "-enddate", until,     "-out", file,    NULL};

    child_run(ask);
    child_run(sign);
    free(request);
    return file;
}

/* Makes a directory in which OpenSSL finds an authority under the hash of its name. */
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
    certs *c = kit_zeros(sizeof *c);
    char *ca_key;
    char *other_key;

    c->dir = kit_temp_dir();
    write_configuration(c);
    c->key = path(c, "server.key");
    ca_key = path(c, "ca.key");
    other_key = path(c, "other-ca.key");
    make_key(c->key);
    make_key(ca_key);
    make_key(other_key);
    c->ca = make_authority(c, "ca.pem", ca_key);
    c->other_ca = make_authority(c, "other-ca.pem", other_key);
    c->good = make_certificate(c, "good.pem", GOOD_NAMES, c->ca, ca_key, IN_A_LONG_TIME);
    c->expired = make_certificate(c, "expired.pem", GOOD_NAMES, c->ca, ca_key, NOT_SO_LONG_AGO);
    c->wrong_host = make_certificate(c, "wrong-host.pem", OTHER_NAMES, c->ca, ca_key, IN_A_LONG_TIME);
    c->unknown = make_certificate(c, "unknown.pem", GOOD_NAMES, c->other_ca, other_key, IN_A_LONG_TIME);
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
    free(c->configuration);
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
