'use strict';
// bindings/node against the simulator: settings, fetches, records and errors.
const assert = require('node:assert/strict');
const { test, before } = require('node:test');
const {
    KEY, MINUTE, closing, failure, locksync, newContext, newPool, runProgram, startServer, startSimulator,
    startSimulatorProcess, withFault,
} = require('./node_support.js');

const {
    Access, Context, Device, Directory, Door, Guard, GuardMode, LockSyncError, LogLevel, Results, State, Status, diff,
    version,
} = locksync;
let baseUrl;
const context = settings => newContext({ baseUrl, ...settings });

before(async () => {
    baseUrl = await startSimulator('--static', '--locks', '3', '--personal-key', KEY, '--access-token', 'fresh-token');
});

test('all settings are accepted', () => {
    context({
        apiVersion: 'v37', connectTimeoutMs: 1500, timeoutMs: 30000, maxIdleMs: 1000, maxResponseBytes: 65536,
        allowHttp: false, caFile: '/nowhere', proxy: 'http://127.0.0.1:1', userAgent: 'acme-hub/2.1',
        guard: closing(new Guard()), accessToken: { token: 'fresh-token', expiresAt: new Date(Date.now() + MINUTE) },
        logger: () => {}, tokenProvider: () => 'fresh-token', transport: () => ({ status: 200 }),
    });
});

test('a rejected setting says why and keeps the old value', async () => {
    const it = context();
    assert.throws(() => it.set({ baseUrl: 'ftp://127.0.0.1' }), { status: Status.INVALID_ARGUMENT, message: /http/ });
    assert.equal((await it.fetch()).length, 3);
});

test('a rejected setting has no effect', async () => {
    const lines = [];
    const asked = [];
    const it = context({ logger: () => lines.push('old'), tokenProvider: () => asked.push('old') && 'fresh-token' });
    const watch = it.watch({ intervalMs: MINUTE }); // keeps it busy
    for (const settings of [{ guardMode: GuardMode.FAIL }, { logger: () => lines.push('new') },
                            { tokenProvider: () => asked.push('new') && 'fresh-token' }])
        assert.throws(() => it.set(settings), { status: Status.BUSY }, JSON.stringify(settings));
    await watch.next();
    watch.close();
    assert.throws(() => it.set({ guardMode: 77 }), { status: Status.INVALID_ARGUMENT });
    for (let i = 0; i < 2; i++) // the guard is still off
        assert.equal((await it.fetchThrough(() => ({ status: 200, body: '{"result":[],"success":true}' }))).length, 0);
    it.set({ personalKey: null });
    assert.equal((await it.fetch()).length, 3);
    assert.deepEqual([new Set(lines), new Set(asked)], [new Set(['old']), new Set(['old'])]);
});

test('no error shows a credential', () => {
    const it = context();
    const secret = { key: 'secret-5' };
    for (const settings of [{ personalKey: secret }, { personalKey: [secret.key] }, { personalKey: Buffer.from(secret.key) },
                            { accessToken: secret }, { accessToken: { token: secret } }, { tokenProvider: secret },
                            { tokenProvider: secret.key }, { personalKey: 'secret-5\0' }])
        assert.throws(() => it.set(settings), error => error instanceof TypeError && !/secret|73 65/.test(error.message));
});

test('values that C would truncate are rejected', async () => {
    const it = context();
    for (const settings of [{ personalKey: 'demo-key\0more' }, { baseUrl: 5 }, { allowHttp: 1 }, { logger: 'console' },
                            { guard: {} }, { colour: 'red' }])
        assert.throws(() => it.set(settings), TypeError, JSON.stringify(settings));
    assert.throws(() => it.set({ timeoutMs: 2 ** 64 }), RangeError);
    assert.throws(() => it.set({ guardMode: 2 ** 32 + 1 }), RangeError);
    await assert.rejects(it.fetch([1001, 2n ** 64n + 1002n]), RangeError);
    await assert.rejects(it.fetch([1001.5]), RangeError);
    await assert.rejects(it.fetch(['1001']), /not an integer: '1001'/);
    await assert.rejects(it.fetch('1001'), /not a list of ids/);
    assert.throws(() => new Guard({ budget: 2 ** 32 + 700 }), RangeError);
});

