'use strict';
// bindings/node against the simulator: guards, and fetches through the program's HTTP client.
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const { test, before } = require('node:test');
const {
    KEY, closing, failure, locksync, newContext, startSimulator, temporaryFolder, withFault,
} = require('./node_support.js');

const { Context, Guard, GuardMode, LockSyncError, Redis, RequestKind, SlotOutcome, Status } = locksync;
const BODY = '{"result":[{"id":5,"isConnected":true,"deviceState":{"state":17,"doorState":2}}],"success":true}';
let baseUrl;
const context = settings => newContext({ baseUrl, ...settings });
const newGuard = options => closing(new Guard(options));
/** A client as a program has it. */
const send = ({ url, headers, signal }) => fetch(url, { headers, signal, redirect: 'manual' });

before(async () => {
    baseUrl = await startSimulator('--static', '--locks', '3', '--personal-key', KEY, '--access-token', 'fresh-token');
});

const freePort = () => new Promise(resolve => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        server.close(() => resolve(port));
    });
});

async function redisServer(test) {
    const port = await freePort();
    const child = spawn('redis-server', ['--port', port, '--save', '', '--bind', '127.0.0.1', '--dir', temporaryFolder()]);
    const [data] = await Promise.race([once(child.stdout, 'data'), once(child, 'error').then(() => [])]);
    if (data === undefined)
        return null;
    while (!await new Promise(resolve => {
        const socket = net.connect(port, '127.0.0.1', () => resolve(socket.destroy()));
        socket.on('error', () => resolve(null));
    }))
        await new Promise(resolve => setTimeout(resolve, 20));
    test.after(() => child.kill('SIGKILL'));
    return `redis://127.0.0.1:${port}`;
}

async function spaces(guards) {
    const [first, second] = guards.map(guard => context({ guard, guardMode: GuardMode.FAIL }));
    guards.forEach(guard => guard.close());
    await first.fetch();
    for (const call of [() => second.fetch(), () => second.fetchThrough(send)]) {
        const error = await failure(Status.TOO_SOON, call());
        assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 20000);
    }
}

test('a context has a guard of its own', async () => {
    const [it, other] = [context({ guardMode: GuardMode.FAIL }), context({ guardMode: GuardMode.FAIL })];
    await it.fetch();
    await failure(Status.TOO_SOON, it.fetch());
    await failure(Status.TOO_SOON, it.fetchThrough(send));
    await other.fetchThrough(send);
    await failure(Status.TOO_SOON, other.fetch());
    it.set({ guardMode: GuardMode.OFF });
    await it.fetchThrough(send);
    it.set({ guardMode: GuardMode.CACHED });
    await it.fetchDirectory();
    await failure(Status.TOO_SOON, it.fetchDirectoryThrough(send));
});

test('guards in memory', () => {
    const guard = newGuard();
    return spaces([guard, guard]);
});

test('guards in a file', async () => {
    const file = path.join(temporaryFolder(), 'guard');
    await spaces([newGuard({ path: file }), newGuard({ path: file })]);
    assert.throws(() => new Guard({ path: '/nowhere/guard' }), { status: Status.GUARD, message: /nowhere/ });
    const broken = context({ guard: newGuard({ path: file }), guardMode: GuardMode.FAIL });
    fs.writeFileSync(file, 'not a record');
    for (const call of [() => broken.fetch(), () => broken.fetchThrough(send)])
        assert.match((await failure(Status.GUARD, call())).message, /damaged/);
});

test('guards in Redis', async t => {
    const url = await redisServer(t);
    if (url === null)
        return t.skip('redis-server is not installed');
    const redis = closing(new Redis(url));
    await redis.prepare('test:account');
    const guards = [1, 2].map(() => newGuard({ redis, key: 'test:account' }));
    const [{ warning }] = guards;
    assert.match(warning, /^$|Redis/);
    for (const guard of guards) // a new database may have lost its records
        for (const call of [it => it.fetch(), it => it.fetchThrough(send)])
            await failure(Status.TOO_SOON, call(context({ guard, guardMode: GuardMode.FAIL })));
    assert.equal(redis.errorMessage, '');
    const nowhere = closing(new Redis('redis://127.0.0.1:1'));
    const lost = context({ guard: newGuard({ redis: nowhere, key: 'a' }), guardMode: GuardMode.FAIL });
    await failure(Status.GUARD, lost.fetch());
    await failure(Status.GUARD, lost.fetchThrough(send));
    await failure(Status.GUARD, nowhere.prepare('a'));
    assert.notEqual(nowhere.errorMessage, '');
    assert.throws(() => new Redis('http://127.0.0.1'), { status: Status.INVALID_ARGUMENT });
    assert.throws(() => new Guard({ redis }), /redis and key/);
    assert.throws(() => new Guard({ redis, key: 'a', path: 'b' }), /not in both/);
});

