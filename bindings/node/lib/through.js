'use strict';
// Fetches through the program's HTTP client: the library builds requests, asks the guard, and decodes responses.
const { setTimeout: sleep } = require('node:timers/promises');
const { lib } = require('./declarations.js');
const { enumerations } = require('./constants.js');
const { LockSyncError, Status, check } = require('./errors.js');
const { Directory, Results } = require('./records.js');
const { idList, integer, text } = require('./values.js');

const { GuardMode, RequestKind, SlotOutcome } = enumerations();
const PAGES = 10; // of the directory
const WAIT_AGAIN_MS = 20000; // another user's request may end before its lease

/** The errors of clients that sent no byte of a request. The guard then refunds the slot. */
const NOT_SENT = {
    ENOTFOUND: Status.RESOLVE, EAI_AGAIN: Status.RESOLVE, ECONNREFUSED: Status.CONNECT, EHOSTUNREACH: Status.CONNECT,
    ENETUNREACH: Status.CONNECT, UND_ERR_CONNECT_TIMEOUT: Status.CONNECT,
};

function readRequest(request, signal) {
    const headers = {};
    for (let i = 0; i < lib.lock_sync_request_header_count(request); i++)
        headers[lib.lock_sync_request_header_name(request, i)] = lib.lock_sync_request_header_value(request, i);
    return {
        method: lib.lock_sync_request_method(request),
        url: lib.lock_sync_request_url(request),
        headers,
        timeoutMs: lib.lock_sync_request_timeout_ms(request),
        connectTimeoutMs: lib.lock_sync_request_connect_timeout_ms(request),
        signal,
    };
}

/** Reads what the client returned: { status, headers, body }, or a Response of fetch(). */
async function readReceived(received) {
    const { status, headers = {}, body = '' } = received;
    const entries = typeof headers.entries === 'function' ? [...headers.entries()] : Object.entries(headers);
    const isResponse = typeof received.arrayBuffer === 'function';
    return { status, entries, bytes: Buffer.from(isResponse ? await received.arrayBuffer() : body) };
}

function fillResponse(response, { status, entries, bytes }) {
    check(lib.lock_sync_response_set_status(response, integer(status)));
    check(lib.lock_sync_response_set_received_at_ms(response, Date.now()));
    for (const [name, value] of entries)
        if (typeof value === 'string') // node:http has lists of those that are sent more than once
            check(lib.lock_sync_response_add_header(response, text(name), value));
    return lib.lock_sync_response_append_body(response, bytes, bytes.length);
}

/** Returns a failure of the client as the library reports failures. */
function clientError(error) {
    if (error instanceof LockSyncError && error.status >= Status.CANCELLED && error.status <= Status.TOO_LARGE)
        return error;
    const status = NOT_SENT[error?.code ?? error?.cause?.code] ?? Status.NETWORK;
    return new LockSyncError(status, `the HTTP client failed: ${error?.message ?? error}`, { cause: error });
}

/** Waits for a promise, but no longer than until the signal is aborted. */
async function until(signal, promise) {
    promise.catch(() => {}); // nobody waits for it if the signal is aborted already
    signal.throwIfAborted();
    let end;
    const aborted = new Promise((_, reject) => {
        end = () => reject(signal.reason);
        signal.addEventListener('abort', end, { once: true });
    });
    return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', end));
}

/** One fetch, which may be several requests. */
class Fetch {
    constructor(context, send, controller) {
        this.context = context;
        this.send = send;
        this.controller = controller;
        this.signal = controller.signal;
        this.guard = context._handle.guard.add();
        this.endsAt = null;
    }

    make(create, ...args) {
        this.signal.throwIfAborted(); // the context may be closed
        const out = [null];
        this.context._check(create(this.context._handle.pointer, ...args, out));
        return out[0];
    }

    /** Builds a request. If the context has no credential, the token provider is asked for one. */
    build(create, args) {
        try {
            return this.make(create, ...args);
        } catch (error) {
            if (error.status !== Status.NO_CREDENTIAL || !this.context._provider)
                throw error;
            this.provide(false);
            return this.make(create, ...args);
        }
    }

    provide(isRejected) {
        try {
            this.context._provide(isRejected);
        } catch (error) {
            if (error instanceof LockSyncError)
                throw error;
            throw new LockSyncError(Status.NO_CREDENTIAL, undefined, { cause: error });
        }
    }

    startTimer(request) {
        if (this.endsAt !== null)
            return;
        const timeoutMs = lib.lock_sync_request_timeout_ms(request);
        this.endsAt = performance.now() + timeoutMs;
        this.timer = setTimeout(() => this.controller.abort(new LockSyncError(Status.TIMEOUT)), timeoutMs);
    }

