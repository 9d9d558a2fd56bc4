'use strict';
// Calls a pool when it has work. `ref()` while something is pending, which keeps the program alive; else `unref()`.
const { isMainThread } = require('node:worker_threads');
const { poll } = require('./declarations.js');

const FETCHING_MS = 5;
const WATCHING_MS = 50;

/** In the main thread the event loop polls the pool's descriptor. */
class Descriptor {
    static all = new Set();

    constructor(descriptor, action) {
        this._handle = poll(descriptor, action);
        Descriptor.all.add(this);
    }

    ref() {
        this._handle?.ref();
    }

    unref() {
        this._handle?.unref();
    }

    close() {
        this._handle?.close();
        this._handle = null;
        Descriptor.all.delete(this);
    }
}

// koffi 3.3 aborts the process if a descriptor is readable while its thread ends.
process.on('exit', () => Descriptor.all.forEach(descriptor => descriptor.close()));

/** A worker can be terminated at any time, where 'exit' is not emitted. So a timer looks whether there is work. */
class Timer {
    constructor(_descriptor, action) {
        this._action = action;
        this._periodMs = null;
    }

    ref(isFetching) {
        const periodMs = isFetching ? FETCHING_MS : WATCHING_MS;
        if (periodMs === this._periodMs)
            return;
        clearInterval(this._timer);
        this._periodMs = periodMs;
        this._timer = setInterval(this._action, periodMs);
    }

    unref() {
        clearInterval(this._timer);
        this._periodMs = null;
    }

    close() {
        this.unref();
    }
}

module.exports = { Poller: isMainThread ? Descriptor : Timer };
