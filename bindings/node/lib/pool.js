'use strict';
const { lib, register } = require('./declarations.js');
const { LockSyncError, Status, check, make } = require('./errors.js');
const { closed, disown, notInCallback, onCollect, own, ownerOf } = require('./owners.js');
const { Poller } = require('./poller.js');
const { Directory, Results } = require('./records.js');
const { abortable, idList, options, small } = require('./values.js');
const { Watch } = require('./watch.js');

const onResults = register('lock_sync_done_fn', (key, _pointer, ...end) => ownerOf(key).end(...end));
const onDirectory = register('lock_sync_directory_fn', (key, _pointer, ...end) => ownerOf(key).end(...end));

/** Lets the program end if no fetch or watch is pending. */
function keepAlive({ pointer, poller, fetches }) {
    if (lib.lock_sync_pool_pending(pointer) > 0)
        poller?.ref(fetches > 0);
    else
        poller?.unref();
}

function freePool(handle) {
    handle.poller?.close();
    handle.poller = null;
    handle.isClosing = true;
    lib.lock_sync_pool_free(handle.pointer);
    handle.pointer = null;
}

/** Fetches and watches for many contexts at once, in the event loop, on few connections. */
class Pool {
    constructor(given = {}) {
        const all = options(given, { maxConnections: null, maxConnectionsPerOrigin: null, maxActive: null });
        const handle = { pointer: make(lib.lock_sync_pool_new), poller: null, fetches: 0, isClosing: false };
        this._handle = handle;
        try {
            const { maxConnections: total = null, maxConnectionsPerOrigin: each = null, maxActive } = all;
            if (total !== null || each !== null)
                check(lib.lock_sync_pool_set_max_connections(
                    handle.pointer, small(each ?? Math.min(total, 64)), small(total ?? Math.max(each, 256))));
            if (maxActive !== null)
                check(lib.lock_sync_pool_set_max_active(handle.pointer, small(maxActive)));
            handle.poller = new Poller(lib.lock_sync_pool_fd(handle.pointer), () => {
                lib.lock_sync_pool_dispatch(handle.pointer);
                keepAlive(handle);
            });
        } catch (error) {
            freePool(handle);
            throw error;
        }
        keepAlive(handle);
        onCollect(this, () => freePool(handle));
    }

    /** How many fetches and watches are pending. */
    get pending() {
        return Number(lib.lock_sync_pool_pending(this._handle.pointer));
    }

    /** Like Context.fetch(), for a context without its own transport. */
    async fetch(context, ids = null, given = {}) {
        const { signal } = abortable(given);
        const list = idList(ids);
        return Results.take(await this._submit(context, signal, (pointer, key) =>
            lib.lock_sync_pool_submit(this._handle.pointer, pointer, ...list, onResults, key)));
    }

    async fetchDirectory(context, given = {}) {
        const { signal } = abortable(given);
        return Directory.take(await this._submit(context, signal, (pointer, key) =>
            lib.lock_sync_pool_submit_directory(this._handle.pointer, pointer, onDirectory, key)));
    }

    /** Returns a Watch, for `for await`. */
    watch(context, ids = null, given = {}) {
        usable(context);
        return new Watch(this, context, ids, given, () => keepAlive(this._handle));
    }

    /** Ends running fetches and watches with Status.CANCELLED. */
    close() {
        notInCallback();
        if (this._handle.pointer === null)
            return;
        closed(this);
        freePool(this._handle);
    }

    _submit(context, signal, submit) {
        const pointer = usable(context);
        return new Promise((resolve, reject) => {
            const abort = () => context.cancel();
            // The owner lives until its end, and with it what the fetch needs: pool and context.
            const key = own({
                end: (status, result) => {
                    disown(key);
                    this._handle.fetches--;
                    signal?.removeEventListener('abort', abort);
                    try {
                        context._check(status);
                        resolve(result);
                    } catch (error) {
                        reject(status === Status.CANCELLED && signal?.aborted ? signal.reason : error);
                    }
                },
            });
            try {
                context._check(submit(pointer, key));
            } catch (error) {
                disown(key);
                throw error;
            }
            signal?.addEventListener('abort', abort, { once: true });
            this._handle.fetches++;
            keepAlive(this._handle);
        });
    }
}

/** Returns the pointer of a context that a pool can use. */
function usable(context) {
    if (context?._handle === undefined)
        throw new TypeError('not a Context');
    if (context._transport)
        throw new LockSyncError(Status.INVALID_ARGUMENT, "a pool cannot use the context's transport; use its fetch()");
    return context._idle();
}

let shared;

/** Returns the pool of contexts that are not given to another. */
const sharedPool = () => (shared ??= new Pool());

module.exports = { Pool, sharedPool };
