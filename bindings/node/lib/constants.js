'use strict';
// Reads the flat headers, which the package contains, and the numbers in them.
const fs = require('node:fs');
const path = require('node:path');

const read = name => fs.readFileSync(path.join(__dirname, name), 'utf8');
const header = read('locksync-ffi.h');
const redisHeader = read('locksync-redis-ffi.h');

const constants = {};
for (const [, body] of header.matchAll(/enum \w*\s*\{([^{}]*)\}/g))
    for (const [, name, value] of body.matchAll(/(\w+) = (-?\w+)/g))
        constants[name] = Number(value);

/** The enumerations of the package, with the prefix of their enumerators in C. */
const ENUMERATIONS = {
    Status: 'LOCK_SYNC_E_', State: 'LOCK_SYNC_STATE_', Door: 'LOCK_SYNC_DOOR_', Field: 'LOCK_SYNC_FIELD_',
    ChangeKind: 'LOCK_SYNC_CHANGE_', Device: 'LOCK_SYNC_DEVICE_', Access: 'LOCK_SYNC_ACCESS_',
    GuardMode: 'LOCK_SYNC_GUARD_', RequestKind: 'LOCK_SYNC_REQUEST_', SlotOutcome: 'LOCK_SYNC_SLOT_',
    LogLevel: 'LOCK_SYNC_LOG_',
};
const NO_MODES = ['RECORD_MAX', 'SOURCE_SIZE']; // sizes with the prefix of the guard's modes

function enumeration(prefix) {
    const names = Object.keys(constants).filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length));
    return Object.fromEntries(names.filter(name => !NO_MODES.includes(name))
        .map(name => [name, constants[prefix + name]]));
}

/** Returns the enumerations: each an object with the enumerators' names and numbers. */
function enumerations() {
    const all = Object.entries(ENUMERATIONS).map(([name, prefix]) => [name, enumeration(prefix)]);
    const { Status, ...others } = Object.fromEntries(all);
    return { Status: { OK: constants.LOCK_SYNC_OK, ...Status }, ...others };
}

module.exports = { ENUMERATIONS, enumerations, constants, header, redisHeader };
