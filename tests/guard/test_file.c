/* The guard in a file: shared by all users that open it. It never grants a slot if the file is damaged, or if
   another user can write to it. */
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_HERE(a_new_file_is_private_and_complete)
{
    struct stat about;
    mode_t old_mask = umask(0);
    lock_sync_guard *g = file_guard(20000);

    (void)umask(old_mask);
    MUST_INT(stat(here.path, &about), 0);
    CHECK_INT(about.st_mode & 07777, 0600);
    CHECK_INT(about.st_size, GUARD_FILE_SIZE);
    use_slot(g);
    CHECK_INT(folder_entries(), 1); /* no temporary file is left */
}

TEST_HERE(the_two_places_are_written_alternately)
{
    lsync_guard_stored places[2];

    use_slot(file_guard(1)); /* two decisions that change the record */
    CHECK(file_place(0, &places[0]) && file_place(1, &places[1]));
    CHECK_INT(file_stored().record.version, places[0].record.version + 1);
    CHECK_INT(file_stored().record.version, places[1].record.version);
}

TEST_HERE(two_guards_on_one_path_share)
{
    lock_sync_guard *a = file_guard(20000);
    lock_sync_guard *b = file_guard(20000);
    int64_t slot = take_slot(a, 30000);

    check_wait(b, 50000);
    CHECK_OK(lock_sync_guard_settle(b, slot, LOCK_SYNC_SLOT_SENT, -1)); /* by the other guard */
    check_wait(a, 20000);
    free_guard(a);
    check_wait(b, 20000);
    free_guard(b);
    check_wait(file_guard(20000), 20000); /* after all others were freed */
}

