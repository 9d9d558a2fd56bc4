'use strict';
const { lib, register } = require('./declarations.js');
const { LockSyncError, Status, check } = require('./errors.js');
const { closed, disown, isInCallback, notInCallback, onCollect, own, ownerOf } = require('./owners.js');
const { Changes, Directory, Results } = require('./records.js');
const { abortable, bool, idList, integer, list, text } = require('./values.js');

const onChange = register('lock_sync_watch_fn', (key, _pointer, ...report) => ownerOf(key)?._notify(...report));

const awaited = new Set(); // watches that a program waits for, which must not be collected
const nothing = { value: undefined, done: true };

function create(context, pointer, ids, serialNumbers) {
    const out = [null];
    if (serialNumbers === null) {
        context._check(lib.lock_sync_watch_new(pointer, ...idList(ids), out));
    } else {
        if (ids !== null)
            throw new TypeError('a watch is of ids or of serialNumbers, not of both');
        const serials = list(serialNumbers, text, 'serialNumbers');
        context._check(lib.lock_sync_watch_new_by_serial(pointer, serials, serials.length, out));
    }
    return out[0];
}

/** Frees a watch of C. It does not refer to the Watch, which the program may have dropped. */
function freeWatch(handle) {
    if (handle.pointer === null)
        return;
    handle.watches.delete(handle);
    lib.lock_sync_watch_free(handle.pointer);
    handle.pointer = null;
    disown(handle.key);
    handle.signal?.removeEventListener('abort', handle.abort);
    handle.keepAlive();
}

/** Reports changes. The first report all locks as added. `for await` ends it, in whichever way the loop ends. */
class Watch {
    constructor(pool, context, ids, given, keepAlive) {
        const { signal, intervalMs, directory, serialNumbers } = abortable(given,
            { intervalMs: 20000, directory: false, serialNumbers: null });
        const watch = new WeakRef(this);
        const { watches } = context._handle;
        const handle = {
            pointer: create(context, context._idle(), ids, serialNumbers),
            key: own(watch),
            watches,
            keepAlive,
            signal,
            /** Called by the signal, perhaps inside a logger, in a call of C that uses the watch. */
            abort() {
                const end = () => watch.deref()?._end(signal.reason);
                isInCallback() ? setImmediate(end) : end();
            },
            /** Called when the context is closed. */
            end() {
                watch.deref()?._end(new LockSyncError(Status.CANCELLED));
                freeWatch(handle);
            },
        };
        watches.add(handle);
        this._handle = handle;
        this._context = context;
        this._pool = pool;
        this._reports = []; // that the program has not taken: { value } or { error }
        this._waiting = []; // calls of next()
        this._lastStatus = Status.OK;
        try {
            check(lib.lock_sync_watch_set_interval_ms(handle.pointer, integer(intervalMs)));
            if (bool(directory))
                check(lib.lock_sync_watch_set_directory(handle.pointer, true));
            context._check(lib.lock_sync_pool_watch(pool._handle.pointer, handle.pointer, onChange, handle.key));
        } catch (error) {
            freeWatch(handle);
            throw error;
        }
        signal?.addEventListener('abort', handle.abort, { once: true });
        onCollect(this, () => freeWatch(handle));
        keepAlive();
    }

    /** All locks after the last poll; null before the first. Draw a display from these, never from changes alone. */
    get results() {
        const results = lib.lock_sync_watch_results(this._handle.pointer);
        return results && Results.copy(results);
    }

    /** The last directory; null: no directory yet. */
    get directory() {
        const directory = lib.lock_sync_watch_directory(this._handle.pointer);
        return directory && Directory.copy(directory);
    }

    /** The age of the last good response; null before the first. Look at it before you act on a state. */
    get ageMs() {
        const age = lib.lock_sync_watch_age_ms(this._handle.pointer);
        return age < 0 ? null : age;
    }

    /** How the last poll ended, also if the error was not reported because it may pass. */
    get lastStatus() {
        return this._handle.pointer ? lib.lock_sync_watch_last_status(this._handle.pointer) : this._lastStatus;
    }

    /** The time until the next poll. The guard may delay it. */
    get dueInMs() {
        return lib.lock_sync_watch_due_in_ms(this._handle.pointer);
    }

    /** Returns the next changes. After an error the watch continues. */
    async next() {
        const report = this._reports.shift();
        if (report?.error)
            throw report.error;
        if (report)
            return report;
        if (this._handle.pointer === null)
            return nothing;
        awaited.add(this);
        return new Promise((resolve, reject) => this._waiting.push({ resolve, reject }));
    }

    close() {
        notInCallback();
        this._reports.length = 0;
        this._end();
    }

    async *[Symbol.asyncIterator]() {
        try {
            for (;;) {
                const { value, done } = await this.next();
                if (done)
                    return;
                yield value;
            }
        } finally {
            this.close();
        }
    }

    /** Called by C. */
    _notify(status, changes) {
        try {
            this._context._check(status);
            this._report({ value: Changes.copy(changes, { results: this.results }), done: false });
        } catch (error) {
            if (status === Status.CANCELLED && this._pool._handle.isClosing)
                this._end(error);
            else
                this._report({ error });
        }
    }

    _report(report) {
        const waiting = this._waiting.shift();
        if (this._waiting.length === 0)
            awaited.delete(this);
        if (!waiting && report.error && this._reports.at(-1)?.error)
            this._reports.splice(-1, 1, report); // an error that lasts is reported once
        else if (!waiting)
            this._reports.push(report);
        else if (report.error)
            waiting.reject(report.error);
        else
            waiting.resolve(report);
    }

    _end(error) {
        if (this._handle.pointer === null)
            return;
        this._lastStatus = error instanceof LockSyncError ? error.status : Status.CANCELLED;
        closed(this);
        freeWatch(this._handle);
        if (error !== undefined)
            this._report({ error });
        for (const { resolve } of this._waiting.splice(0))
            resolve(nothing);
        awaited.delete(this);
    }
}

module.exports = { Watch };
