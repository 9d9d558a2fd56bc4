'use strict';
// libgetlock-sync for Node, through koffi: the state of a user's smart locks.
//
//     const context = new Context({ personalKey: key });
//     for (const lock of await context.fetch()) console.log(lock.id, lock.isLocked);
//     context.close();
//
// No function blocks the event loop. Times are Dates, durations are milliseconds. An unknown value is null, so
// `isLocked` is true, false or null. A number without a name in this version is kept. Failures reject with a
// LockSyncError.
const koffi = require('koffi');
const { inspect, promisify } = require('node:util');
const { lib, constants, enumeration } = require('./declarations.js');

const Status = Object.freeze({ OK: constants.LOCK_SYNC_OK, ...enumeration('LOCK_SYNC_E_') });
const State = enumeration('LOCK_SYNC_STATE_');
const Door = enumeration('LOCK_SYNC_DOOR_');
const GuardMode = enumeration('LOCK_SYNC_GUARD_');
const LogLevel = enumeration('LOCK_SYNC_LOG_');
const Device = enumeration('LOCK_SYNC_DEVICE_');
const Access = enumeration('LOCK_SYNC_ACCESS_');
const ChangeKind = enumeration('LOCK_SYNC_CHANGE_');
const Field = enumeration('LOCK_SYNC_FIELD_');

class LockSyncError extends Error {
    /** Why a call failed: `status` is the kind, `code` its name. Values that do not apply are null. */
    constructor(status, message, detail = {}) {
        super(message || lib.lock_sync_status_message(status), detail.cause && { cause: detail.cause });
        this.name = 'LockSyncError';
        this.status = status;
        this.code = lib.lock_sync_status_name(status);
        this.isRetryable = lib.lock_sync_status_is_retryable(status);
        this.httpStatus = detail.httpStatus || null;
        this.retryAfterMs = detail.retryAfterMs >= 0 ? detail.retryAfterMs : null;
        this.correlationId = detail.correlationId || null;
        this.apiMessages = detail.apiMessages || [];
        this.byteOffset = detail.byteOffset >= 0 ? detail.byteOffset : null;
    }

    static of(context, status, cause) {
        const error = lib.lock_sync_last_error(context);
        if (lib.lock_sync_error_status(error) !== status) // a call that failed with BUSY leaves no detail
            return new LockSyncError(status);
        return new LockSyncError(status, lib.lock_sync_error_message(error), {
            cause,
            httpStatus: lib.lock_sync_error_http_status(error),
            retryAfterMs: lib.lock_sync_error_retry_after_ms(error),
            correlationId: lib.lock_sync_error_correlation_id(error),
            apiMessages: each(lib.lock_sync_error_api_message_at, error, lib.lock_sync_error_api_message_count(error)),
            byteOffset: lib.lock_sync_error_byte_offset(error),
        });
    }
}

// --- values to C and from C; checked, because C would truncate them ---

function text(value) {
    if (value != null && (typeof value !== 'string' || value.includes('\0')))
        throw new TypeError('not a string, or it contains NUL');
    return value ?? null;
}

function integer(value) {
    if (!Number.isSafeInteger(value))
        throw new RangeError(`not an integer: ${inspect(value)}`);
    return value;
}

function small(value) {
    if (integer(value) < 0 || value > 0x7fffffff)
        throw new RangeError(`out of range: ${value}`);
    return value;
}

/** Returns a list of ids and its length for C; null or undefined means all locks. */
function idList(ids) {
    if (ids == null)
        return [null, 0];
    if (ids.length === 0)
        throw new RangeError('the list of ids is empty; pass null for all locks');
    return [ids.map(id => (typeof id === 'bigint' && id === BigInt.asIntN(64, id) ? id : integer(id))), ids.length];
}

function each(at, handle, count) {
    return Array.from({ length: count }, (_, i) => at(handle, i));
}

function check(status) {
    if (status !== Status.OK)
        throw new LockSyncError(status);
}

function make(create, ...args) {
    const out = [null];
    check(create(...args, out));
    return out[0];
}

const booleanOf = tristate => [false, true, null][tristate];

function lockOf(pointer) {
    const record = koffi.decode(pointer, 'lock_sync_lock');
    const sent = (field, value) => (record.fields & field ? value : null);
    return {
        id: record.id,
        revision: sent(Field.REVISION, record.revision),
        state: sent(Field.STATE, record.state),
        stateName: lib.lock_sync_lock_state_text(pointer),
        doorState: sent(Field.DOOR_STATE, record.door_state),
        doorStateName: lib.lock_sync_lock_door_text(pointer),
        batteryLevel: sent(Field.BATTERY_LEVEL, record.battery_level), // percent
        stateChangeResult: sent(Field.STATE_CHANGE_RESULT, record.state_change_result), // 0 success, 1 jammed
        lastStateChanged: sent(Field.LAST_STATE_CHANGED, new Date(record.last_state_changed_ms)),
        isConnected: sent(Field.CONNECTED, record.is_connected),
        isCharging: sent(Field.CHARGING, record.is_charging),
        isLocked: booleanOf(lib.lock_sync_lock_is_locked(pointer)),
        isJammed: booleanOf(lib.lock_sync_lock_is_jammed(pointer)),
    };
}

