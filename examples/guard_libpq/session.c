/* Each swap is one execution of one prepared statement; see session.h. */
#include "session.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE(code) code "\n"

// clang-format off

/* Writes the record if the stored one is expected and the time lies in the window, and otherwise returns the stored
 * one. The time is read before a wait for another transaction: what was decided for it is still right later. */
static const char swap_sql[] =
    LINE("WITH clock AS MATERIALIZED (")
    LINE("  SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now")
    LINE("), updated AS (")
    LINE("  UPDATE locksync_guards SET record = $3, expires = now() + $6::bigint * interval '1 ms'")
    LINE("    WHERE key = $1 AND record = $2 AND (SELECT now FROM clock) BETWEEN $4::bigint AND $5::bigint RETURNING 1")
    LINE("), inserted AS (")
    LINE("  INSERT INTO locksync_guards (key, record, expires)")
    LINE("    SELECT $1::bytea, $3::bytea, now() + $6::bigint * interval '1 ms' FROM clock")
    LINE("    WHERE $2 = ''::bytea AND now BETWEEN $4::bigint AND $5::bigint ON CONFLICT DO NOTHING RETURNING 1")
    LINE(")")
    LINE("SELECT now, EXISTS (SELECT FROM updated UNION ALL SELECT FROM inserted),")
    LINE("  (SELECT record FROM locksync_guards WHERE key = $1) FROM clock");

/* Returns the lineage: a replica that is promoted begins a new timeline, and may lack the last writes. A row that
 * another transaction has locked must fail one swap, before the timeout fails all. */
static const char session_sql[] =
    LINE("SELECT int8send(system_identifier) || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)::bytea,")
    LINE("  set_config('lock_timeout', '500', false),")
    LINE("  set_config('default_transaction_isolation', 'read committed', false)")
    LINE("  FROM pg_control_system()");

// clang-format on

/* Writes the first line, because libpq's messages are paragraphs. */
void session_explain(session *s, const char *why)
{
    (void)snprintf(s->why, sizeof s->why, "PostgreSQL: %.*s", (int)strcspn(why, "\n"), why);
}

static bool check(session *s, bool good)
{
    if (!good)
        session_explain(s, PQerrorMessage(s->connection));
    return good;
}

/* --- connecting --- */

int64_t session_clock_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool session_await(int fd, short events, int64_t until_us)
{
    int64_t left_us = until_us - session_clock_us();
    struct pollfd poller = {.fd = fd, .events = events};

    if (left_us > 0)
        (void)poll(&poller, 1, (int)(left_us / 1000 + 1));
    return left_us > 0;
}

static bool log_in(PGconn *connection, int64_t until_us)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    while (state == PGRES_POLLING_WRITING || state == PGRES_POLLING_READING) {
        if (!session_await(PQsocket(connection), state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_us))
            return false;
        state = PQconnectPoll(connection);
    }
    return state == PGRES_POLLING_OK;
}

/* Waits for the result of a statement that was sent; NULL: the time has come, or the connection is lost. */
static PGresult *await_result(PGconn *connection, int64_t until_us)
{
    while (PQisBusy(connection) != 0)
        if (!session_await(PQsocket(connection), POLLIN, until_us) || PQconsumeInput(connection) == 0)
            return NULL;
    return PQgetResult(connection);
}

static bool read_source(session *s, int64_t until_us)
{
    PGresult *result = await_result(s->connection, until_us);
    bool good = PQresultStatus(result) == PGRES_TUPLES_OK && PQgetlength(result, 0, 0) <= (int)sizeof s->source;

    memset(s->source, 0, sizeof s->source);
    if (good)
        memcpy(s->source, PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0));
    PQclear(result);
    return good && await_result(s->connection, until_us) == NULL; /* NULL ends the results of a statement */
}

static bool prepare(session *s, int64_t until_us)
{
    PGresult *result = await_result(s->connection, until_us);
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK;

    PQclear(result);
    return good && await_result(s->connection, until_us) == NULL;
}

bool session_connect(session *s, const char *conninfo, int64_t until_us)
{
    bool good;

    session_disconnect(s);
    s->connection = PQconnectStart(conninfo); /* it resolves the name, which may take longer */
    good = s->connection != NULL && PQstatus(s->connection) != CONNECTION_BAD && log_in(s->connection, until_us) &&
           PQsendQueryParams(s->connection, session_sql, 0, NULL, NULL, NULL, NULL, 1) != 0 &&
           read_source(s, until_us) && PQsendPrepare(s->connection, "swap", swap_sql, 0, NULL) != 0 &&
           prepare(s, until_us) && PQsetnonblocking(s->connection, 1) == 0 && PQenterPipelineMode(s->connection) != 0;
    if (good)
        s->fd = fcntl(PQsocket(s->connection), F_DUPFD_CLOEXEC, 0);
    if (!check(s, good && s->fd >= 0) && PQerrorMessage(s->connection)[0] == '\0')
        session_explain(s, "no response");
    return s->fd >= 0;
}

