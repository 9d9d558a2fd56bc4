'use strict';
// Copies of what the library returns. They live as long as they are kept.
const { lib, decode } = require('./declarations.js');
const { enumerations } = require('./constants.js');
const { each, make } = require('./errors.js');
const { onCollect } = require('./owners.js');
const { toPlain } = require('./values.js');

const { Field } = enumerations();
const pointers = new WeakMap(); // of results to those of C
const TRISTATE = [false, true, null];

function lockOf(pointer) {
    const record = decode(pointer, 'lock_sync_lock');
    const sent = (field, value) => (record.fields & field ? value : null);
    return {
        id: record.id,
        revision: sent(Field.REVISION, record.revision),
        state: sent(Field.STATE, record.state),
        stateName: lib.lock_sync_lock_state_text(pointer),
        doorState: sent(Field.DOOR_STATE, record.door_state),
        doorStateName: lib.lock_sync_lock_door_text(pointer),
        batteryLevel: sent(Field.BATTERY_LEVEL, record.battery_level),
        stateChangeResult: sent(Field.STATE_CHANGE_RESULT, record.state_change_result),
        lastStateChanged: sent(Field.LAST_STATE_CHANGED, new Date(Number(record.last_state_changed_ms))),
        isConnected: sent(Field.CONNECTED, record.is_connected),
        isCharging: sent(Field.CHARGING, record.is_charging),
        isLocked: TRISTATE[lib.lock_sync_lock_is_locked(pointer)],
        isJammed: TRISTATE[lib.lock_sync_lock_is_jammed(pointer)],
    };
}

function infoOf(pointer) {
    const info = decode(pointer, 'lock_sync_lock_info');
    return {
        id: info.id,
        name: info.name,
        serialNumber: info.serial_number,
        timeZone: info.time_zone,
        bridgeId: info.bridge_id || null,
        organizationId: info.organization_id || null,
        type: info.type || null,
        accessLevel: info.access_level >= 0 ? info.access_level : null,
    };
}

/** Returns an id as records have it: 5n is 5. */
const normal = id => (Number.isSafeInteger(Number(id)) ? Number(id) : id);

/** An array with more members. Its methods, such as map(), return plain arrays. */
class Records extends Array {
    static get [Symbol.species]() {
        return Array;
    }

    static fill(records, members) {
        const all = new this();
        for (const record of records)
            all.push(record);
        for (const [name, value] of Object.entries(members)) // not enumerable, so for-in and loggers show records only
            Object.defineProperty(all, name, { value, writable: true, configurable: true });
        return all;
    }

    /** Returns the record of an id, or undefined. */
    get(id) {
        const wanted = normal(id);
        return this.find(record => record.id === wanted);
    }
}

/** A fetch's results: locks in the service's order, with `missing`, `fetchedAt` and `isCached`. */
class Results extends Records {
    static copy(pointer) {
        return this.fill(each(lib.lock_sync_results_at, pointer, lib.lock_sync_results_count(pointer)).map(lockOf), {
            missing: each(lib.lock_sync_results_missing_at, pointer, lib.lock_sync_results_missing_count(pointer)),
            fetchedAt: new Date(lib.lock_sync_results_fetched_at_ms(pointer)),
            isCached: lib.lock_sync_results_is_cached(pointer),
        });
    }

    /** Copies the results of a fetch. C's are kept for diff(), and freed with the copy. */
    static take(pointer) {
        const all = this.copy(pointer);
        pointers.set(all, pointer);
        onCollect(all, () => lib.lock_sync_results_free(pointer));
        return all;
    }

    toJSON() {
        const { missing, fetchedAt, isCached } = this;
        return { locks: this.map(toPlain), missing: missing.map(id => toPlain({ id }).id), fetchedAt, isCached };
    }
}

/** Returns the records of all pages. Of a lock that is on two of them, the later record holds. */
function latest(pages) {
    const byId = new Map();
    for (const record of pages.flat()) {
        byId.delete(record.id); // so that it has the later place, too
        byId.set(record.id, record);
    }
    return byId.values();
}

/** Names and serial numbers of an account's locks. Its `results` are the states that came with them. */
class Directory extends Records {
    static copy(pointer) {
        const infos = each(lib.lock_sync_directory_at, pointer, lib.lock_sync_directory_count(pointer)).map(infoOf);
        return this.fill(infos, {
            results: Results.copy(lib.lock_sync_directory_results(pointer)),
            fetchedAt: new Date(lib.lock_sync_directory_fetched_at_ms(pointer)),
            hasMore: lib.lock_sync_directory_has_more(pointer),
        });
    }

    static take(pointer) {
        try {
            return this.copy(pointer);
        } finally {
            lib.lock_sync_directory_free(pointer);
        }
    }

    static join(pages) {
        const { fetchedAt } = pages.at(-1);
        const states = latest(pages.map(({ results }) => results));
        return this.fill(latest(pages), {
            results: Results.fill(states, { missing: [], fetchedAt, isCached: false }), fetchedAt, hasMore: false,
        });
    }

    getBySerial(serialNumber) {
        return this.find(info => info.serialNumber === serialNumber);
    }

    /** Returns all locks of a name. A program that acts on a lock must stop unless it is one. */
    getByName(name) {
        return this.filter(info => info.name === name);
    }

    toJSON() {
        return { locks: this.map(toPlain), results: this.results.toJSON(), fetchedAt: this.fetchedAt };
    }
}

/** One object for each changed lock: `kinds` (ChangeKind bits), the lock `before` (null: added) and `after` (null:
 *  removed). `info` is there if the directory is known. */
class Changes extends Records {
    static copy(pointer, members) {
        const all = each(lib.lock_sync_changes_at, pointer, lib.lock_sync_changes_count(pointer)).map(change => {
            const [before, after] = [lib.lock_sync_change_before(change), lib.lock_sync_change_after(change)];
            const info = lib.lock_sync_change_info(change);
            return {
                kinds: lib.lock_sync_change_kinds(change),
                before: before && lockOf(before),
                after: after && lockOf(after),
                info: info && infoOf(info),
            };
        });
        return this.fill(all, members);
    }

    get(id) {
        const wanted = normal(id);
        return this.find(({ before, after }) => (after ?? before).id === wanted);
    }

    toJSON() {
        const changes = this.map(({ kinds, before, after, info }) => ({
            kinds, before: toPlain(before), after: toPlain(after), info: toPlain(info),
        }));
        return { changes, results: this.results.toJSON() };
    }
}

/** Returns the changes between the results of two fetches. Its `results` are the later ones. */
function diff(before, after) {
    for (const results of [before, after])
        if (!pointers.has(results))
            throw new TypeError('not the results of a fetch');
    const changes = make(lib.lock_sync_diff, pointers.get(before), pointers.get(after));
    try {
        return Changes.copy(changes, { results: after });
    } finally {
        lib.lock_sync_changes_free(changes);
    }
}

module.exports = { Results, Directory, Changes, diff };