TEST(unusable_paths_are_rejected)
{
    char *longest = t_repeat('x', 4000);
    char *longer = t_repeat('x', 4001);
    const char *const invalid[] = {"", longer};
    const char *const unusable[] = {longest /* for the system, not for the library */, "/nonexistent-folder/guard",
                                    "/dev/null", "/"};

    for (size_t i = 0; i < COUNT_OF(invalid); i++) {
        lock_sync_guard *g = (lock_sync_guard *)(uintptr_t)8;

        CHECK_INT(lock_sync_guard_open_file(invalid[i], &g), LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK(g == NULL);
    }
    for (size_t i = 0; i < COUNT_OF(unusable); i++)
        check_no_guard(unusable[i]);
    free(longest);
    free(longer);
}

/* --- other files than a guard's --- */

typedef struct strange {
    const char *name;
    mode_t mode;         /* with the type */
    const char *target;  /* of a link */
    size_t size;         /* of a file */
    const char *why;     /* the error if it has the name of the guard's file */
    const char *why_new; /* the error if it has the name for a new file; NULL: it is replaced */
} strange;

static void put(const strange *row, const char *name)
{
    char *text = t_repeat('x', row->size);

    if (S_ISLNK(row->mode))
        MUST_INT(symlink(row->target, name), 0);
    else if (S_ISDIR(row->mode))
        MUST_INT(mkdir(name, 0700), 0);
    else if (S_ISFIFO(row->mode))
        MUST_INT(mkfifo(name, 0600), 0);
    else
        kit_write_file(name, text, row->size);
    if (S_ISREG(row->mode))
        MUST_INT(chmod(name, row->mode & 0777), 0);
    free(text);
}

/* Checks a guard in use and a new one. The file must stay unchanged. */
static void check_strange(const strange *row, bool is_new)
{
    const char *name = is_new ? here.new_path : here.path;
    char *other = kit_text("%s/other", here.dir);
    lock_sync_guard *g = file_guard(20000);
    struct stat before;
    struct stat after;

    t_row("%s%s", row->name, is_new ? ", where the file is made" : "");
    (void)file_guard_at(other, 20000);
    MUST_INT(unlink(here.path), 0);
    put(row, name);
    MUST_INT(lstat(name, &before), 0);
    check_no_slot(g, is_new ? row->why_new : row->why);
    check_no_slot(g, name);
    check_no_guard(here.path);
    CHECK(lstat(name, &after) == 0 && after.st_ino == before.st_ino && after.st_size == before.st_size);
    CHECK(stat(other, &after) == 0 && after.st_size == GUARD_FILE_SIZE);
    CHECK_INT(folder_entries(), 2);
    CHECK_INT(lock_sync_guard_settle(g, 1, LOCK_SYNC_SLOT_SENT, -1), LOCK_SYNC_E_GUARD);
    (void)remove(name);
    check_wait(g, 50000); /* created again */
    free(other);
    folder_renew();
}

TEST_HERE(a_file_that_is_not_a_guards_is_unchanged)
{
    static const strange rows[] = {
        {"an empty file", S_IFREG | 0600, NULL, 0, "empty or damaged; delete it", NULL},
        {"a short text", S_IFREG | 0600, NULL, 5, "empty or damaged", "while it is made"},
        {"a long text", S_IFREG | 0600, NULL, 5000, "empty or damaged", "while it is made"},
        {"a link to a guard's file", S_IFLNK, "other", 0, "cannot be opened", "cannot be made"},
        {"a link to nothing", S_IFLNK, "nothing", 0, "cannot be opened", "cannot be made"},
        {"a pipe", S_IFIFO, NULL, 0, "no plain file", "no plain file"},
        {"a folder", S_IFDIR, NULL, 0, "cannot be opened", "cannot be made"},
        {"a file that all can write to", S_IFREG | 0666, NULL, 0, "everybody can write", "everybody can write"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_strange(&rows[i], false);
        if (rows[i].why_new != NULL)
            check_strange(&rows[i], true);
    }
}

/* --- damage --- */

/* The other place stays complete, wherever a writer is killed. */
TEST_HERE(a_torn_write_keeps_the_record_before)
{
    lock_sync_guard *g = file_guard(HOUR_MS);
    unsigned char whole[LSYNC_GUARD_RECORD_SIZE];
    unsigned char bytes[GUARD_FILE_SIZE] = {0};
    lsync_guard_stored before;
    lsync_guard_stored stored;

    use_slot(g);
    stored = before = file_stored();
    stored.record.version++;
    stored.record.entries[LOCK_SYNC_REQUEST_SYNC].over_us += 100;
    lsync_guard_pack(&stored, whole);
    for (size_t torn = 1; torn < sizeof whole; torn++) {
        unsigned char *place = bytes + (torn % 2) * PLACE_SIZE;

        t_row("%zu bytes", torn);
        lsync_guard_pack(&before, bytes);
        lsync_guard_pack(&before, bytes + PLACE_SIZE);
        memcpy(place, whole, torn);
        if (memcmp(place, whole, sizeof whole) == 0)
            continue; /* the rest is the same */
        kit_write_file(here.path, bytes, sizeof bytes);
        CHECK_INT(lock_sync_guard_reserve(g, 0, NULL, NULL), LOCK_SYNC_E_TOO_SOON);
        CHECK_INT(sync_entry().over_us, before.record.entries[LOCK_SYNC_REQUEST_SYNC].over_us);
    }
    memset(bytes, 0, sizeof bytes);
    kit_write_file(here.path, bytes, sizeof bytes); /* both places */
    check_no_slot(g, "damaged");
}

/* --- the file's owner --- */

TEST_HERE(a_file_that_everybody_can_write_to_is_an_error)
{
    static const struct {
        mode_t mode;
        bool good;
    } rows[] = {{0600, true},  {0660, true},  {0664, true},  {0644, true},
                {0602, false}, {0666, false}, {0622, false}, {01777, false}};
    lock_sync_guard *g = file_guard(1);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%o", (unsigned)rows[i].mode);
        MUST_INT(chmod(here.path, rows[i].mode), 0);
        if (rows[i].good) {
            use_slot(g);
            pause_ms(2); /* the interval */
        } else {
            check_no_slot(g, "everybody can write");
            check_no_guard(here.path);
        }
    }
}

TEST_HERE(a_file_of_another_user_is_an_error)
{
    lock_sync_guard *g;

    t_need(geteuid() == 0, "only root can change a file's owner");
    g = file_guard(1);
    MUST_INT(chown(here.path, NOBODY, NOBODY), 0);
    check_no_slot(g, "belongs to another user");
    check_no_guard(here.path);
    MUST_INT(chown(here.path, 0, NOBODY), 0); /* the group does not matter */
    use_slot(g);
    kit_write_file(here.new_path, "", 0);
    MUST_INT(chown(here.new_path, NOBODY, NOBODY) | unlink(here.path), 0);
    check_no_slot(g, "belongs to another user");
}

TEST_HERE(a_file_of_root_can_be_shared_by_permission)
{
    t_need(geteuid() == 0, "only root can make a file of root");
    free_guard(file_guard(1));
    MUST_INT(chmod(here.dir, 0755) | chown(here.path, 0, NOBODY) | chmod(here.path, 0660), 0);
    MUST_INT(setegid(NOBODY) | seteuid(NOBODY), 0);
    use_slot(file_guard(1));
    MUST_INT(seteuid(0) | setegid(0), 0);
}
