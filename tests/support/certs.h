/* Certificates for TLS servers on loopback, made by the openssl command in a directory of their own. */
#ifndef KIT_CERTS_H
#define KIT_CERTS_H

/* Paths of PEM files. Each server certificate has a key; the good one stands for 127.0.0.1, ::1, localhost and
   service.test. */
typedef struct certs {
    char *dir;
    char *configuration; /* of the openssl command */
    char *ca;            /* who signed good, expired and wrong_host */
    char *other_ca;      /* who signed unknown */
    char *hashed_dir;    /* a directory in which OpenSSL finds other_ca */
    char *good;
    char *expired;
    char *wrong_host; /* good, but for elsewhere.test */
    char *unknown;    /* good, but signed by other_ca */
    char *key;        /* of all four */
} certs;

certs *certs_make(void);
void certs_free(certs *c);

#endif
