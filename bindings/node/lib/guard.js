'use strict';
const { lib, redis: redisLib, inThread } = require('./declarations.js');
const { constants, enumerations } = require('./constants.js');
const { LockSyncError, Status, check, make } = require('./errors.js');
const { onCollect, closed } = require('./owners.js');
const { integer, options, small, text } = require('./values.js');

const { RequestKind, SlotOutcome } = enumerations();

/** Returns a message that C writes into a buffer. */
function messageOf(write, pointer) {
    const buffer = Buffer.alloc(write(pointer, null, 0) + 1);
    write(pointer, buffer, buffer.length);
    return buffer.toString('utf8', 0, buffer.indexOf(0));
}

/** A reference to a guard of C. `mayBlock`: its record is in a file or a server. */
class GuardReference {
    constructor(pointer, mayBlock) {
        this.pointer = pointer;
        this.mayBlock = mayBlock;
    }

    add() {
        return new GuardReference(lib.lock_sync_guard_ref(this.pointer), this.mayBlock);
    }

    drop() {
        lib.lock_sync_guard_unref(this.pointer);
        this.pointer = null;
    }

    /** Calls a function of C, in another thread if it may block. */
    async call(called, ...args) {
        if (!this.mayBlock)
            return called(this.pointer, ...args);
        const reference = this.add();
        try {
            return await inThread(called, reference.pointer, ...args);
        } finally {
            reference.drop();
        }
    }

    check(status) {
        const why = () => (status === Status.GUARD ? messageOf(lib.lock_sync_guard_error_message, this.pointer) : '');
        check(status, why);
    }

    async reserve(kind, leaseMs) {
        const [waitMs, slot] = [[null], [null]];
        const status = await this.call(lib.lock_sync_guard_reserve_for, kind, leaseMs, waitMs, slot);
        if (status !== Status.TOO_SOON)
            this.check(status);
        return status === Status.OK ? { slot: slot[0], waitMs: 0 } : { slot: null, waitMs: waitMs[0] };
    }

    async settle(slot, outcome, retryAfterMs) {
        this.check(await this.call(lib.lock_sync_guard_settle, slot, outcome, retryAfterMs ?? -1));
    }
}

/** A Redis server that keeps the records of guards. */
class Redis {
    constructor(url) {
        const problem = redisLib.lock_sync_redis_url_problem(text(url));
        if (problem !== null)
            throw new LockSyncError(Status.INVALID_ARGUMENT, problem);
        const pointer = make(redisLib.lock_sync_redis_new, url);
        this._pointer = pointer;
        this._running = 0; // calls in other threads
        onCollect(this, () => redisLib.lock_sync_redis_free(pointer));
    }

    /** Prepares a new database at deployment, so that the first slot of an account needs no wait. */
    async prepare(key) {
        const pointer = this._open();
        const name = text(key);
        this._running++;
        try {
            const status = await inThread(redisLib.lock_sync_redis_prepare, pointer, name);
            check(status, () => (status === Status.GUARD ? messageOf(redisLib.lock_sync_redis_error_message, pointer) : ''));
        } finally {
            if (--this._running === 0 && this._pointer === null)
                redisLib.lock_sync_redis_free(pointer);
        }
    }

    /** Why the last command failed; '' if none did. */
    get errorMessage() {
        return messageOf(redisLib.lock_sync_redis_error_message, this._pointer);
    }

    /** Guards that use the server keep their connection. */
    close() {
        closed(this);
        if (this._running === 0) // otherwise the end of the last call frees it
            redisLib.lock_sync_redis_free(this._pointer);
        this._pointer = null;
    }

    _open() {
        if (this._pointer === null)
            throw new LockSyncError(Status.INVALID_ARGUMENT, 'the server was closed');
        return this._pointer;
    }
}

const DEFAULTS = {
    path: null, redis: null, key: null, minIntervalMs: 20000, directoryIntervalMs: 60000, otherIntervalMs: 0,
    budget: 700, unused: 100,
};

function openFile(path) {
    const out = [null];
    check(lib.lock_sync_guard_open_file(path, out), () => `the guard's file ${path} cannot be opened`);
    return out[0];
}

function openGuard({ path, redis, key }) {
    if (path !== null && redis !== null)
        throw new TypeError('a guard is in a file or in Redis, not in both');
    if ((redis === null) !== (key === null))
        throw new TypeError('a guard in Redis needs redis and key');
    if (path !== null)
        return openFile(text(path));
    if (redis === null)
        return make(lib.lock_sync_guard_new);
    if (!(redis instanceof Redis))
        throw new TypeError('redis must be a Redis');
    return make(redisLib.lock_sync_guard_open_redis, redis._open(), text(key));
}

/** Keeps all its contexts within the service's limits: in memory, in a file or in Redis. */
class Guard {
    constructor(given = {}) {
        const all = options(given, DEFAULTS);
        const reference = new GuardReference(openGuard(all), all.path !== null || all.redis !== null);
        const { pointer } = reference;
        try {
            check(lib.lock_sync_guard_set_min_interval_ms(pointer, integer(all.minIntervalMs)));
            for (const [kind, interval] of [[RequestKind.DIRECTORY, all.directoryIntervalMs],
                                            [RequestKind.OTHER, all.otherIntervalMs]])
                check(lib.lock_sync_guard_set_kind_interval_ms(pointer, kind, integer(interval)));
            check(lib.lock_sync_guard_set_hourly_budget(pointer, small(all.budget), small(all.unused)));
        } catch (error) {
            reference.drop();
            throw error;
        }
        this._reference = reference;
        onCollect(this, () => reference.drop());
    }

    /** Requests a slot for a request of the program's own. Returns { slot, waitMs }; `slot` is null if denied. */
    async reserve(given = {}) {
        const { kind, leaseMs } = options(given, { kind: RequestKind.SYNC, leaseMs: 30000 });
        return this._open().reserve(small(kind), integer(leaseMs));
    }

    /** Reports how the request of a slot ended. */
    async settle(slot, outcome = SlotOutcome.SENT, retryAfterMs = null) {
        await this._open().settle(slot, small(outcome), retryAfterMs === null ? null : integer(retryAfterMs));
    }

    /** Why the guard's record can be lost; '' if it cannot. */
    get warning() {
        return messageOf(lib.lock_sync_guard_warning, this._reference.pointer);
    }

    /** Contexts that use the guard keep it. */
    close() {
        closed(this);
        this._reference.drop();
    }

    _open() {
        if (this._reference.pointer === null)
            throw new LockSyncError(Status.INVALID_ARGUMENT, 'the guard was closed');
        return this._reference;
    }
}

module.exports = { Guard, GuardReference, Redis };