/** Returns a fetch's results: an array of locks in the service's order, with `missing`, `fetchedAt`, `isCached`. */
function readResults(results) {
    const locks = each(lib.lock_sync_results_at, results, lib.lock_sync_results_count(results)).map(lockOf);
    return Object.assign(locks, {
        missing: each(lib.lock_sync_results_missing_at, results, lib.lock_sync_results_missing_count(results)),
        fetchedAt: new Date(lib.lock_sync_results_fetched_at_ms(results)),
        isCached: lib.lock_sync_results_is_cached(results),
    });
}

function takeResults(results) {
    try {
        return readResults(results);
    } finally {
        lib.lock_sync_results_free(results);
    }
}

function infoOf(pointer) {
    const info = koffi.decode(pointer, 'lock_sync_lock_info');
    return {
        id: info.id, name: info.name, serialNumber: info.serial_number, timeZone: info.time_zone,
        bridgeId: info.bridge_id || null, organizationId: info.organization_id || null,
        type: info.type || null, // Device
        accessLevel: info.access_level >= 0 ? info.access_level : null, // Access
    };
}

/** Returns an array with the name, serial number and more of each lock. Its `results` are their states. */
function takeDirectory(directory) {
    try {
        const infos = each(lib.lock_sync_directory_at, directory, lib.lock_sync_directory_count(directory)).map(infoOf);
        return Object.assign(infos, { results: readResults(lib.lock_sync_directory_results(directory)) });
    } finally {
        lib.lock_sync_directory_free(directory);
    }
}

/** Returns an array with one object for each changed lock: `kinds` (ChangeKind bits), the lock `before` (null: added)
 *  and `after` (null: removed). The array's `results` are all locks after the changes. Draw a display from these, never
 *  from changes alone. */
function readChanges(watch, changes) {
    const list = each(lib.lock_sync_changes_at, changes, lib.lock_sync_changes_count(changes)).map(change => {
        const [before, after] = [lib.lock_sync_change_before(change), lib.lock_sync_change_after(change)];
        return {
            kinds: lib.lock_sync_change_kinds(change),
            before: before && lockOf(before),
            after: after && lockOf(after),
        };
    });
    return Object.assign(list, { results: readResults(lib.lock_sync_watch_results(watch)) });
}

function readRequest(request) {
    const headers = {};
    for (let i = 0; i < lib.lock_sync_request_header_count(request); i++)
        headers[lib.lock_sync_request_header_name(request, i)] = lib.lock_sync_request_header_value(request, i);
    return {
        method: lib.lock_sync_request_method(request),
        url: lib.lock_sync_request_url(request),
        headers,
        timeoutMs: lib.lock_sync_request_timeout_ms(request),
    };
}

function fillResponse(response, { status, headers = {}, body = '' }) {
    const bytes = Buffer.from(body);
    check(lib.lock_sync_response_set_status(response, integer(status)));
    for (const [name, value] of Object.entries(headers))
        check(lib.lock_sync_response_add_header(response, text(name), text(value)));
    check(lib.lock_sync_response_append_body(response, bytes, bytes.length));
}

// --- callbacks: one of each kind, because koffi allows only a few thousand; a number identifies the owner ---

const owners = new Map();
let lastKey = 0n;

function own(owner) {
    owners.set(++lastKey, owner);
    return lastKey;
}

function callback(type, action) {
    return koffi.register((user, ...args) => action(owners.get(user), ...args), type);
}

/** Runs the action of a callback. An exception becomes a status, and the cause of the error that follows. */
function guarded(context, failure, action) {
    try {
        action();
        return Status.OK;
    } catch (error) {
        context._thrown = error;
        return error instanceof LockSyncError ? error.status : failure;
    }
}

const onLog = callback('lock_sync_log_fn', (context, level, line) => {
    try {
        context._logger(level, line);
    } catch (error) {
        process.nextTick(() => { throw error; }); // as if a listener had thrown it
    }
});
const onToken = callback('lock_sync_token_fn', (context, _ctx, isRejected) => guarded(
    context, Status.NO_CREDENTIAL,
    () => context._check(setAccessToken(context._pointer, context._provider(isRejected)))));
