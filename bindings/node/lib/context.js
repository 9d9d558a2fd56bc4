'use strict';
const { hasThreads, inThread, lib, register } = require('./declarations.js');
const { LockSyncError, Status, make } = require('./errors.js');
const { Guard, GuardReference } = require('./guard.js');
const { closed, disown, inCallback, notInCallback, onCollect, own, ownerOf } = require('./owners.js');
const { sharedPool } = require('./pool.js');
const { Results } = require('./records.js');
const through = require('./through.js');
const { abortable, bool, func, id, integer, small, text } = require('./values.js');

const onLog = register('lock_sync_log_fn', (key, level, line) => {
    try {
        inCallback(() => ownerOf(key)?._logger(level, line));
    } catch (error) {
        process.nextTick(() => { throw error; }); // as if a listener had thrown it
    }
});
const onToken = register('lock_sync_token_fn', (key, _pointer, isRejected) => {
    const context = ownerOf(key);
    try {
        context._provide(isRejected);
        return Status.OK;
    } catch (error) {
        context._thrown = { cause: error };
        return error instanceof LockSyncError ? error.status : Status.NO_CREDENTIAL;
    }
});

function setAccessToken(pointer, token) {
    if (token == null || typeof token === 'string')
        return lib.lock_sync_set_access_token(pointer, text(token));
    if (typeof token.token !== 'string' || !(token.expiresAt instanceof Date))
        throw new TypeError('a token must be a string or { token, expiresAt }, with a Date; it must not be a promise');
    return lib.lock_sync_set_access_token_until(pointer, text(token.token), integer(token.expiresAt.getTime()));
}

const plain = (name, convert) => (pointer, value) => lib[name](pointer, convert(value));

/** Keeps a value that C has accepted. */
function keep(context, name, value, status) {
    if (status === Status.OK)
        context[name] = value;
    return status;
}

/** The settings, each with its setter. */
const SETTINGS = {
    personalKey: plain('lock_sync_set_personal_key', text),
    accessToken: setAccessToken,
    baseUrl: plain('lock_sync_set_base_url', text),
    apiVersion: plain('lock_sync_set_api_version', text),
    connectTimeoutMs: plain('lock_sync_set_connect_timeout_ms', integer),
    timeoutMs: plain('lock_sync_set_timeout_ms', integer),
    maxIdleMs: plain('lock_sync_set_max_idle_ms', integer),
    maxResponseBytes: plain('lock_sync_set_max_response_bytes', integer),
    allowHttp: plain('lock_sync_set_allow_http', bool),
    caFile: plain('lock_sync_set_ca_file', text),
    proxy: plain('lock_sync_set_proxy', text),
    userAgent: plain('lock_sync_set_user_agent', text),
    guardMode(pointer, mode, context) {
        return keep(context, '_guardMode', small(mode), lib.lock_sync_set_guard_mode(pointer, mode));
    },
    guard(pointer, guard, context) {
        if (guard != null && !(guard instanceof Guard))
            throw new TypeError('guard must be a Guard');
        const handle = context._handle;
        const reference = guard ? guard._open().add() : new GuardReference(make(lib.lock_sync_guard_new), false);
        const status = lib.lock_sync_set_guard(pointer, reference.pointer);
        const [kept, dropped] = status === Status.OK ? [reference, handle.guard] : [handle.guard, reference];
        handle.guard = kept;
        dropped?.drop();
        return status;
    },
    tokenProvider(pointer, provider, context) {
        const status = lib.lock_sync_set_token_provider(pointer, func(provider) && onToken, context._handle.key);
        return keep(context, '_provider', provider, status);
    },
    logger(pointer, logger, context) {
        const status = lib.lock_sync_set_logger(pointer, func(logger) && onLog, context._handle.key);
        return keep(context, '_logger', logger, status);
    },
    transport(_pointer, transport, context) { // C never sees it: it may return a promise
        context._transport = func(transport);
        return Status.OK;
    },
};

function freeContext(handle) {
    for (const watch of handle.watches)
        watch.end(); // watches must not outlive the context
    lib.lock_sync_ctx_free(handle.pointer);
    handle.pointer = null;
    handle.guard?.drop();
    handle.guard = null;
    disown(handle.key);
}

/** Returns the arguments of a fetch or watch: ids may be left out. */
function idsAndOptions(ids, given) {
    const isOptions = ids !== null && typeof ids === 'object' && given === undefined && !(Symbol.iterator in ids);
    return isOptions ? [null, ids] : [ids, given ?? {}];
}

const threads = new Set(); // contexts with a call in another thread

process.on('exit', () => threads.forEach(context => context.cancel())); // Node waits for its threads

