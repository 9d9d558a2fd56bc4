/* The user's folders of the XDG base directory specification, and the files of an account in them. */
#ifndef CLI_FOLDERS_H
#define CLI_FOLDERS_H

#include <stdint.h>

#define FOLDERS_PATH_SIZE 4001

typedef struct folder {
    const char *variable;
    const char *below_home; /* used if the variable is not set */
    const char *purpose;    /* part of the hash, so that hashes made for another purpose do not match */
    const char *suffix;     /* of an account's file */
} folder;

/* Each writes a path, and returns NULL or a problem in words. After a problem `path` is the folder that has it. */

/* Writes the path of the folder "locksync" in this folder. */
const char *folders_find(const folder *f, char path[FOLDERS_PATH_SIZE]);

/* Writes the path of an account's file in that folder, which is made with mode 0700. `account` is what identifies it: a
   credential, or the path of a guard file. The file's name is a hash of this text and reveals nothing of it. */
const char *folders_file(const folder *f, const char *account, char path[FOLDERS_PATH_SIZE]);

/* Deletes the files of accounts in the folder of this one that were not written for so long. */
void folders_delete_old(const char *path, int64_t seconds);

#endif
