/* Makes certificates for TLS servers on loopback, by the openssl command in a temporary directory. */
#ifndef KIT_CERTS_H
#define KIT_CERTS_H

/* Paths of PEM files. The good certificate is for 127.0.0.1, ::1, localhost and service.test. */
typedef struct certs {
    char *dir;
    char *configuration; /* of the openssl command */
    char *ca;            /* signed good, expired and wrong_host */
    char *other_ca;      /* signed unknown */
    char *hashed_dir;    /* a directory in which OpenSSL finds other_ca */
    char *good;
    char *expired;
    char *wrong_host; /* like good, but for elsewhere.test */
    char *unknown;    /* like good, but signed by other_ca */
    char *key;        /* of these four certificates */
} certs;

certs *certs_make(void);
void certs_free(certs *c);

#endif
