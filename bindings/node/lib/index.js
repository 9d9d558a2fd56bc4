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
const { enumerations } = require('./constants.js');
const { lib } = require('./declarations.js');
const { Context } = require('./context.js');
const { LockSyncError } = require('./errors.js');
const { Guard, Redis } = require('./guard.js');
const { Pool } = require('./pool.js');
const { Changes, diff, Directory, Results } = require('./records.js');
const { Watch } = require('./watch.js');

// Node 18 has neither symbol in its first versions. TypeScript's helpers for `using` look for these names.
for (const name of ['dispose', 'asyncDispose'])
    if (!Symbol[name])
        Object.defineProperty(Symbol, name, { value: Symbol.for(`nodejs.${name}`) });
for (const { prototype } of [Context, Guard, Pool, Redis, Watch]) {
    const methods = {
        [Symbol.dispose]() { this.close(); },
        async [Symbol.asyncDispose]() { this.close(); },
    };
    for (const name of [Symbol.dispose, Symbol.asyncDispose])
        Object.defineProperty(prototype, name, { value: methods[name], writable: true, configurable: true });
}

/** Returns the version of the library. */
const version = () => lib.lock_sync_version();

for (const [name, values] of Object.entries(enumerations()))
    exports[name] = Object.freeze(values);
Object.assign(exports, {
    Changes, Context, Directory, Guard, LockSyncError, Pool, Redis, Results, Watch, diff, version,
});
