'use strict';
// bindings/node runs the cases of bindings/conformance.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { locksync, startSimulator } = require('./node_support.js');

const { ChangeKind, Context, Guard, GuardMode, LockSyncError, Pool, Status, diff } = locksync;
const folder = path.join(__dirname, '..', '..', 'bindings', 'conformance');

/** Returns the cases of a file: those of another kind than `known` are an error. */
function casesOf(file, known) {
    const cases = JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8'));
    assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length);
    for (const { name, what } of cases)
        assert.ok(known.includes(what), `${name}: ${what}`);
    return cases;
}

const camelCase = name => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
/** Numbers beyond 2^53 lose digits in JSON, and are compared so. */
const number = value => (typeof value === 'bigint' ? Number(value) : value);
const nameOf = status => (status === Status.OK ? 'OK' : 'E_' + Object.keys(Status).find(name => Status[name] === status));

/** Returns the members that are not null; an unknown value is absent. */
const known = members => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));

const recordOf = lock => known({
    id: number(lock.id), is_connected: lock.isConnected, revision: number(lock.revision), state: lock.state,
    door_state: lock.doorState, is_charging: lock.isCharging, battery_level: lock.batteryLevel,
    state_change_result: lock.stateChangeResult, last_state_changed_ms: lock.lastStateChanged?.getTime() ?? null,
    is_locked: lock.isLocked, is_jammed: lock.isJammed, state_text: lock.stateName, door_text: lock.doorStateName,
});
const infoOf = info => known({
    id: number(info.id), name: info.name, serial_number: info.serialNumber, time_zone: info.timeZone,
    bridge_id: number(info.bridgeId), organization_id: number(info.organizationId), type: info.type,
    access_level: info.accessLevel,
});
const kindsOf = ({ kinds }) => Object.keys(ChangeKind).filter(name => kinds & ChangeKind[name]);
const tried = promise => promise.catch(error => {
    assert.ok(error instanceof LockSyncError, error);
    return error;
});

const locks = outcome => [...(outcome.results ?? outcome)];
const READ = {
    status: outcome => (outcome instanceof LockSyncError ? nameOf(outcome.status) : 'OK'),
    http_status: outcome => outcome.httpStatus,
    byte_offset: outcome => outcome.byteOffset,
    retry_after_ms: outcome => outcome.retryAfterMs,
    correlation_id: outcome => outcome.correlationId,
    api_messages: outcome => outcome.apiMessages,
    is_retryable: outcome => outcome.isRetryable,
    missing: outcome => outcome.missing.map(number),
    is_cached: outcome => outcome.isCached,
    ids: outcome => locks(outcome).map(({ id }) => number(id)),
    records: outcome => locks(outcome).map(recordOf),
    directory: outcome => outcome.map(infoOf),
    message_contains: (outcome, texts) => texts.filter(text => outcome.message.includes(text)),
    retry_after_max_ms: (outcome, most) => (outcome.retryAfterMs > 0 && outcome.retryAfterMs <= most ? most : outcome),
    changes: outcome => outcome.map(({ kinds, before, after, info }) => known({
        id: number((after ?? before).id), kinds: kindsOf({ kinds }),
        old_id: before && after && before.id !== after.id ? number(before.id) : null,
        name: info && info.name, serial_number: info && info.serialNumber,
    })),
};

function check(expected, outcome, name) {
    for (const [member, value] of Object.entries(expected)) {
        assert.ok(Object.hasOwn(READ, member), `${name}: ${member}`);
        assert.deepEqual(READ[member](outcome, value), value, `${name}: ${member}`);
    }
}

function settingsOf(settings) {
    const { access_token_until: until, ...others } = settings;
    const all = Object.fromEntries(Object.entries(others).map(([name, value]) => [camelCase(name), value]));
    return until ? { ...all, accessToken: { token: until[0], expiresAt: new Date(until[1]) } } : all;
}

function guardOf({ kind_interval_ms: kinds = {}, hourly_budget: [budget, unused] = [], ...others }) {
    const NAMES = { SYNC: 'minIntervalMs', DIRECTORY: 'directoryIntervalMs', OTHER: 'otherIntervalMs' };
    const intervals = Object.fromEntries(Object.entries(kinds).map(([kind, ms]) => [NAMES[kind], ms]));
    return new Guard({ budget, unused, ...settingsOf(others), ...intervals });
}

test('bodies', async () => {
    for (const { name, what, ids, page, body, before, after, status = 200, headers, expected }
        of casesOf('bodies.json', ['results', 'one', 'directory', 'changes'])) {
        const context = new Context({ personalKey: 'demo-key', guardMode: GuardMode.OFF });
        const decode = async text => {
            const send = () => ({ status, headers, body: text });
            if (what === 'directory') {
                assert.equal(page, 1);
                return tried(context.fetchDirectoryThrough(send));
            }
            if (what === 'one') {
                context.set({ transport: send });
                return tried(context.fetchOne(ids[0]).then(lock => Object.assign([lock], { missing: [] })));
            }
            return tried(context.fetchThrough(send, ids));
        };
        if (what === 'changes') {
            const changes = diff(await decode(before), await decode(after)).map(change => known({
                id: number((change.after ?? change.before).id), kinds: kindsOf(change),
                before: change.before && recordOf(change.before), after: change.after && recordOf(change.after),
            }));
            assert.deepEqual({ status: 'OK', changes }, expected, name);
        } else {
            check(expected, await decode(body), name);
        }
        context.close();
    }
});

