/* TLS by OpenSSL; see tls.h. hiredis has TLS since 1.0, but only for its own sockets, and writes without
   MSG_NOSIGNAL. */
#include "guard/redis/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

const char *lsync_redis_tls_problem(void)
{
    return NULL;
}

/* Returns the reason of OpenSSL's last error (static), and empties its queue, which the application's thread shares. */
static const char *last_error(const char *otherwise)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return reason != NULL ? reason : otherwise;
}

/* --- the socket: OpenSSL's own functions would raise SIGPIPE --- */

static int fd_of(BIO *bio)
{
    return (int)(intptr_t)BIO_get_data(bio);
}

static bool is_transient(ssize_t n)
{
    return n < 0 && (errno == EINTR || errno == EAGAIN);
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
    ssize_t sent = send(fd_of(bio), bytes, (size_t)size, MSG_NOSIGNAL);

    BIO_clear_retry_flags(bio);
    if (is_transient(sent))
        BIO_set_retry_write(bio); /* GCOVR_EXCL_LINE: a socket that is full */
    return (int)sent;
}

static int bio_read(BIO *bio, char *bytes, int size)
{
    ssize_t got = recv(fd_of(bio), bytes, (size_t)size, 0);

    BIO_clear_retry_flags(bio);
    if (is_transient(got))
        BIO_set_retry_read(bio);
    if (got == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF); /* GCOVR_EXCL_LINE: else the peer's end arrives as an error */
    return (int)got;
}

/* Responds to OpenSSL's commands, which need this signature. */
static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0; /* GCOVR_EXCL_LINE: as above */
    return command == BIO_CTRL_FLUSH;                      /* there is nothing to flush */
}

static BIO_METHOD *make_methods(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "locksync");

    if (m != NULL && BIO_meth_set_write(m, bio_write) == 1 && BIO_meth_set_read(m, bio_read) == 1 &&
        BIO_meth_set_ctrl(m, bio_control) == 1)
        return m;
    BIO_meth_free(m); /* GCOVR_EXCL_LINE: OpenSSL without memory, in tests/torture */
    return NULL;      /* GCOVR_EXCL_LINE */
}

/* --- setting up --- */

/* Returns the file that cannot be used, in words; NULL: all can. */
static const char *use_files(SSL_CTX *context, const lsync_redis_tls_files *files)
{
    const char *key = files->key[0] != '\0' ? files->key : files->certificate;

    if (files->ca[0] == '\0' ? SSL_CTX_set_default_verify_paths(context) != 1
                             : SSL_CTX_load_verify_file(context, files->ca) != 1)
        return "the file of ssl_ca_certs cannot be used";
    if (files->certificate[0] == '\0')
        return NULL;
    if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
        return "the file of ssl_certfile cannot be used";
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        return "the file of ssl_keyfile cannot be used, or is not the certificate's";
    return NULL;
}

/* Rejects a key with a password. Without this, OpenSSL would ask for it at the terminal. */
static int no_password(char *text, int size, int for_writing, void *user)
{
    (void)text;
    (void)size;
    (void)for_writing;
    (void)user;
    return -1;
}

static SSL_CTX *make_context(const lsync_redis_tls_files *files, const char **why)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    *why = "out of memory";
    if (context == NULL)
        return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF); /* Redis closes without a notice */
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    *why = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 ? use_files(context, files) : *why;
    if (*why == NULL)
        return context;
    SSL_CTX_free(context);
    return NULL;
}

/* Sets what the certificate must be for: an address or a name. Only names are sent to the server (SNI). */
static bool set_host(SSL *ssl, const char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
        return true;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    /* OpenSSL's macro casts the name to void *, and does not change it */
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)host) == 1;
}

static BIO *make_bio(const BIO_METHOD *methods, int fd)
{
    BIO *bio = methods == NULL ? NULL : BIO_new(methods);

    if (bio != NULL) {
        BIO_set_data(bio, (void *)(intptr_t)fd);
        BIO_set_init(bio, 1);
    }
    return bio;
}

const char *lsync_redis_tls_init(lsync_redis_tls *tls, int fd, const lsync_redis_tls_files *files, const char *host)
{
    const char *why;
    SSL_CTX *context = make_context(files, &why);
    BIO *bio;

    if (context != NULL) {
        tls->ssl = SSL_new(context);
        tls->methods = make_methods();
        bio = make_bio(tls->methods, fd);
        SSL_CTX_free(context); /* tls->ssl has a reference */
        if (tls->ssl != NULL && bio != NULL && set_host(tls->ssl, host)) {
            SSL_set_bio(tls->ssl, bio, bio);
            bio = NULL;
        } else {
            why = "out of memory"; /* GCOVR_EXCL_LINE: OpenSSL without memory, in tests/torture */
        }
        (void)BIO_free(bio);
        if (why != NULL)
            lsync_redis_tls_free(tls); /* GCOVR_EXCL_LINE: as above */
    }
    ERR_clear_error();
    return why;
}

/* --- transfers --- */

/* Returns the result of a call of OpenSSL's; see tls.h. */
static int result(lsync_redis_tls *tls, int n, short *awaits, const char **why)
{
    int error = n > 0 ? SSL_ERROR_NONE : SSL_get_error(tls->ssl, n);

    if (error == SSL_ERROR_NONE || error == SSL_ERROR_ZERO_RETURN)
        return n > 0 ? n : 0;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        *awaits = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    else if (error == SSL_ERROR_SYSCALL && errno != 0)
        *why = strerror(errno);
    else
        *why = last_error("TLS failed");
    ERR_clear_error();
    return -1;
}

/* Prepares a call: OpenSSL judges by errors of before, too. */
static int limited(size_t size, short *awaits, const char **why)
{
    *awaits = 0;
    *why = NULL;
    errno = 0;
    ERR_clear_error();
    return size < INT_MAX ? (int)size : INT_MAX;
}

int lsync_redis_tls_handshake(lsync_redis_tls *tls, short *awaits, const char **why)
{
    long verified;
    int n;

    (void)limited(0, awaits, why);
    n = result(tls, SSL_connect(tls->ssl), awaits, why);
    verified = SSL_get_verify_result(tls->ssl);
    if (n < 0 && *awaits == 0 && verified != X509_V_OK)
        *why = X509_verify_cert_error_string(verified);
    return n;
}

ssize_t lsync_redis_tls_read(lsync_redis_tls *tls, void *bytes, size_t size, short *awaits, const char **why)
{
    int most = limited(size, awaits, why);

    return result(tls, SSL_read(tls->ssl, bytes, most), awaits, why);
}

ssize_t lsync_redis_tls_write(lsync_redis_tls *tls, const void *bytes, size_t size, short *awaits, const char **why)
{
    int most = limited(size, awaits, why);

    return result(tls, SSL_write(tls->ssl, bytes, most), awaits, why);
}

bool lsync_redis_tls_has_pending(const lsync_redis_tls *tls)
{
    return tls->ssl != NULL && SSL_pending(tls->ssl) > 0;
}

void lsync_redis_tls_free(lsync_redis_tls *tls)
{
    SSL_free(tls->ssl);
    BIO_meth_free(tls->methods);
    *tls = (lsync_redis_tls){0};
}
