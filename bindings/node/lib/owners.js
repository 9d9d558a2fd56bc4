'use strict';
// The owners of what C has. C gets a number, because koffi allows only a few thousand callbacks: one for each kind.
const { LockSyncError, Status } = require('./errors.js');

const owners = new Map();
let lastKey = 0n;

/** Returns the number of an owner, for C. The owner lives until disown(). */
function own(owner) {
    owners.set(++lastKey, owner);
    return lastKey;
}

const disown = key => owners.delete(key);

/** Returns an owner by its number. The owner may be a WeakRef, of an object that the program may drop. */
function ownerOf(key) {
    const owner = owners.get(key);
    return owner instanceof WeakRef ? owner.deref() : owner;
}

const registry = new FinalizationRegistry(release => release());

/** Calls `release` when the program has dropped an object without closing it. It must not refer to the object. */
function onCollect(object, release) {
    registry.register(object, release, object);
}

/** Ends what onCollect() began, because the object was closed. */
const closed = object => registry.unregister(object);

let callbacks = 0; // of a logger or a token provider, that run

/** Runs the program's function inside a call of C, where nothing may be closed. */
function inCallback(action) {
    callbacks++;
    try {
        return action();
    } finally {
        callbacks--;
    }
}

const isInCallback = () => callbacks > 0;

function notInCallback() {
    if (isInCallback())
        throw new LockSyncError(Status.BUSY, 'nothing can be closed inside a logger or a token provider');
}

module.exports = { own, disown, ownerOf, onCollect, closed, inCallback, isInCallback, notInCallback };