test('an option with an unknown name is refused', async () => {
    const it = context();
    const refused = { name: 'TypeError', message: /no option has the name sginal; the names are signal/ };
    const given = { sginal: AbortSignal.timeout(1) };
    await assert.rejects(it.fetch(null, given), refused);
    await assert.rejects(it.fetch(given), refused);
    await assert.rejects(it.fetchOne(1001, given), refused);
    await assert.rejects(it.fetchDirectory(given), refused);
    await assert.rejects(it.fetchThrough(() => {}, given), refused);
    await assert.rejects(newPool().fetch(it, null, given), refused);
    assert.throws(() => it.watch(given), refused);
    assert.throws(() => new Guard({ interval: 5 }), /no option has the name interval/);
    assert.throws(() => newPool({ connections: 5 }), /no option has the name connections/);
    await assert.rejects(it.fetch({ signal: 'no' }), /signal is not an AbortSignal/);
});

test('an empty list is rejected', async () => {
    const it = context();
    const pool = newPool();
    const refused = { name: 'RangeError', message: /pass null for all/ };
    await assert.rejects(it.fetch([]), refused);
    await assert.rejects(it.fetch(new Set()), refused);
    await assert.rejects(it.fetchThrough(() => assert.fail('it was sent'), []), refused);
    await assert.rejects(pool.fetch(it, []), refused);
    assert.throws(() => pool.watch(it, []), refused);
    assert.throws(() => it.watch({ serialNumbers: [] }), { name: 'RangeError', message: /serialNumbers is empty/ });
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
    it.close(); // again
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
    assert.deepEqual([locks.get(1003), locks.get(1003n), locks.get(77)], [locks[2], locks[2], undefined]);
});

test('some locks and missing ones', async () => {
    const it = context();
    const locks = await it.fetch([1003, 77, 1001n, 78]);
    assert.deepEqual(locks.map(lock => lock.id).sort(), [1001, 1003]);
    assert.deepEqual(locks.missing, [77, 78]);
    assert.deepEqual((await it.fetch(new Set([1001, 77]))).missing, [77]);
    assert.equal((await failure(Status.NOT_FOUND, it.fetchOne(77))).httpStatus, 404);
});

test('JSON keeps what the results have', async () => {
    const big = '9007199254740993';
    const it = context({ transport: () => ({ status: 200, body: `{"result":[{"id":${big},"revision":7}],"success":true}` }) });
    const locks = await it.fetch([BigInt(big), 77]);
    assert.equal(locks.get(BigInt(big)).id, BigInt(big));
    const read = JSON.parse(JSON.stringify(locks));
    assert.deepEqual([read.locks.length, read.locks[0].id, read.locks[0].state], [1, big, null]);
    assert.deepEqual([read.missing, read.isCached], [[77], false]);
    assert.equal(read.fetchedAt, locks.fetchedAt.toISOString());
    const directory = JSON.parse(JSON.stringify(await context().fetchDirectory()));
    assert.deepEqual([directory.locks[1].name, directory.results.locks.length], ['Garage', 3]);
});

test('results are arrays whose methods return plain arrays', async () => {
    const locks = await context().fetch();
    assert.ok(Array.isArray(locks) && locks instanceof Results);
    for (const made of [locks.map(({ id }) => id), locks.filter(Boolean), locks.slice(1)])
        assert.ok(made.constructor === Array);
    assert.deepEqual(Object.keys(locks), ['0', '1', '2']);
});