test('settings', async () => {
    const apply = {
        settings: (values, context) => context.set(settingsOf(values)),
        guard: values => guardOf(values).close(),
        watch: (values, context) => context.watch(settingsOf(values)).close(),
        serials: ({ serials }, context) => context.watch({ serialNumbers: serials }).close(),
        ids: ({ ids }, context) => context.fetchThrough(() => ({ status: 200, body: '{"result":[],"success":true}' }),
            ids && ids.map(id => (Number.isSafeInteger(id) ? id : 2n ** 63n - 1n))),
        page: () => null, // all pages are fetched
    };
    for (const { name, what, set, expected } of casesOf('settings.json', Object.keys(apply))) {
        if (what === 'page')
            continue;
        const context = new Context({ personalKey: 'demo-key', guardMode: GuardMode.OFF });
        let error = null;
        try {
            await apply[what](set, context);
        } catch (thrown) {
            error = thrown;
        }
        context.close();
        if (error === null) {
            assert.deepEqual(expected, { status: 'OK' }, name);
            continue;
        }
        assert.ok(!error.message.includes('HIDE'), name);
        if (error instanceof LockSyncError)
            check(expected, error, name);
        else
            assert.ok(expected.status === 'E_INVALID_ARGUMENT' && (error instanceof RangeError || error instanceof TypeError),
                `${name}: ${error.stack}`);
    }
});

/** The ways to make a call: with the context, in a pool, and through the program's HTTP client. */
const send = ({ url, headers, signal }) => fetch(url, { headers, signal, redirect: 'manual' });
const WAYS = {
    context: context => context,
    pool: (context, pool) => ({
        fetch: ids => pool.fetch(context, ids),
        fetchOne: id => context.fetchOne(id),
        fetchDirectory: () => pool.fetchDirectory(context),
        watch: (ids, options) => pool.watch(context, ids, options),
    }),
    through(context) {
        context.set({ transport: send });
        return context;
    },
};

async function next(watch, ms) {
    watch.pending ??= tried(watch.next().then(({ value }) => value));
    const timeout = new Promise(resolve => setTimeout(resolve, Math.max(ms, 1000), null));
    const outcome = await Promise.race([watch.pending, timeout]);
    if (outcome !== null)
        watch.pending = null;
    return outcome;
}

async function runSteps({ name, settings, guard = {}, simulator = [], steps }, way) {
    const baseUrl = await startSimulator('--static', '--locks', '3', ...simulator);
    const pool = new Pool();
    const context = new Context({ ...settingsOf(settings), baseUrl, guard: guardOf(guard) });
    const calls = WAYS[way](context, pool);
    const post = async (page, values) => {
        const { ok } = await fetch(`${baseUrl}/_sim/${page}?${new URLSearchParams(values)}`, { method: 'POST' });
        assert.ok(ok, `${name}: ${page}`);
    };
    let watch;
    const actions = {
        fault: ({ name: fault, every = 1 }) => post('fault', { name: fault, every }),
        account: ({ change, id = 0, name: to }) => post('lock', { change, id, ...(to !== undefined && { name: to }) }),
        set: step => context.set(settingsOf(step.settings)),
        fetch: async ({ ids, expected }) => check(expected, await tried(calls.fetch(ids)), name),
        fetch_directory: async ({ expected }) => check(expected, await tried(calls.fetchDirectory()), name),
        async fetch_one({ id, expected }) {
            const one = await tried(calls.fetchOne(id).then(lock => Object.assign([lock], { missing: [], isCached: false })));
            check(expected, one, name);
        },
        watch({ ids = null, serials = null, directory = false, interval_ms: intervalMs }) {
            watch = calls.watch(ids, { serialNumbers: serials, directory, intervalMs });
        },
        async next({ timeout_ms: ms, expected }) {
            const { last_status: last, ...others } = expected;
            const outcome = await next(watch, ms);
            assert.equal(nameOf(watch.lastStatus), last, name);
            if (outcome === null)
                assert.deepEqual(others, { status: 'E_TIMEOUT' }, name);
            else
                check(others, outcome, name);
        },
    };
    for (const { do: what, ...step } of steps) {
        assert.ok(Object.hasOwn(actions, what), `${name}: ${what}`);
        await actions[what](step);
    }
    context.close();
    pool.close();
}

for (const way of Object.keys(WAYS))
    test(`fetches: ${way}`, async t => {
        for (const one of casesOf('fetches.json', [undefined])) {
            const steps = one.steps.map(step => step.do);
            const watches = steps.includes('watch');
            if (way === 'through' && one.settings.guard_mode === GuardMode.CACHED)
                continue; // nothing is kept
            if (watches && (way === 'through' || steps.includes('set', steps.indexOf('watch'))))
                continue; // the context of a watch is busy
            await t.test(one.name, () => runSteps(one, way));
        }
    });