    leftMs() {
        return Math.max(1, Math.ceil(this.endsAt - performance.now()));
    }

    /** Returns a slot of the guard, or null if the mode is OFF. */
    async reserve(kind) {
        const mode = this.context._guardMode;
        while (mode !== GuardMode.OFF) {
            const { slot, waitMs } = await this.guard.reserve(kind, this.leftMs());
            if (slot !== null)
                return slot;
            if (mode !== GuardMode.WAIT || waitMs > this.leftMs())
                throw new LockSyncError(Status.TOO_SOON, undefined, { retryAfterMs: waitMs });
            await until(this.signal, sleep(Math.min(waitMs, WAIT_AGAIN_MS), null, { signal: this.signal }));
        }
        return null;
    }

    /** Sends a request in a slot, and decodes the response. */
    async exchange(request, kind, decode) {
        this.startTimer(request);
        const slot = await this.reserve(kind);
        let outcome = SlotOutcome.NOT_SENT;
        let retryAfterMs = null;
        try {
            this.signal.throwIfAborted();
            outcome = SlotOutcome.SENT;
            return this.decode(request, await this.transfer(request), decode);
        } catch (error) {
            if ([Status.RESOLVE, Status.CONNECT, Status.TLS].includes(error?.status))
                outcome = SlotOutcome.NOT_SENT;
            if (error?.status === Status.RATE_LIMITED)
                [outcome, retryAfterMs] = [SlotOutcome.LIMITED, error.retryAfterMs];
            throw error;
        } finally {
            if (slot !== null)
                await this.guard.settle(slot, outcome, retryAfterMs).catch(() => {}); // the guard keeps the outcome
        }
    }

    async transfer(request) {
        try {
            const sent = Promise.resolve(this.send(readRequest(request, this.signal))).then(readReceived);
            return await until(this.signal, sent);
        } catch (error) {
            throw this.signal.aborted ? this.signal.reason : clientError(error);
        }
    }

    decode(request, received, decode) {
        const response = this.make(lib.lock_sync_response_new);
        try {
            fillResponse(response, received); // decoding reports a body that is too large
            return this.make(decode, request, response);
        } finally {
            lib.lock_sync_response_free(response);
        }
    }

    /** Builds and sends a request. After a 401 it is retried with a new credential of the token provider. */
    async run(create, args, kind, decode) {
        let request = this.build(create, args);
        try {
            return await this.exchange(request, kind, decode);
        } catch (error) {
            if (error?.status !== Status.UNAUTHORIZED || !this.context._provider)
                throw error;
            this.provide(true);
            lib.lock_sync_request_free(request);
            request = null;
            request = this.make(create, ...args);
            return await this.exchange(request, RequestKind.OTHER, decode);
        } finally {
            lib.lock_sync_request_free(request);
        }
    }

    end() {
        clearTimeout(this.timer);
        this.guard.drop();
    }
}

/** Runs a fetch that a signal, cancel(), close() or the timeout ends. */
async function run(context, send, signal, action) {
    if (typeof send !== 'function')
        throw new TypeError('the HTTP client must be a function');
    context._idle();
    if (context._isStopped)
        throw new LockSyncError(Status.CANCELLED);
    const controller = new AbortController();
    const abort = () => controller.abort(signal.reason);
    const fetch = new Fetch(context, send, controller);
    context._running = controller;
    signal?.addEventListener('abort', abort, { once: true });
    try {
        return await action(fetch);
    } finally {
        context._running = null;
        signal?.removeEventListener('abort', abort);
        fetch.end();
    }
}

async function fetchThrough(context, send, ids, signal) {
    const list = idList(ids);
    return run(context, send, signal, async fetch => Results.take(
        await fetch.run(lib.lock_sync_request_build, list, RequestKind.SYNC, lib.lock_sync_response_decode)));
}

async function fetchOneThrough(context, send, id, signal) {
    return run(context, send, signal, async fetch => Results.take(
        await fetch.run(lib.lock_sync_request_build_one, [id], RequestKind.SYNC, lib.lock_sync_response_decode)));
}

async function fetchDirectoryThrough(context, send, signal) {
    return run(context, send, signal, async fetch => {
        const pages = [];
        for (let page = 1; page === 1 || pages.at(-1).hasMore; page++) {
            if (page > PAGES)
                throw new LockSyncError(Status.TOO_LARGE, `the directory has more than ${PAGES} pages`);
            const kind = page === 1 ? RequestKind.DIRECTORY : RequestKind.OTHER;
            pages.push(Directory.take(await fetch.run(lib.lock_sync_request_build_directory, [page], kind,
                                                      lib.lock_sync_response_decode_directory)));
        }
        return Directory.join(pages);
    });
}

module.exports = { fetchThrough, fetchOneThrough, fetchDirectoryThrough };
