/* The certificates of a whole test program; see pems.h. */
#include "pems.h"

certs *pems;

int pems_make(void **user)
{
    (void)user;
    pems = certs_make();
    return 0;
}

int pems_free(void **user)
{
    (void)user;
    certs_free(pems);
    return 0;
}
