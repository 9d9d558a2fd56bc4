#include "exec.h"

#include "kinds.h"
#include "names.h"
#include "report.h"
#include "sanitize.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 10 /* how often it looks whether the command has ended */
#define ADDED_MAX 13

/* --- the environment --- */

typedef struct environment {
    char **at; /* ends with NULL */
    size_t count;
    bool complete; /* memory did not run out */
} environment;

/* Sets a variable of this name, or with a value of NULL removes it. */
static void set(environment *e, const char *name, const char *value)
{
    size_t length = strlen(name);
    size_t i = 0;
    char *text = NULL;

    if (!e->complete)
        return;
    while (i < e->count && (strncmp(e->at[i], name, length) != 0 || e->at[i][length] != '='))
        i++;
    if (value != NULL && asprintf(&text, "%s=%s", name, value) < 0) {
        e->complete = false;
        return;
    }
    if (i < e->count) {
        free(e->at[i]);
        e->at[i] = e->at[--e->count];
        e->at[e->count] = NULL;
    }
    if (text != NULL)
        e->at[e->count++] = text;
}

static void free_environment(environment *e)
{
    for (size_t i = 0; i < e->count; i++)
        free(e->at[i]);
    free(e->at);
}

/* Copies the environment of this process without the credential. */
static environment copy_environment(void)
{
    environment e = {.count = 0};
    size_t count = 0;

    while (environ[count] != NULL)
        count++;
    e.at = calloc(count + ADDED_MAX + 1, sizeof *e.at);
    e.complete = e.at != NULL;
    while (e.complete && e.count < count) {
        char *copy = strdup(environ[e.count]);

        e.complete = copy != NULL;
        if (e.complete)
            e.at[e.count++] = copy;
    }
    set(&e, "LOCKSYNC_PERSONAL_KEY", NULL);
    set(&e, "LOCKSYNC_ACCESS_TOKEN", NULL);
    return e;
}

static const char *word(lock_sync_tristate value)
{
    return value == LOCK_SYNC_UNKNOWN ? "unknown" : value == LOCK_SYNC_YES ? "yes" : "no";
}

static const char *word_if(const lock_sync_lock *lock, uint32_t field, bool value)
{
    return word(lock == NULL || (lock->fields & field) == 0 ? LOCK_SYNC_UNKNOWN : value);
}

static void set_kinds(environment *e, uint32_t bits)
{
    char text[128] = "";
    size_t used = 0;

    for (size_t i = 0; i < KINDS_COUNT; i++)
        if ((bits & kinds[i].bit) != 0)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used > 0 ? " " : "", kinds[i].name);
    set(e, "LOCKSYNC_KINDS", text);
}

/* Sets which lock it is. An unknown value is "unknown", but an unknown name is the id, so that messages have a name. */
static void set_identity(environment *e, int64_t id, const lock_sync_lock_info *info)
{
    char number[24];
    char name[NAMES_TEXT_SIZE];
    char serial[NAMES_TEXT_SIZE];

    (void)snprintf(number, sizeof number, "%" PRId64, id);
    names_text(info, name);
    (void)snprintf(serial, sizeof serial, "%s",
                   info != NULL && info->serial_number != NULL ? info->serial_number : "unknown");
    sanitize(serial);
    set(e, "LOCKSYNC_ID", number);
    set(e, "LOCKSYNC_NAME", *name != '\0' ? name : number);
    set(e, "LOCKSYNC_SERIAL_NUMBER", serial);
}

static void set_states(environment *e, const lock_sync_lock *before, const lock_sync_lock *after)
{
    char battery[16] = "unknown";

    if (after != NULL && (after->fields & LOCK_SYNC_FIELD_BATTERY_LEVEL) != 0)
        (void)snprintf(battery, sizeof battery, "%" PRId32, after->battery_level);
    set(e, "LOCKSYNC_STATE", lock_sync_lock_state_text(after));
    set(e, "LOCKSYNC_STATE_BEFORE", lock_sync_lock_state_text(before));
    set(e, "LOCKSYNC_LOCKED", word(lock_sync_lock_is_locked(after)));
    set(e, "LOCKSYNC_JAMMED", word(lock_sync_lock_is_jammed(after)));
    set(e, "LOCKSYNC_DOOR", lock_sync_lock_door_text(after));
    set(e, "LOCKSYNC_DOOR_BEFORE", lock_sync_lock_door_text(before));
    set(e, "LOCKSYNC_BATTERY", battery);
    set(e, "LOCKSYNC_CHARGING", word_if(after, LOCK_SYNC_FIELD_CHARGING, lock_sync_lock_is_charging(after)));
    set(e, "LOCKSYNC_CONNECTED", word_if(after, LOCK_SYNC_FIELD_CONNECTED, lock_sync_lock_is_connected(after)));
}

/* --- the command --- */

/* Starts it in a process group of its own, so that a signal reaches all of it exactly once. Returns 0 or an error. */
static int start(char *command, const environment *e, pid_t *child)
{
    char shell[] = "sh";
    char option[] = "-c";
    char *words[] = {shell, option, command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int error;

    /* a parent may have left it ignored: the status of a child would be lost */
    (void)signal(SIGCHLD, SIG_DFL);
    sigemptyset(&none);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn(child, "/bin/sh", &actions, &attributes, words, e->at);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Waits for its end. A signal that ends locksync ends the command too, even if it is stopped. A command that stops
   again is continued, because nobody else would. */
static int wait_for(pid_t child, int64_t id)
{
    int status = 0;
    int flags = WNOHANG | WUNTRACED;
    bool is_reported = false;
    pid_t changed;

    while ((changed = waitpid(child, &status, flags)) == 0 || (changed < 0 && errno == EINTR) ||
           (changed == child && WIFSTOPPED(status))) {
        if (changed == child && !is_reported)
            (void)report(EXIT_DONE, "the command for lock %" PRId64 " is stopped: polling waits until it continues",
                         id);
        is_reported = is_reported || changed == child;
        if (!signals_sleep(LOOK_MS)) {
            (void)kill(-child, signals_caught());
            (void)kill(-child, SIGCONT);
            flags = WUNTRACED;
            is_reported = true;
        }
    }
    return status;
}

static void run(char *command, const environment *e, int64_t id)
{
    pid_t child;
    int error = start(command, e, &child);
    int status = error == 0 ? wait_for(child, id) : 0;

    if (error != 0)
        (void)report(EXIT_DONE, "the command for lock %" PRId64 " could not be started: %s", id, strerror(error));
    else if (signals_caught() != 0)
        return;
    else if (WIFSIGNALED(status))
        (void)report(EXIT_DONE, "the command for lock %" PRId64 " was ended by signal %d (%s)", id, WTERMSIG(status),
                     strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        (void)report(EXIT_DONE, "the command for lock %" PRId64 " failed with status %d", id, WEXITSTATUS(status));
}

bool exec_changes(char *command, const lock_sync_changes *changes)
{
    environment e = copy_environment();

    for (size_t i = 0; e.complete && signals_caught() == 0 && i < lock_sync_changes_count(changes); i++) {
        const lock_sync_change *change = lock_sync_changes_at(changes, i);
        int64_t id = (change->after != NULL ? change->after : change->before)->id;

        set_kinds(&e, change->kinds);
        set_identity(&e, id, change->info);
        set_states(&e, change->before, change->after);
        if (e.complete)
            run(command, &e, id);
    }
    free_environment(&e);
    return e.complete;
}
