'use strict';
// bindings/node against the simulator.
const assert = require('node:assert/strict');
const { spawn, execFileSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test, before, after, afterEach } = require('node:test');
const sample = path.join(process.env.LOCKSYNC_FFI_SAMPLES, 'node', 'locksync.js');
const {
    Access, ChangeKind, Context, Device, Door, Guard, GuardMode, LockSyncError, LogLevel, Pool, State, Status, version,
} = require(sample);
const koffi = require(require.resolve('koffi', { paths: [sample] }));

const KEY = 'demo-key';
const BODY = '{"result":[{"id":5,"isConnected":true,"deviceState":{"state":17,"doorState":2}}],"success":true}';
const MINUTE = 60000;
const open = [];
const made = [];
let simulator;

async function startSimulator(...args) {
    const child = spawn(process.env.LOCKSYNC_SIM, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = await once(child.stdout, 'data');
    const stop = async () => {
        child.kill('SIGTERM');
        assert.equal((await once(child, 'exit'))[0], 0);
    };
    open.push(stop);
    return String(line).trim();
}

/** Returns settings of a context that may fetch as often as it likes. */
function settings(more) {
    return { baseUrl: simulator, personalKey: KEY, guardMode: GuardMode.OFF, ...more };
}

/** Closes it at the end of the test, unless the test has closed it. */
function closing(it) {
    made.push(it);
    return it;
}

const context = more => closing(new Context(settings(more)));
const newPool = () => closing(new Pool());

async function withFault(name, action) {
    await fetch(`${simulator}/_sim/fault?name=${name}&every=1`, { method: 'POST' });
    try {
        return await action();
    } finally {
        await fetch(`${simulator}/_sim/fault?name=${name}&every=0`, { method: 'POST' });
    }
}

async function failure(status, promise) {
    const error = await promise.then(() => assert.fail('it did not fail'), reason => reason);
    assert.ok(error instanceof LockSyncError, error);
    assert.equal(error.status, status, error);
    return error;
}

before(async () => {
    simulator = await startSimulator('--static', '--locks', '3', '--personal-key', KEY,
        '--access-token', 'fresh-token');
});
afterEach(() => made.splice(0).reverse().forEach(it => it.close()));
after(() => Promise.all(open.map(stop => stop())));

test('all settings are accepted', () => {
    context({
        apiVersion: 'v37', connectTimeoutMs: 1500, timeoutMs: 30000, maxResponseBytes: 65536, allowHttp: false,
        caFile: '/nowhere', proxy: 'http://127.0.0.1:1', userAgent: 'acme-hub/2.1', guard: new Guard(),
        accessToken: { token: 'fresh-token', expiresAt: new Date(Date.now() + MINUTE) }, logger: () => {},
        tokenProvider: () => 'fresh-token', transport: () => ({ status: 200 }),
    }).close();
});

test('a rejected setting says why and keeps the old value', async () => {
    const it = context();
    assert.throws(() => it.set({ baseUrl: 'ftp://127.0.0.1' }), { status: Status.INVALID_ARGUMENT, message: /http/ });
    assert.equal((await it.fetch()).length, 3);
});

test('values that C would truncate are rejected', async () => {
    const it = context();
    assert.throws(() => it.set({ personalKey: 'demo-key\0more' }), TypeError);
    assert.throws(() => it.set({ baseUrl: 5 }), TypeError);
    assert.throws(() => it.set({ timeoutMs: 2 ** 64 }), RangeError);
    assert.throws(() => it.set({ guardMode: 2 ** 32 + 1 }), RangeError);
    await assert.rejects(it.fetch([1001, 2n ** 64n + 1002n]), RangeError);
    await assert.rejects(it.fetch([1001.5]), RangeError);
    await assert.rejects(it.fetch(['1001']), /not an integer: '1001'/);
    assert.throws(() => new Guard({ budget: 2 ** 32 + 700 }), RangeError);
    assert.throws(() => context({ colour: 'red' }), TypeError);
});

test('an empty list is rejected', async () => {
    const it = context();
    const pool = newPool();
    const refused = { name: 'RangeError', message: /pass null for all/ };
    await assert.rejects(it.fetch([]), refused);
    await assert.rejects(it.fetchThrough(() => assert.fail('it was sent'), []), refused);
    await assert.rejects(pool.fetch(it, []), refused);
    await assert.rejects(pool.watch(it, []).next(), refused);
    assert.equal((await it.fetch(null)).length, 3);
});

test('null restores the default', async () => {
    const it = context({ transport: () => ({ status: 503 }) });
    it.set({ transport: null });
    assert.equal((await it.fetch()).length, 3);
    it.set({ personalKey: null });
    await failure(Status.NO_CREDENTIAL, it.fetch());
    it.close();
    await failure(Status.INVALID_ARGUMENT, it.fetch());
});

test('all locks', async () => {
    const it = context();
    const locks = await it.fetch();
    assert.deepEqual(locks.map(lock => lock.id), [1001, 1002, 1003]);
    assert.equal(locks.isCached, false);
    assert.ok(Math.abs(Date.now() - locks.fetchedAt) < MINUTE);
    const [first, outOfReach] = locks;
    assert.ok(Object.values(State).includes(first.state) && Object.values(Door).includes(first.doorState));
    assert.equal(first.stateName, Object.keys(State).find(name => State[name] === first.state).toLowerCase());
    assert.equal(first.doorStateName.replace(' ', '_'),
        Object.keys(Door).find(name => Door[name] === first.doorState).toLowerCase());
    assert.deepEqual([first.isConnected, first.isLocked, first.isJammed], [true, first.state === State.LOCKED, false]);
    assert.ok(first.batteryLevel >= 0 && first.batteryLevel <= 100 && first.revision > 0);
    assert.equal(first.lastStateChanged.getUTCFullYear(), 2024);
    assert.equal(outOfReach.isConnected, false);
    assert.deepEqual([outOfReach.stateName, outOfReach.doorStateName], ['unknown', 'unknown']);
    for (const name of ['state', 'batteryLevel', 'isLocked', 'isJammed', 'lastStateChanged'])
        assert.equal(outOfReach[name], null, name);
    assert.deepEqual(await it.fetchOne(1003), locks[2]);
});

test('some locks and missing ones', async () => {
    const it = context();
    const locks = await it.fetch([1003, 77, 1001n, 78]);
    assert.deepEqual(locks.map(lock => lock.id).sort(), [1001, 1003]);
    assert.deepEqual(locks.missing, [77, 78]);
});

test('names and serial numbers', async () => {
    const directory = await context().fetchDirectory();
    assert.deepEqual(directory.map(({ id, name }) => [id, name]),
        [[1001, 'Front door'], [1002, 'Garage'], [1003, 'Haust\u00fcr M\u00fcller, \u00d6lm\u00fchle']]);
    assert.equal(new Set(directory.map(info => info.serialNumber)).size, 3);
    assert.ok([Device.LOCK_PRO, Device.LOCK_GO].includes(directory[0].type));
    assert.equal(directory[0].accessLevel, Access.OWNER);
    assert.ok(directory[0].bridgeId > 0);
    assert.equal(directory[0].organizationId, null);
    assert.deepEqual(directory.results.map(lock => lock.isConnected), [true, false, true]);
    const body = '{"result":[{"id":5}],"success":true}';
    const [unknown] = await context({ transport: () => ({ status: 200, body }) }).fetchDirectory();
    assert.deepEqual(unknown, {
        id: 5, name: null, serialNumber: null, timeZone: null, bridgeId: null, organizationId: null, type: null,
        accessLevel: null,
    });
    await withFault('403', () => failure(Status.FORBIDDEN, context().fetchDirectory()));
});

test('the event loop runs while a fetch waits', async () => {
    const it = context({ baseUrl: await startSimulator('--delay-ms', '60000') });
    const pool = newPool();
    for (const fetching of [() => it.fetch(), () => pool.fetch(it)]) {
        const waiting = failure(Status.CANCELLED, fetching());
        assert.throws(() => it.set({ timeoutMs: 1 }), { status: Status.BUSY });
        const timer = setInterval(() => it.cancel(), 10); // a fetch that blocked the event loop would prevent this call
        await waiting;
        clearInterval(timer);
    }
});

test('errors have the messages of the service', async () => {
    const it = context();
    const refused = await withFault('403', () => failure(Status.FORBIDDEN, it.fetch()));
    assert.deepEqual([refused.httpStatus, refused.code], [403, 'LOCK_SYNC_E_FORBIDDEN']);
    assert.equal(refused.apiMessages.length, 1);
    assert.ok(refused.message.includes(refused.apiMessages[0]));
    assert.match(refused.correlationId, /^[0-9a-f-]{36}$/);
    assert.deepEqual([refused.retryAfterMs, refused.byteOffset, refused.isRetryable], [null, null, false]);
    const later = await withFault('503', () => failure(Status.SERVER, it.fetch()));
    assert.deepEqual([later.httpStatus, later.retryAfterMs, later.isRetryable], [503, 7000, true]);
    const broken = await withFault('bad-json', () => failure(Status.MALFORMED, it.fetch()));
    assert.ok(broken.byteOffset > 0);
});

test('the logger gets lines without the credential', async () => {
    const lines = [];
    const it = context({ logger: (level, line) => lines.push({ level, line }) });
    await it.fetch();
    await withFault('500', () => failure(Status.SERVER, it.fetch()));
    assert.deepEqual(new Set(lines.map(({ level }) => level)), new Set([LogLevel.INFO, LogLevel.WARNING]));
    assert.ok(lines.some(({ line }) => line.includes('/my/lock/sync')));
    assert.ok(!lines.some(({ line }) => line.includes(KEY)));
});

test('an exception in a logger is uncaught', () => {
    const program = `const { Context } = require(${JSON.stringify(sample)});
        process.on('uncaughtException', error => { console.log(error.message); process.exit(); });
        new Context({ personalKey: 'k', transport: () => ({ status: 500 }), logger() { throw new Error('no disk'); } })
            .fetch().catch(() => {});`;
    assert.equal(String(execFileSync(process.execPath, ['-e', program])), 'no disk\n');
});

test('a transport of the application', async () => {
    const requests = [];
    const it = context({
        baseUrl: 'https://locks.example', timeoutMs: 9000,
        transport(request) {
            requests.push(request);
            return { status: 200, headers: { 'X-Correlation-ID': 'abc' }, body: BODY };
        },
    });
    const locks = await it.fetch([5, 6]);
    assert.deepEqual([locks[0].id, locks[0].state, locks.missing], [5, 17, [6]]);
    assert.equal(requests[0].url, 'https://locks.example/api/v37/my/lock/sync?id=5&id=6');
    assert.deepEqual([requests[0].method, requests[0].headers.Authorization], ['GET', 'PersonalKey ' + KEY]);
    assert.ok(requests[0].timeoutMs > 0 && requests[0].timeoutMs <= 9000);
    it.set({ transport: () => { throw new LockSyncError(Status.CONNECT); } });
    await failure(Status.CONNECT, it.fetch());
    it.set({ transport: () => { throw new SyntaxError('mine'); } });
    assert.equal((await failure(Status.NETWORK, it.fetch())).cause.message, 'mine');
});

test('a deeply nested response has enough stack', async () => {
    const deep = '{"x":' + '['.repeat(2040) + ']'.repeat(2040) + ',' + BODY.slice(1);
    const it = context({ transport: () => ({ status: 200, body: deep }) });
    assert.equal((await it.fetch()).length, 1);
});

test('an HTTP client that returns a promise', async () => {
    const it = context();
    const send = async ({ url, headers }) => {
        const response = await fetch(url, { headers });
        return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
    };
    assert.deepEqual((await it.fetchThrough(send, [1001, 77])).missing, [77]);
    const error = await withFault('503', () => failure(Status.SERVER, it.fetchThrough(send)));
    assert.equal(error.retryAfterMs, 7000);
    await assert.rejects(it.fetchThrough(() => Promise.reject(new Error('mine'))), /mine/);
});

test('the provider is called again after a 401', async () => {
    const asked = [];
    const tokenProvider = rejected => {
        asked.push(rejected);
        return rejected ? 'fresh-token' : 'stale-token';
    };
    const it = context({ personalKey: null, tokenProvider });
    assert.equal((await it.fetch()).length, 3);
    assert.deepEqual(asked, [false, true]);
    it.set({ accessToken: null, tokenProvider: () => { throw new Error('no token'); } });
    assert.equal((await failure(Status.NO_CREDENTIAL, it.fetch())).cause.message, 'no token');
});

test('guards space fetches, and are shared', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'locksync-'));
    const guards = [new Guard({ path: path.join(folder, 'guard') }), new Guard({ path: path.join(folder, 'guard') })];
    const [first, second] = guards.map(guard => context({ guard, guardMode: GuardMode.FAIL }));
    guards.forEach(guard => guard.close());
    await first.fetch();
    const error = await failure(Status.TOO_SOON, second.fetch());
    assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 20000);
    fs.rmSync(folder, { recursive: true });
});

