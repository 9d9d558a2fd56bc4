/* Reads the command line. */
#ifndef LOCKSYNC_SIM_OPTIONS_H
#define LOCKSYNC_SIM_OPTIONS_H

#include "accounts.h"
#include "faults.h"

#include <stddef.h>

struct credential {
    enum scheme scheme;
    const char *text;
};

/* Texts are borrowed from argv. */
struct options {
    uint16_t port;
    int64_t locks;
    struct credential *credentials;
    size_t credential_count;
    struct rules rules;
    const char *api_version;
    uint64_t seed;
    int64_t delay_us;
    double time_scale;
    int64_t change_us; /* simulated time between two changes of the roster; 0: none */
    bool frozen;
    bool gzip;
    char *tls_cert; /* the content of the file; NULL: no TLS */
    char *tls_key;
    unsigned threads;
    const char *journal; /* path; NULL: none */
    uint32_t fault_every[FAULT_NONE];
};

/* Ends the process after --help (exit status 0), and after a bad option (2, with one line on stderr). */
void options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

#endif