const onPerform = callback('lock_sync_transport_perform_function *', (context, request, response) => guarded(
    context, Status.NETWORK, () => fillResponse(response, context._transport(readRequest(request)))));
const onDone = callback('lock_sync_done_fn', (fetch, _ctx, status, results) => fetch.end(status, results));
const onChange = callback('lock_sync_watch_fn',
                          (owner, watch, status, changes) => owner.notify(status, watch, changes));

// --- settings, each with its setter, which is called with the context's pointer ---

function setAccessToken(pointer, token) {
    if (token === null || typeof token === 'string')
        return lib.lock_sync_set_access_token(pointer, text(token));
    return lib.lock_sync_set_access_token_until(pointer, text(token.token), integer(token.expiresAt.getTime()));
}

const plain = (name, convert) => (pointer, value) => lib['lock_sync_set_' + name](pointer, convert(value));

const SETTINGS = {
    personalKey: plain('personal_key', text),
    accessToken: setAccessToken, // the token, or { token, expiresAt }
    baseUrl: plain('base_url', text),
    apiVersion: plain('api_version', text),
    connectTimeoutMs: plain('connect_timeout_ms', integer),
    timeoutMs: plain('timeout_ms', integer),
    maxIdleMs: plain('max_idle_ms', integer),
    maxResponseBytes: plain('max_response_bytes', integer),
    allowHttp: plain('allow_http', allow => allow),
    caFile: plain('ca_file', text),
    proxy: plain('proxy', text),
    userAgent: plain('user_agent', text),
    guard: plain('guard', guard => guard && guard._pointer),
    guardMode: plain('guard_mode', small),
    /** Called with whether the service rejected the current credential; returns a value for accessToken. */
    tokenProvider(pointer, provider, context) {
        context._provider = provider;
        return lib.lock_sync_set_token_provider(pointer, provider && onToken, context._key);
    },
    /** Called with a LogLevel and a line. */
    logger(pointer, logger, context) {
        context._logger = logger;
        return lib.lock_sync_set_logger(pointer, logger && onLog, context._key);
    },
    /** Called with { method, url, headers, timeoutMs }; returns { status, headers, body }, or throws a LockSyncError
     *  with a network status. It must not return a promise; fetchThrough() accepts one. */
    transport(pointer, transport, context) {
        const size = koffi.sizeof('lock_sync_transport');
        context._transport = transport;
        return lib.lock_sync_set_transport(pointer, transport && {
            struct_size: size, user: context._key, perform: onPerform, cancel: null, destroy: null,
        });
    },
};

/** Keeps all its contexts within the service's limits: in memory, or in a file for several processes. */
class Guard {
    constructor({ path = null, minIntervalMs = 20000, budget = 700, unused = 100 } = {}) {
        this._pointer = path === null ? make(lib.lock_sync_guard_new) : make(lib.lock_sync_guard_open_file, text(path));
        try {
            check(lib.lock_sync_guard_set_min_interval_ms(this._pointer, integer(minIntervalMs)));
            check(lib.lock_sync_guard_set_hourly_budget(this._pointer, small(budget), small(unused)));
        } catch (error) {
            this.close();
            throw error;
        }
    }

    /** Contexts that use the guard keep it. */
    close() {
        lib.lock_sync_guard_unref(this._pointer);
        this._pointer = null;
    }
}

/** Settings, credential and connection of one user of the service. */
class Context {
    constructor(settings = {}) {
        this._pointer = make(lib.lock_sync_ctx_new);
        this._key = own(this);
        this._thrown = null; // by a callback
        this._fetching = false; // in a worker
        this._watches = new Set(); // functions that each end a watch
        try {
            this.set(settings);
        } catch (error) {
            this.close();
            throw error;
        }
    }

    /** Changes settings; null for a text, a function or the guard restores the default. */
    set(settings) {
        for (const [name, value] of Object.entries(settings)) {
            if (!Object.hasOwn(SETTINGS, name))
                throw new TypeError(`no setting has the name ${name}`);
            this._check(SETTINGS[name](this._idle(), value, this));
        }
    }

    /** Returns the state of these locks, or (null) of all the account's locks. It waits in one of 4 worker threads. */
    async fetch(ids = null) {
        return takeResults(await this._inWorker(lib.lock_sync_fetch, ...idList(ids)));
    }

    async fetchOne(id) {
        return takeResults(await this._inWorker(lib.lock_sync_fetch_one, idList([id])[0][0]))[0];
    }

    /** Returns the names and serial numbers of all the account's locks, with their states. */
    async fetchDirectory() {
        return takeDirectory(await this._inWorker(lib.lock_sync_fetch_directory));
    }