test('a pool fetches for many contexts at once', async () => {
    const pool = newPool();
    const contexts = Array.from({ length: 50 }, () => context());
    for (const locks of await Promise.all(contexts.map(it => pool.fetch(it, [1001, 77]))))
        assert.deepEqual([locks.length, locks.missing], [1, [77]]);
    const error = await withFault('503', () => failure(Status.SERVER, pool.fetch(contexts[0])));
    assert.equal(error.retryAfterMs, 7000);
    await failure(Status.INVALID_ARGUMENT, pool.fetch(contexts[0], [-1]));
    const running = contexts.map(it => pool.fetch(it));
    contexts[0].close();
    pool.close();
    for (const fetching of running)
        await failure(Status.CANCELLED, fetching);
});

test('an idle pool does not keep the program alive', () => {
    const program = `const { Context, Pool } = require(${JSON.stringify(sample)});
        new Pool().fetch(new Context({ baseUrl: 'http://127.0.0.1:1', personalKey: 'k' }))
            .catch(error => console.log(error.code));`;
    assert.equal(String(execFileSync(process.execPath, ['-e', program], { timeout: MINUTE })), 'LOCK_SYNC_E_CONNECT\n');
});

test('a watch reports the locks, then their changes', async () => {
    const baseUrl = await startSimulator('--time-scale', '3600'); // an hour of the locks passes in a second
    const pool = newPool();
    const contexts = [context({ baseUrl }), context({ baseUrl }), context({ baseUrl })];
    const reported = [];
    for await (const changes of pool.watch(contexts[0], null, { intervalMs: 10 }))
        if (reported.push(changes) === 2)
            break;
    assert.deepEqual(reported[0].map(({ kinds, before }) => [kinds & ChangeKind.ADDED, before]), Array(4).fill([ChangeKind.ADDED, null]));
    assert.deepEqual(reported[0].map(({ after }) => after.id), [1001, 1002, 1003, 1004]);
    assert.deepEqual(reported[0].map(({ after }) => after), [...reported[0].results]);
    for (const { kinds, before, after } of reported[1]) {
        assert.deepEqual(reported[1].results.find(({ id }) => id === after.id), after);
        assert.notDeepEqual(before, after);
        assert.equal(before.id, after.id);
        assert.equal(kinds & (ChangeKind.ADDED | ChangeKind.REMOVED), 0);
    }
    const watches = contexts.map(it => pool.watch(it, [1001], { intervalMs: 3600000 }));
    for (const watch of watches)
        assert.equal((await watch.next()).value.length, 1);
    const ends = watches.map(watch => watch.next());
    contexts[0].close(); // ends its watch, and
    pool.close(); // those of the others
    for (const end of ends)
        await failure(Status.CANCELLED, end);
});