void session_disconnect(session *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    PQfinish(s->connection);
    s->fd = -1;
    s->connection = NULL;
    s->has_more = false;
}

/* --- swaps --- */

bool session_send(session *s, const lock_sync_guard_swap *swap)
{
    static const unsigned char any[LOCK_SYNC_GUARD_SOURCE_SIZE];
    bool is_other = memcmp(swap->expected_source, any, sizeof any) != 0 &&
                    memcmp(swap->expected_source, s->source, sizeof any) != 0;
    bool looks = swap->record_size == 0 || is_other; /* the window is empty then */
    char not_before[24], not_after[24], expires[24];
    const char *const values[] = {
        swap->key, swap->expected_size > 0 ? swap->expected : "", looks ? "" : swap->record, not_before, not_after,
        expires};
    const int sizes[] = {(int)swap->key_size, (int)swap->expected_size, looks ? 0 : (int)swap->record_size, 0, 0, 0};
    static const int is_binary[] = {1, 1, 1, 0, 0, 0};

    (void)snprintf(not_before, sizeof not_before, "%lld", looks ? 1LL : (long long)swap->not_before_us);
    (void)snprintf(not_after, sizeof not_after, "%lld", looks ? 0LL : (long long)swap->not_after_us);
    (void)snprintf(expires, sizeof expires, "%lld", (long long)swap->expires_in_ms);
    return check(s, PQsendQueryPrepared(s->connection, "swap", 6, values, sizes, is_binary, 1) != 0);
}

bool session_commit(session *s)
{
    return check(s, PQpipelineSync(s->connection) != 0);
}

bool session_flush(session *s)
{
    int rest = PQflush(s->connection);

    s->has_more = rest > 0;
    return check(s, rest >= 0);
}

bool session_read(session *s)
{
    bool good = true;

    for (int i = 0; good && i < 2; i++) /* first what the server said before it closed the connection, then the end */
        good = PQconsumeInput(s->connection) != 0;
    return check(s, good);
}

bool session_is_good(session *s)
{
    return check(s, PQstatus(s->connection) == CONNECTION_OK);
}

void session_fail(const session *s, lock_sync_guard_swap *swap, bool unknown)
{
    swap->status = LOCK_SYNC_E_GUARD;
    swap->replaced = false;
    swap->unknown = unknown && swap->record_size > 0;
    memcpy(swap->why, s->why, sizeof swap->why);
}

static void read_row(session *s, const PGresult *row, lock_sync_guard_swap *swap)
{
    const unsigned char *now = (const unsigned char *)PQgetvalue(row, 0, 0);
    int size = PQgetlength(row, 0, 2);

    memcpy(swap->source, s->source, sizeof swap->source);
    swap->status = LOCK_SYNC_OK; /* it may have been carried out before, in a transaction that was rolled back */
    swap->found_size = 0;
    swap->now_us = 0;
    for (int i = 0; i < 8; i++)
        swap->now_us = swap->now_us * 256 + now[i];
    swap->replaced = PQgetvalue(row, 0, 1)[0] != 0;
    if (swap->replaced)
        return;
    if (PQgetisnull(row, 0, 2)) {
        swap->empty_since_us = 0; /* nothing was lost, but an expired record may have been deleted */
    } else if (size == 0 || size > (int)sizeof swap->found) {
        session_explain(s, "the row has no record");
        session_fail(s, swap, false);
    } else {
        memcpy(swap->found, PQgetvalue(row, 0, 2), (size_t)size);
        swap->found_size = (size_t)size;
    }
}

session_event session_take(session *s, lock_sync_guard_swap *swap)
{
    session_event event = SESSION_NOTHING;

    while (event == SESSION_NOTHING && PQisBusy(s->connection) == 0 && session_is_good(s)) {
        PGresult *result = PQgetResult(s->connection); /* NULL after the result of each statement */
        ExecStatusType status = PQresultStatus(result);

        if (status == PGRES_PIPELINE_SYNC) {
            event = SESSION_COMMITTED;
        } else if (status == PGRES_TUPLES_OK && swap != NULL) {
            read_row(s, result, swap);
            event = SESSION_RESULT;
        } else if (result != NULL && status != PGRES_PIPELINE_ABORTED) { /* aborted: after the failure of another */
            session_explain(s, PQresultErrorMessage(result));
            event = SESSION_FAILURE;
        }
        PQclear(result);
    }
    return event;
}