    /** Like fetch(), but through the program's HTTP client: `send` has the argument of a transport, and returns a
     *  promise of a transport's result. It does not use the guard. */
    async fetchThrough(send, ids = null) {
        const request = this._make(lib.lock_sync_request_build, ...idList(ids));
        let response = null;
        try {
            const received = await send(readRequest(request));
            response = this._make(lib.lock_sync_response_new);
            fillResponse(response, received);
            return takeResults(this._make(lib.lock_sync_response_decode, request, response));
        } finally {
            lib.lock_sync_response_free(response);
            lib.lock_sync_request_free(request);
        }
    }

    /** Ends the running fetch. */
    cancel() {
        lib.lock_sync_cancel(this._pointer);
    }

    close() {
        const pointer = this._idle();
        for (const end of this._watches)
            end(); // watches must not outlive the context
        lib.lock_sync_ctx_free(pointer);
        this._pointer = null;
        owners.delete(this._key);
    }

    async _inWorker(fetch, ...args) {
        const out = [null];
        const pointer = this._idle();
        this._fetching = true;
        const status = await promisify(fetch.async)(pointer, ...args, out).finally(() => { this._fetching = false; });
        this._check(status);
        return out[0];
    }

    _make(create, ...args) {
        const out = [null];
        this._check(create(this._idle(), ...args, out));
        return out[0];
    }

    _idle() {
        if (this._fetching)
            throw new LockSyncError(Status.BUSY);
        return this._pointer;
    }

    _check(status) {
        const cause = this._thrown;
        this._thrown = null;
        if (status !== Status.OK)
            throw LockSyncError.of(this._pointer, status, cause);
    }
}

/** Fetches and watches for many contexts at once, in the event loop, on few connections. */
class Pool {
    constructor() {
        this._pointer = make(lib.lock_sync_pool_new);
        this._descriptor = koffi.node.poll(lib.lock_sync_pool_fd(this._pointer), () => this._dispatch());
        this._keepAlive();
    }

    /** Like Context.fetch(), for a context without its own transport. Context.cancel() ends it. */
    fetch(context, ids = null) {
        return new Promise((resolve, reject) => {
            const key = own({
                end: (status, results) => {
                    owners.delete(key);
                    try {
                        context._check(status);
                        resolve(takeResults(results));
                    } catch (error) {
                        reject(error);
                    }
                },
            });
            try {
                const pointer = context._idle();
                context._check(lib.lock_sync_pool_submit(this._pointer, pointer, ...idList(ids), onDone, key));
                this._keepAlive();
            } catch (error) {
                owners.delete(key);
                reject(error);
            }
        });
    }

    /** Yields changes, for `for await`. The first report all locks as added. An exception ends it. */
    async *watch(context, ids = null, { intervalMs = 20000 } = {}) {
        const outcomes = [];
        let wake = () => {};
        const notify = (status, watch, changes) => {
            try {
                context._check(status);
                outcomes.push({ changes: readChanges(watch, changes) });
            } catch (error) {
                outcomes.push({ error });
            }
            wake();
        };
        const list = idList(ids);
        const key = own({ notify });
        const watch = context._make((pointer, out) => lib.lock_sync_watch_new(pointer, ...list, out));
        const end = () => {
            if (!context._watches.delete(end))
                return;
            lib.lock_sync_watch_free(watch);
            owners.delete(key);
            this._keepAlive();
            notify(Status.CANCELLED, null, null);
        };
        context._watches.add(end);
        try {
            check(lib.lock_sync_watch_set_interval_ms(watch, integer(intervalMs)));
            context._check(lib.lock_sync_pool_watch(this._pointer, watch, onChange, key));
            this._keepAlive();
            for (;;) {
                for (const { changes, error } of outcomes.splice(0)) {
                    if (error)
                        throw error;
                    yield changes;
                }
                await new Promise(resolve => { wake = resolve; });
            }
        } finally {
            end();
        }
    }

    /** Ends running fetches with Status.CANCELLED. */
    close() {
        this._descriptor?.close();
        this._descriptor = null;
        lib.lock_sync_pool_free(this._pointer);
        this._pointer = null;
    }

    _dispatch() {
        lib.lock_sync_pool_dispatch(this._pointer);
        this._keepAlive();
    }

    /** Lets the program end if no fetch or watch is pending. */
    _keepAlive() {
        if (lib.lock_sync_pool_pending(this._pointer) > 0)
            this._descriptor?.ref();
        else
            this._descriptor?.unref();
    }
}

const version = () => lib.lock_sync_version();

module.exports = {
    Access, ChangeKind, Context, Device, Door, Guard, GuardMode, LockSyncError, LogLevel, Pool, State, Status, version,
};