test('a lasting error ends a watch', async () => {
    const pool = newPool();
    const it = context({ personalKey: 'wrong' });
    await failure(Status.UNAUTHORIZED, pool.watch(it).next());
    it.set({ personalKey: KEY }); // it is no longer busy
    assert.equal((await pool.fetch(it)).length, 3);
});

test('memory does not grow', async () => {
    const ROUNDS = 10000;
    const members = 'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'.split(' ');
    koffi.struct('mallinfo2', Object.fromEntries(members.map(member => [member, 'size_t'])));
    const mallinfo2 = koffi.load(null).func('mallinfo2 mallinfo2()');
    const pool = new Pool();
    const kept = new Context(settings());
    async function round() {
        const lines = [];
        const guard = new Guard({ minIntervalMs: 1 });
        const it = new Context(settings({
            guard, logger: (level, line) => lines.push(line), tokenProvider: () => null,
        }));
        guard.close();
        assert.equal((await it.fetch([1001, 77])).length, 1);
        assert.equal((await pool.watch(it, [1001]).next()).value.length, 1); // which it.close() ends
        assert.equal((await pool.fetch(kept)).length, 3);
        assert.equal((await kept.fetchDirectory()).length, 3);
        await failure(Status.NOT_FOUND, kept.fetchOne(77));
        it.close();
        const own = new Context(settings({
            transport: () => ({ status: 503, body: '{}', headers: { 'Retry-After': '7' } }),
        }));
        await failure(Status.SERVER, own.fetch());
        own.close();
        assert.ok(lines.length > 0);
    }
    /** Returns the least memory in use during some rounds, so that temporary use does not count. */
    async function inUse(rounds) {
        const least = { malloc: Infinity, script: Infinity };
        for (let i = 1; i <= rounds; i++) {
            await round();
            if (i % 100 === 0) {
                global.gc();
                const { uordblks, hblkhd } = mallinfo2();
                least.malloc = Math.min(least.malloc, uordblks + hblkhd);
                least.script = Math.min(least.script, process.memoryUsage().heapUsed);
            }
        }
        return least;
    }
    await inUse(1000); // warm-up
    const start = await inUse(1000);
    await inUse(ROUNDS - 1000);
    const end = await inUse(1000);
    const grown = { malloc: end.malloc - start.malloc, script: end.script - start.script };
    console.log(`# ${ROUNDS} rounds: ${grown.malloc} bytes of malloc, ${grown.script} of scripts`);
    assert.ok(grown.malloc < 50 * ROUNDS && grown.script < 200 * ROUNDS);
    pool.close();
    kept.close();
});

test('the version is the library\'s', () => assert.match(version(), /^\d+\.\d+\.\d+$/));
