#include "names_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fills the response with the file; a limit of the library ends it. */
static const char *fill(lock_sync_response *response, int fd)
{
    lock_sync_status status;
    struct stat about;
    char block[4096];
    ssize_t got = 0;

    if (fstat(fd, &about) != 0)
        return strerror(errno);
    if (!S_ISREG(about.st_mode))
        return "it is not a regular file";
    status = lock_sync_response_set_received_at_ms(response, (int64_t)about.st_mtim.tv_sec * 1000 +
                                                                 about.st_mtim.tv_nsec / 1000000);
    while (status == LOCK_SYNC_OK && (got = read(fd, block, sizeof block)) > 0)
        status = lock_sync_response_append_body(response, block, (size_t)got);
    return got < 0 ? strerror(errno) : NULL;
}

/* Makes a response to fill from the file. A wrong setting or a damaged file is no problem: without a directory the
   service is asked. */
static lock_sync_response *begin(lock_sync_ctx *ctx, lock_sync_request **request)
{
    lock_sync_response *response = NULL;

    if (lock_sync_request_build_directory(ctx, 1, request) != LOCK_SYNC_OK ||
        lock_sync_response_new(ctx, &response) != LOCK_SYNC_OK)
        return NULL;
    return response;
}

/* Decodes the response, which may be NULL or incomplete, and frees both. */
static lock_sync_directory *end(lock_sync_ctx *ctx, lock_sync_request *request, lock_sync_response *response)
{
    lock_sync_directory *directory = NULL;
    bool decoded = response != NULL && lock_sync_response_set_status(response, 200) == LOCK_SYNC_OK &&
                   lock_sync_response_decode_directory(ctx, request, response, &directory) == LOCK_SYNC_OK;

    lock_sync_response_free(response);
    lock_sync_request_free(request);
    return decoded ? directory : NULL;
}

const char *names_file_read(lock_sync_ctx *ctx, const char *path, lock_sync_directory **directory)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC); /* a FIFO would block it */
    lock_sync_request *request = NULL;
    lock_sync_response *response;
    const char *problem = NULL;

    *directory = NULL;
    if (fd < 0 && errno == ELOOP)
        return "it is a symbolic link";
    if (fd < 0)
        return errno == ENOENT ? NULL : strerror(errno);
    response = begin(ctx, &request);
    if (response != NULL)
        problem = fill(response, fd);
    *directory = end(ctx, request, response);
    (void)close(fd);
    return problem;
}

/* Returns NULL if memory ran out. "s?" packs NULL as null, and "o" steals a reference, also on failure. */
static json_t *record_of(const lock_sync_directory *directory, const lock_sync_lock_info *info)
{
    const lock_sync_lock *lock = lock_sync_results_find(lock_sync_directory_results(directory), info->id);
    bool has_revision = (lock->fields & LOCK_SYNC_FIELD_REVISION) != 0;

    return json_pack("{s:I, s:s?, s:s?, s:o}", "id", (json_int_t)info->id, "name", info->name, "serialNumber",
                     info->serial_number, "revision", has_revision ? json_integer(lock->revision) : json_null());
}

static char *text_of(const lock_sync_directory *directory)
{
    json_t *records = json_array();
    json_t *body = json_pack("{s:o}", "result", records);
    bool complete = body != NULL;
    char *text;

    for (size_t i = 0; complete && i < lock_sync_directory_count(directory); i++)
        complete = json_array_append_new(records, record_of(directory, lock_sync_directory_at(directory, i))) == 0;
    text = complete ? json_dumps(body, JSON_INDENT(1)) : NULL;
    json_decref(body);
    return text;
}

lock_sync_directory *names_file_copy(lock_sync_ctx *ctx, const lock_sync_directory *directory)
{
    char *text = directory != NULL ? text_of(directory) : NULL;
    lock_sync_request *request = NULL;
    lock_sync_response *response = text != NULL ? begin(ctx, &request) : NULL;

    if (response != NULL) {
        (void)lock_sync_response_set_received_at_ms(response, lock_sync_directory_fetched_at_ms(directory));
        (void)lock_sync_response_append_body(response, text, strlen(text));
    }
    free(text);
    return end(ctx, request, response);
}

static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, text, size);

        if (written < 0)
            return false;
        text += written;
        size -= (size_t)written;
    }
    return true;
}

/* Writes a new file, and puts it in the place of the old one. */
static bool replace(const char *path, char *temporary, const char *text)
{
    int fd = mkostemp(temporary, O_CLOEXEC); /* with mode 0600 */
    bool written;
    int error;

    if (fd < 0)
        return false;
    written = write_all(fd, text, strlen(text));
    written = close(fd) == 0 && written && rename(temporary, path) == 0;
    error = errno;
    if (!written)
        (void)unlink(temporary);
    errno = error;
    return written;
}

const char *names_file_write(const char *path, const lock_sync_directory *directory)
{
    char *text = text_of(directory);
    char *temporary = NULL;
    const char *problem = "out of memory";

    if (text != NULL && asprintf(&temporary, "%s.XXXXXX", path) > 0) {
        problem = replace(path, temporary, text) ? NULL : strerror(errno);
        free(temporary);
    }
    free(text);
    return problem;
}