test('a server that is closed while it is prepared is freed at the end', async t => {
    const sockets = [];
    const server = net.createServer(socket => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const redis = new Redis(`redis://127.0.0.1:${server.address().port}`);
    const preparing = failure(Status.GUARD, redis.prepare('a'));
    while (sockets.length === 0)
        await new Promise(resolve => setTimeout(resolve, 5));
    redis.close();
    await failure(Status.INVALID_ARGUMENT, redis.prepare('a'));
    sockets[0].destroy();
    assert.notEqual((await preparing).message, new LockSyncError(Status.GUARD).message);
    redis.close(); // again
});

test('slots for other requests of the program', async () => {
    const guard = newGuard();
    const { slot, waitMs } = await guard.reserve();
    assert.deepEqual([slot !== null, waitMs], [true, 0]);
    const denied = await guard.reserve();
    assert.ok(denied.slot === null && denied.waitMs > 0);
    await guard.settle(slot, SlotOutcome.NOT_SENT);
    const refunded = await guard.reserve({ kind: RequestKind.SYNC, leaseMs: 1000 });
    await guard.settle(refunded.slot, SlotOutcome.LIMITED, 60000);
    const limited = await guard.reserve({ kind: RequestKind.OTHER });
    assert.ok(limited.slot === null && limited.waitMs > 50000);
    await assert.rejects(guard.reserve({ lease: 5 }), TypeError);
    guard.close();
    await failure(Status.INVALID_ARGUMENT, guard.reserve());
});

test('an HTTP client that returns a Response', async () => {
    const it = context();
    assert.deepEqual((await it.fetchThrough(send, [1001, 77])).missing, [77]);
    assert.equal((await it.fetchDirectoryThrough(send)).get(1002).name, 'Garage');
    const error = await withFault(baseUrl, '503', () => failure(Status.SERVER, it.fetchThrough(send)));
    assert.equal(error.retryAfterMs, 7000);
    it.set({ transport: send });
    assert.deepEqual([(await it.fetch()).length, (await it.fetchOne(1003)).id, (await it.fetchDirectory()).length], [3, 1003, 3]);
});

test('the client of node:http', async () => {
    const it = context({
        transport: ({ url, method, headers, signal }) => new Promise((resolve, reject) => {
            http.request(url, { method, headers, signal }, async response => {
                const chunks = [];
                for await (const chunk of response)
                    chunks.push(chunk);
                resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) });
            }).on('error', reject).end();
        }),
    });
    assert.equal((await it.fetch()).length, 3);
    await withFault(baseUrl, '403', async () =>
        assert.match((await failure(Status.FORBIDDEN, it.fetch())).correlationId, /^[0-9a-f-]{36}$/));
});

test('a request has what a client needs', async () => {
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
    const [{ url, method, headers, timeoutMs, connectTimeoutMs, signal }] = requests;
    assert.equal(url, 'https://locks.example/api/v37/my/lock/sync?id=5&id=6');
    assert.deepEqual([method, headers.Authorization, timeoutMs], ['GET', 'PersonalKey ' + KEY, 9000]);
    assert.ok(connectTimeoutMs > 0 && signal instanceof AbortSignal);
});

test('what a client throws is the cause', async () => {
    const it = context({ transport: () => { throw new SyntaxError('mine'); } });
    const error = await failure(Status.NETWORK, it.fetch());
    assert.match(error.message, /mine/);
    assert.ok(error.cause instanceof SyntaxError);
    it.set({ transport: async () => { throw new LockSyncError(Status.TLS); } });
    await failure(Status.TLS, it.fetch());
    for (const nothing of [undefined, null, {}, { status: 'yes' }, { status: 200, body: 5 }]) {
        it.set({ transport: () => nothing });
        await assert.rejects(it.fetch(), error => error instanceof LockSyncError || error instanceof RangeError
            || error instanceof TypeError);
    }
    it.set({ transport: send, baseUrl: `http://127.0.0.1:${await freePort()}` });
    await failure(Status.CONNECT, it.fetch());
    it.set({ maxResponseBytes: 10, transport: () => ({ status: 200, body: BODY }) });
    await failure(Status.TOO_LARGE, it.fetch());
});

test('the guard learns how a request of the client ended', async () => {
    const outcomes = [
        [() => { throw new LockSyncError(Status.CONNECT); }, Status.CONNECT, 0],
        [() => ({ status: 429, headers: { 'Retry-After': '300' } }), Status.RATE_LIMITED, 299000],
        [() => ({ status: 500 }), Status.SERVER, 19000],
        [() => { throw new Error('broken'); }, Status.NETWORK, 19000],
    ];
    for (const [transport, status, waits] of outcomes) {
        const guard = newGuard();
        await failure(status, context({ guard, guardMode: GuardMode.FAIL, transport }).fetch());
        const { waitMs } = await guard.reserve();
        assert.ok(waitMs >= waits && waitMs <= waits + 2000, `${waitMs} after ${status}`);
    }
});

test('the mode WAIT waits for the guard, within the timeout', async () => {
    const guard = newGuard({ minIntervalMs: 150 });
    const it = context({ guard, guardMode: GuardMode.WAIT, transport: () => ({ status: 200, body: BODY }) });
    const begun = performance.now();
    await it.fetch();
    await it.fetch();
    assert.ok(performance.now() - begun >= 150);
    it.set({ guard: newGuard({ minIntervalMs: 60000 }) });
    await it.fetch();
    it.set({ timeoutMs: 50 });
    await failure(Status.TOO_SOON, it.fetch());
    assert.equal((await it.fetch({ signal: null }).catch(error => error)).status, Status.TOO_SOON);
});