test('the changes between two fetches', async () => {
    const body = locked => `{"result":[{"id":5,"isConnected":true,"deviceState":{"state":${locked ? 6 : 2}}}],"success":true}`;
    let locked = true;
    const it = context({ transport: () => ({ status: 200, body: body(locked) }) });
    const before = await it.fetch([5, 6]);
    locked = false;
    const later = await it.fetch([5, 6]);
    const changes = diff(before, later);
    assert.deepEqual(changes.map(({ kinds }) => kinds), [locksync.ChangeKind.STATE]);
    assert.deepEqual([changes[0].before, changes[0].after, changes[0].info], [before[0], later[0], null]);
    assert.equal(changes.get(5), changes[0]);
    assert.equal(changes.results, later);
    assert.deepEqual(JSON.parse(JSON.stringify(changes)).results.missing, [6]);
    assert.equal(diff(later, later).length, 0);
    assert.throws(() => diff([], later), TypeError);
});

test('names and serial numbers', async () => {
    const directory = await context().fetchDirectory();
    assert.ok(directory instanceof Directory);
    assert.deepEqual(directory.map(({ id, name }) => [id, name]),
        [[1001, 'Front door'], [1002, 'Garage'], [1003, 'Haust\u00fcr M\u00fcller, \u00d6lm\u00fchle']]);
    assert.equal(new Set(directory.map(info => info.serialNumber)).size, 3);
    assert.ok([Device.LOCK_PRO, Device.LOCK_GO].includes(directory[0].type));
    assert.equal(directory[0].accessLevel, Access.OWNER);
    assert.ok(directory[0].bridgeId > 0);
    assert.equal(directory[0].organizationId, null);
    assert.equal(directory.getBySerial(directory[1].serialNumber), directory[1]);
    assert.deepEqual(directory.getByName('Garage'), [directory[1]]);
    assert.equal(directory.get(1001), directory[0]);
    assert.deepEqual(directory.results.map(lock => lock.isConnected), [true, false, true]);
    const body = '{"result":[{"id":5}],"success":true}';
    const [unknown] = await context({ transport: () => ({ status: 200, body }) }).fetchDirectory();
    assert.deepEqual(unknown, {
        id: 5, name: null, serialNumber: null, timeZone: null, bridgeId: null, organizationId: null, type: null,
        accessLevel: null,
    });
    await withFault(baseUrl, '403', () => failure(Status.FORBIDDEN, context().fetchDirectory()));
});

test('the event loop runs while a fetch waits', async () => {
    const it = context({ baseUrl: await startSimulator('--delay-ms', '60000') });
    const pool = newPool();
    for (const fetching of [() => it.fetch(), () => it.fetchOne(1001), () => pool.fetch(it), () => it.fetchThrough(() => new Promise(() => {}))]) {
        const waiting = failure(Status.CANCELLED, fetching());
        await new Promise(setImmediate);
        assert.throws(() => it.set({ timeoutMs: 1 }), { status: Status.BUSY });
        const timer = setInterval(() => it.cancel(), 10); // a fetch that blocked the event loop would prevent this call
        await waiting;
        clearInterval(timer);
    }
});

