/* The certificates of a whole test program. Its set-up makes them, and its tear-down removes them. */
#ifndef KIT_PEMS_H
#define KIT_PEMS_H

#include "certs.h"

extern certs *pems;

int pems_make(void **user);
int pems_free(void **user);

#endif