test('cancel() while the guard in a file is asked leaves no promise that nobody waits for', async () => {
    const unhandled = [];
    const listener = error => unhandled.push(error);
    process.on('unhandledRejection', listener);
    const guard = newGuard({ path: path.join(temporaryFolder(), 'guard'), minIntervalMs: 10000 });
    const it = context({ guard, guardMode: GuardMode.WAIT, transport: () => ({ status: 200, body: BODY }) });
    await it.fetch();
    const fetching = failure(Status.CANCELLED, it.fetch());
    it.cancel(); // before the thread that asks the guard has ended
    await fetching;
    await new Promise(resolve => setTimeout(resolve, 20));
    process.off('unhandledRejection', listener);
    assert.deepEqual(unhandled, []);
});

test('the timeout, cancel() and close() end a request of a client that hangs', async () => {
    const it = context({ timeoutMs: 50, transport: () => new Promise(() => {}) });
    await failure(Status.TIMEOUT, it.fetch());
    it.set({ timeoutMs: 60000 });
    for (const end of ['cancel', 'close']) {
        const fetching = failure(Status.CANCELLED, it.fetch());
        await new Promise(setImmediate);
        it[end]();
        await fetching;
    }
});

test('the provider is asked, also after a 401', async () => {
    const asked = [];
    const it = context({
        personalKey: null, guardMode: GuardMode.FAIL, transport: send, tokenProvider: rejected => {
            asked.push(rejected);
            return rejected ? 'fresh-token' : 'stale-token';
        },
    });
    assert.equal((await it.fetch()).length, 3);
    assert.deepEqual(asked, [false, true]);
    it.set({ guard: null, accessToken: 'stale-token', tokenProvider: () => 'stale-token' });
    await failure(Status.UNAUTHORIZED, it.fetch());
});

test('the slot is settled also if the client returns no response, or the context is closed', async () => {
    const received = [null, 5, { status: '200' }, { status: 2 ** 40 }, { status: 200, body: 5 },
                      { status: 200, headers: { 'a\0b': 'c' } }, { status: 200, headers: 5 }, 'close'];
    for (const one of received) {
        const guard = newGuard({ minIntervalMs: 10000 });
        const it = context({ guard, guardMode: GuardMode.FAIL });
        await assert.rejects(it.fetchThrough(() => (one === 'close' ? it.close() : one)));
        assert.ok((await guard.reserve()).waitMs <= 10000, JSON.stringify(one)); // no longer the lease of 30 s
    }
});

test('a directory of several pages', async () => {
    const page = url => Number(new URL(url).searchParams.get('Page'));
    const body = (first, count) => JSON.stringify({
        result: Array.from({ length: count }, (_, i) => ({ id: first + i, name: `Lock ${first + i}` })), success: true,
    });
    const guard = newGuard();
    const it = context({
        guard, guardMode: GuardMode.FAIL,
        transport: ({ url }) => ({ status: 200, body: body(100 * page(url), page(url) < 3 ? 100 : 7) }),
    });
    const directory = await it.fetchDirectory();
    assert.deepEqual([directory.length, directory.results.length, directory.get(306).name], [207, 207, 'Lock 306']);
    assert.equal((await guard.reserve({ kind: RequestKind.DIRECTORY })).slot, null);
    const endless = context({ transport: ({ url }) => ({ status: 200, body: body(100 * page(url), 100) }) });
    await failure(Status.TOO_LARGE, endless.fetchDirectory());
});

/** Fetches a directory of pages, each with `count` locks from `first` and these more. */
async function fetchPages(...pages) {
    const lockOf = id => ({ id, name: `Lock ${id}` });
    const responses = pages.map(([first, count, ...more]) => {
        const result = [...Array.from({ length: count }, (_, i) => lockOf(first + i)), ...more];
        return { status: 200, body: JSON.stringify({ result, success: true }) };
    });
    const directory = await context().fetchDirectoryThrough(() => responses.shift());
    assert.equal(responses.length, 0);
    return directory;
}

test('of a lock on two pages the later record holds', async () => {
    const renamed = { id: 100, name: 'new', isConnected: true, deviceState: { state: 2 } };
    const directory = await fetchPages([1, 100], [101, 3, renamed]);
    assert.deepEqual([directory.length, directory.results.length], [103, 103]);
    assert.deepEqual([directory.get(100).name, directory.results.get(100).state], ['new', 2]);
    assert.deepEqual([directory.at(-1).id, directory.results.at(-1).id], [100, 100]); // in the later place, as in C
    assert.equal(directory.getByName('Lock 100').length, 0);
});

test('a full page with a lock twice has a page after it', async () => {
    assert.equal((await fetchPages([1, 99, { id: 99, name: 'Lock 99' }], [100, 3])).length, 102);
});