test('a signal ends a fetch', async () => {
    const slow = await startSimulator('--delay-ms', '60000');
    const it = context({ baseUrl: slow });
    const calls = [
        options => it.fetch(options), options => it.fetch([1001], options), options => it.fetchOne(1001, options),
        options => it.fetchDirectory(options), options => newPool().fetch(it, null, options),
        options => newPool().fetchDirectory(it, options),
        options => it.fetchThrough(() => new Promise(() => {}), null, options),
        options => it.fetchDirectoryThrough(() => new Promise(() => {}), options),
    ];
    for (const call of calls) {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 20);
        const begun = performance.now();
        await assert.rejects(call({ signal: controller.signal }), { name: 'AbortError' });
        assert.ok(performance.now() - begun < 5000);
        await assert.rejects(call({ signal: AbortSignal.abort() }), { name: 'AbortError' });
        await assert.rejects(call({ signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' });
    }
    it.set({ baseUrl }); // it is not busy
    const late = new AbortController();
    assert.equal((await it.fetch({ signal: late.signal })).length, 3);
    late.abort(); // has no effect
    assert.equal((await it.fetch()).length, 3);
});

test('a stopped context fetches nothing until it is resumed', async () => {
    const slow = context({ baseUrl: await startSimulator('--delay-ms', '60000') });
    const calls = [it => it.fetch(), it => it.fetchOne(1001), it => it.fetchDirectory(), it => newPool().fetch(it),
                   it => it.fetchThrough(() => new Promise(() => {}))];
    for (const call of calls) {
        const running = failure(Status.CANCELLED, call(slow));
        await new Promise(setImmediate);
        slow.stop();
        await running;
        await failure(Status.CANCELLED, call(slow));
        slow.resume();
    }
    const it = context();
    const watch = it.watch({ intervalMs: 20 });
    await watch.next();
    it.stop();
    await failure(Status.CANCELLED, watch.next());
    const age = watch.ageMs;
    await new Promise(resolve => setTimeout(resolve, 100));
    assert.ok(watch.ageMs >= age + 90);
    it.resume();
    while (watch.ageMs > 90)
        await new Promise(resolve => setTimeout(resolve, 5));
    watch.close();
    assert.equal((await it.fetch()).length, 3);
});

test('a signal ends the wait for the guard', async () => {
    const it = context({ guardMode: GuardMode.WAIT });
    await it.fetch();
    await assert.rejects(it.fetch({ signal: AbortSignal.timeout(30) }), { name: 'TimeoutError' });
    await assert.rejects(it.fetchThrough(() => ({}), { signal: AbortSignal.timeout(30) }), { name: 'TimeoutError' });
});

test('errors have the messages of the service', async () => {
    const it = context();
    const refused = await withFault(baseUrl, '403', () => failure(Status.FORBIDDEN, it.fetch()));
    assert.deepEqual([refused.httpStatus, refused.code], [403, 'LOCK_SYNC_E_FORBIDDEN']);
    assert.equal(refused.apiMessages.length, 1);
    assert.ok(refused.message.includes(refused.apiMessages[0]));
    assert.match(refused.correlationId, /^[0-9a-f-]{36}$/);
    assert.deepEqual([refused.retryAfterMs, refused.byteOffset, refused.isRetryable], [null, null, false]);
    assert.deepEqual([refused.name, 'cause' in refused], ['LockSyncError', false]);
    const later = await withFault(baseUrl, '503', () => failure(Status.SERVER, it.fetch()));
    assert.deepEqual([later.httpStatus, later.retryAfterMs, later.isRetryable], [503, 7000, true]);
    const broken = await withFault(baseUrl, 'bad-json', () => failure(Status.MALFORMED, it.fetch()));
    assert.ok(broken.byteOffset > 0);
});

test('after a 429 the guard waits as long as the service says', async () => {
    const it = context({ guardMode: GuardMode.FAIL });
    const limited = await withFault(baseUrl, '429', () => failure(Status.RATE_LIMITED, it.fetch()));
    assert.deepEqual([limited.httpStatus, limited.isRetryable], [429, true]);
    const denied = await failure(Status.TOO_SOON, it.fetch());
    assert.ok(denied.retryAfterMs > 0);
    if (limited.retryAfterMs !== null)
        assert.ok(denied.retryAfterMs <= Math.max(limited.retryAfterMs, 20000));
});

test('the server dies in mid-fetch', async () => {
    const { url, child } = await startSimulatorProcess('--delay-ms', '60000');
    const contexts = [context({ baseUrl: url }), context({ baseUrl: url }), context({ baseUrl: url })];
    setTimeout(() => child.kill('SIGKILL'), 200);
    await Promise.all([contexts[0].fetch(), newPool().fetch(contexts[1]), contexts[2].fetchDirectory()]
        .map(fetching => failure(Status.NETWORK, fetching)));
    await failure(Status.CONNECT, contexts[0].fetch());
});

test('the logger gets lines without the credential', async () => {
    const lines = [];
    const it = context({ logger: (level, line) => lines.push({ level, line }) });
    await it.fetch();
    await withFault(baseUrl, '500', () => failure(Status.SERVER, it.fetch()));
    assert.deepEqual(new Set(lines.map(({ level }) => level)), new Set([LogLevel.INFO, LogLevel.WARNING]));
    assert.ok(lines.some(({ line }) => line.includes('/my/lock/sync')));
    assert.ok(!lines.some(({ line }) => line.includes(KEY)));
});

test('an exception in a logger is uncaught, and the fetch goes on', async () => {
    const { out, err, code } = await runProgram(`const { Context } = require('locksync');
        process.on('uncaughtException', error => console.log(error.message));
        new Context({ personalKey: 'demo-key', baseUrl: '${baseUrl}', logger() { throw new Error('no disk'); } })
            .fetch().then(locks => console.log(locks.length));`);
    assert.deepEqual([out.trim().split('\n').sort(), err, code], [['3', 'no disk'], '', 0]);
});

test('one lock with a logger or a provider', async () => {
    const lines = [];
    const provided = { personalKey: null, tokenProvider: () => 'fresh-token' };
    for (const settings of [{ logger: (_, line) => lines.push(line) }, provided]) {
        const it = context(settings);
        assert.equal((await it.fetchOne(1001)).id, 1001);
        await failure(Status.NOT_FOUND, it.fetchOne(77));
    }
    assert.ok(lines.length > 0);
});

test('nothing can be closed inside a logger', async () => {
    let error;
    const it = context({ logger: () => { try { it.close(); } catch (thrown) { error = thrown; } } });
    await it.fetch();
    assert.equal(error.status, Status.BUSY);
});

test('nothing can be closed inside a token provider', async () => {
    const idle = context();
    const watch = idle.watch();
    const pool = newPool();
    let it;
    let errors;
    const tokenProvider = () => {
        errors = [];
        for (const each of [it, idle, watch, pool])
            assert.throws(() => each.close(), error => errors.push(error.status) > 0);
        return 'fresh-token';
    };
    const body = '{"result":[],"success":true}';
    const calls = [() => it.fetch(), () => it.fetchDirectory(), () => it.fetchOne(1001), () => pool.fetch(it),
                   () => it.fetchThrough(() => ({ status: 200, body })), () => it.watch().next()];
    for (const call of calls) {
        it = context({ personalKey: null, tokenProvider });
        await call();
        assert.deepEqual(errors, Array(4).fill(Status.BUSY), String(call));
    }
    watch.close();
    pool.close();
});

test('the provider is called again after a 401', async () => {
    const asked = [];
    const tokenProvider = rejected => {
        asked.push(rejected);
        return rejected ? { token: 'fresh-token', expiresAt: new Date(Date.now() + MINUTE) } : 'stale-token';
    };
    const it = context({ personalKey: null, tokenProvider });
    assert.equal((await it.fetch()).length, 3);
    assert.deepEqual(asked, [false, true]);
});

test('an exception in a provider is the cause', async () => {
    const it = context({ personalKey: null, tokenProvider: () => { throw new Error('no token'); } });
    for (const call of [() => it.fetch(), () => it.fetchDirectory(), () => it.fetchThrough(() => ({}))])
        assert.equal((await failure(Status.NO_CREDENTIAL, call())).cause.message, 'no token');
    it.set({ tokenProvider: () => { throw new LockSyncError(Status.FORBIDDEN); } });
    await failure(Status.FORBIDDEN, it.fetch());
    it.set({ tokenProvider: async () => 'fresh-token' });
    assert.match((await failure(Status.NO_CREDENTIAL, it.fetch())).cause.message, /must not be a promise/);
    it.set({ tokenProvider: () => { throw undefined; } }); // eslint-disable-line no-throw-literal
    await failure(Status.NO_CREDENTIAL, it.fetch());
});

test('a deeply nested response has enough stack', async () => {
    const body = '{"x":' + '['.repeat(2040) + ']'.repeat(2040) + ',"result":[{"id":5}],"success":true}';
    const url = await startServer((_request, response) => response.end(body));
    assert.equal((await context({ baseUrl: url }).fetch()).length, 1);
    assert.equal((await context({ transport: () => ({ status: 200, body }) }).fetch()).length, 1);
});

test('the version is the library\'s', () => assert.match(version(), /^\d+\.\d+\.\d+$/));
