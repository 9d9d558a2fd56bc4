'use strict';
// Checks values on their way to C, which would truncate them.
const { inspect } = require('node:util');

// Only the type of a wrong text or function is shown: the value may be a credential.

function text(value) {
    if (value != null && typeof value !== 'string')
        throw new TypeError(`not a string: its type is ${typeof value}`);
    if (value?.includes('\0'))
        throw new TypeError('the string contains NUL'); // not shown: it may be a credential
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

function bool(value) {
    if (typeof value !== 'boolean')
        throw new TypeError(`neither true nor false: ${inspect(value)}`);
    return value;
}

function func(value) {
    if (value != null && typeof value !== 'function')
        throw new TypeError(`not a function: its type is ${typeof value}`);
    return value ?? null;
}

function id(value) {
    return typeof value === 'bigint' && value === BigInt.asIntN(64, value) ? value : integer(value);
}

/** Returns an array, its elements checked. An empty list hardly means all locks, so it is rejected. */
function list(values, check, what) {
    if (typeof values === 'string' || typeof values?.[Symbol.iterator] !== 'function')
        throw new TypeError(`not a list of ${what}: ${inspect(values)}`);
    const array = Array.from(values, check);
    if (array.length === 0)
        throw new RangeError(`the list of ${what} is empty; pass null for all locks`);
    return array;
}

/** Returns a list of ids and its length for C; null or undefined means all locks. */
function idList(ids) {
    if (ids == null)
        return [null, 0];
    const array = list(ids, id, 'ids');
    return [array, array.length];
}

/** Returns options with their defaults. An unknown name is an error, not ignored. */
function options(given, defaults) {
    if (given === null || typeof given !== 'object')
        throw new TypeError(`options must be an object: ${inspect(given)}`);
    for (const name of Object.keys(given))
        if (!Object.hasOwn(defaults, name))
            throw new TypeError(`no option has the name ${name}; the names are ${Object.keys(defaults).join(', ')}`);
    const present = Object.entries(given).filter(([, value]) => value !== undefined);
    return { ...defaults, ...Object.fromEntries(present) };
}

/** Returns the options of a call that can be aborted. */
function abortable(given, defaults = {}) {
    const all = options(given, { signal: null, ...defaults });
    if (all.signal !== null && typeof all.signal?.addEventListener !== 'function')
        throw new TypeError(`signal is not an AbortSignal: ${inspect(all.signal)}`);
    all.signal?.throwIfAborted();
    return all;
}

/** Returns a record as JSON can have it: a bigint, which is an id beyond 2^53, becomes a string. */
function toPlain(record) {
    return record && Object.fromEntries(Object.entries(record)
        .map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]));
}

module.exports = { text, integer, small, bool, func, id, list, idList, options, abortable, toPlain };