/** Settings, credential and connection of one user of the service. */
class Context {
    constructor(settings = {}) {
        const pointer = make(lib.lock_sync_ctx_new);
        const handle = { pointer, key: own(new WeakRef(this)), watches: new Set(), guard: null };
        this._handle = handle;
        this._thrown = null; // by a callback
        this._isClosed = false;
        this._isStopped = false;
        this._running = null; // aborts a fetch in a thread, or through the program's HTTP client
        this._transport = null;
        this._provider = null;
        this._logger = null;
        this._guardMode = 0;
        try {
            this.set({ guard: null, ...settings });
        } catch (error) {
            freeContext(handle);
            throw error;
        }
        onCollect(this, () => freeContext(handle));
    }

    /** Changes settings; null for a text, a function or the guard restores the default. */
    set(settings) {
        for (const [name, value] of Object.entries(settings)) {
            if (!Object.hasOwn(SETTINGS, name))
                throw new TypeError(`no setting has the name ${name}`);
            if (value !== undefined)
                this._check(SETTINGS[name](this._idle(), value, this));
        }
    }

    async fetch(ids = null, given = undefined) {
        const [wanted, all] = idsAndOptions(ids, given);
        if (this._transport)
            return this.fetchThrough(this._transport, wanted, all);
        return sharedPool().fetch(this, wanted, all);
    }

    async fetchOne(wanted, given = {}) {
        const { signal } = abortable(given);
        const one = id(wanted);
        if (this._transport)
            return (await through.fetchOneThrough(this, this._transport, one, signal))[0];
        // A pool has no such call. But callbacks wait for this thread, also when the program exits.
        if (hasThreads && !this._logger && !this._provider)
            return (await this._inThread(signal, lib.lock_sync_fetch_one, one))[0];
        const results = await sharedPool().fetch(this, [one], given);
        if (results.length === 0)
            throw new LockSyncError(Status.NOT_FOUND);
        return results[0];
    }

    async fetchDirectory(given = {}) {
        if (this._transport)
            return this.fetchDirectoryThrough(this._transport, given);
        return sharedPool().fetchDirectory(this, given);
    }

    async fetchThrough(send, ids = null, given = undefined) {
        const [wanted, all] = idsAndOptions(ids, given);
        return through.fetchThrough(this, func(send), wanted, abortable(all).signal);
    }

    async fetchDirectoryThrough(send, given = {}) {
        return through.fetchDirectoryThrough(this, func(send), abortable(given).signal);
    }

    watch(ids = null, given = undefined) {
        return sharedPool().watch(this, ...idsAndOptions(ids, given));
    }

    /** Ends the running fetch. */
    cancel() {
        this._running?.abort(new LockSyncError(Status.CANCELLED));
        lib.lock_sync_cancel(this._handle.pointer);
    }

    /** Ends the running fetch, and each that is called before resume(). A watch reports it once, and sleeps meanwhile. */
    stop() {
        this._isStopped = true;
        this._running?.abort(new LockSyncError(Status.CANCELLED));
        lib.lock_sync_set_stopped(this._handle.pointer, true);
    }

    resume() {
        this._isStopped = false;
        lib.lock_sync_set_stopped(this._handle.pointer, false);
    }

    close() {
        notInCallback();
        if (this._isClosed)
            return;
        this._isClosed = true;
        closed(this);
        this._running?.abort(new LockSyncError(Status.CANCELLED));
        if (!threads.has(this)) // otherwise the thread's end frees it
            freeContext(this._handle);
    }

    /** Makes a call that blocks in another thread, and returns its results. */
    async _inThread(signal, called, ...args) {
        const pointer = this._idle();
        const out = [null];
        const abort = () => lib.lock_sync_set_stopped(pointer, true);
        this._running = { abort };
        threads.add(this);
        signal?.addEventListener('abort', abort, { once: true });
        const status = await inThread(called, pointer, ...args, out);
        signal?.removeEventListener('abort', abort);
        threads.delete(this);
        this._running = null;
        lib.lock_sync_set_stopped(pointer, this._isStopped);
        try {
            this._check(status);
            return Results.take(out[0]);
        } catch (error) {
            throw status === Status.CANCELLED && signal?.aborted ? signal.reason : error;
        } finally {
            if (this._isClosed)
                freeContext(this._handle);
        }
    }

    /** Asks the token provider, which must not close the context. */
    _provide(isRejected) {
        inCallback(() => this._check(setAccessToken(this._handle.pointer, this._provider(isRejected))));
    }

    /** Returns the pointer for a call that needs the context idle. */
    _idle() {
        if (this._isClosed)
            throw new LockSyncError(Status.INVALID_ARGUMENT, 'the context was closed');
        if (this._running)
            throw new LockSyncError(Status.BUSY);
        return this._handle.pointer;
    }

    _check(status) {
        const thrown = this._thrown;
        this._thrown = null;
        if (status !== Status.OK)
            throw LockSyncError.of(this._handle.pointer, status, thrown);
    }
}

module.exports = { Context };
