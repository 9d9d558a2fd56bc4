'use strict';
// bindings/node against the simulator: pools and watches.
const assert = require('node:assert/strict');
const { test, before } = require('node:test');
const {
    KEY, failure, locksync, newContext, newPool, runProgram, startServer, startSimulator, startSimulatorProcess, withFault,
} = require('./node_support.js');

const { ChangeKind, GuardMode, LockSyncError, Status } = locksync;
const HOUR = 3600000;
let baseUrl;
const context = settings => newContext({ baseUrl, ...settings });

before(async () => {
    baseUrl = await startSimulator('--static', '--locks', '3', '--personal-key', KEY);
});

/** Returns a server whose locks have the given states, names and serial numbers. */
async function startAccount(locks) {
    const account = { locks, requests: 0 };
    account.url = await startServer((request, response) => {
        account.requests++;
        const isDirectory = request.url.includes('Page=');
        const result = account.locks.map(({ id, name, serialNumber, state = 6 }) => ({
            id, isConnected: true, deviceState: { state }, ...(isDirectory && { name, serialNumber, lockProperties: { state } }),
        }));
        response.end(JSON.stringify({ result, success: true, statusCode: 200 }));
    });
    return account;
}

test('a pool fetches for many contexts at once', async () => {
    const pool = newPool({ maxConnections: 10, maxConnectionsPerOrigin: 5, maxActive: 20 });
    const contexts = Array.from({ length: 50 }, () => context());
    const all = Promise.all(contexts.map(it => pool.fetch(it, [1001, 77])));
    assert.equal(pool.pending, 50);
    for (const locks of await all)
        assert.deepEqual([locks.length, locks.missing], [1, [77]]);
    const directories = await Promise.all(contexts.map(it => pool.fetchDirectory(it)));
    assert.ok(directories.every(directory => directory.get(1002).name === 'Garage'));
    const error = await withFault(baseUrl, '503', () => failure(Status.SERVER, pool.fetch(contexts[0])));
    assert.equal(error.retryAfterMs, 7000);
    await failure(Status.INVALID_ARGUMENT, pool.fetch(contexts[0], [-1]));
    await failure(Status.INVALID_ARGUMENT, pool.fetch(context({ transport: () => ({}) })));
    await assert.rejects(pool.fetch({}), /not a Context/);
    const running = contexts.map(it => failure(Status.CANCELLED, pool.fetch(it)));
    contexts[0].close();
    pool.close();
    await Promise.all(running);
    pool.close(); // again
    await failure(Status.INVALID_ARGUMENT, pool.fetch(contexts[1]));
});

test('an idle pool does not keep the program alive', async () => {
    const { out } = await runProgram(`const { Context, Pool } = require('locksync');
        new Pool().fetch(new Context({ baseUrl: 'http://127.0.0.1:1', personalKey: 'k' }))
            .catch(error => console.log(error.code));`);
    assert.equal(out, 'LOCK_SYNC_E_CONNECT\n');
});

test('a watch reports the locks, then their changes', async () => {
    const url = await startSimulator('--time-scale', '3600'); // an hour of the locks passes in a second
    const pool = newPool();
    const contexts = [1, 2, 3].map(() => context({ baseUrl: url }));
    const reported = [];
    for await (const changes of pool.watch(contexts[0], null, { intervalMs: 10 }))
        if (reported.push(changes) === 2)
            break;
    assert.ok(reported[0].every(({ kinds, before }) => kinds & ChangeKind.ADDED && before === null));
    assert.deepEqual(reported[0].map(({ after }) => after.id), [1001, 1002, 1003, 1004]);
    assert.deepEqual(reported[0].map(({ after }) => after), [...reported[0].results]);
    for (const { kinds, before, after } of reported[1]) {
        assert.deepEqual(reported[1].results.get(after.id), after);
        assert.notDeepEqual(before, after);
        assert.equal(before.id, after.id);
        assert.equal(kinds & (ChangeKind.ADDED | ChangeKind.REMOVED), 0);
    }
    const watches = contexts.map(it => pool.watch(it, [1001], { intervalMs: HOUR }));
    for (const watch of watches)
        assert.equal((await watch.next()).value.length, 1);
    const ends = watches.map(watch => failure(Status.CANCELLED, watch.next()));
    contexts[0].close(); // ends its watch, and
    pool.close(); // those of the others
    await Promise.all(ends);
});

test('a watch shows how old its states are, and why', async () => {
    const { url, child } = await startSimulatorProcess('--static', '--locks', '3');
    const it = context({ baseUrl: url });
    const watch = it.watch({ intervalMs: 20 });
    assert.deepEqual([watch.results, watch.ageMs, watch.lastStatus, watch.directory], [null, null, Status.OK, null]);
    await watch.next();
    assert.deepEqual([watch.results.length, watch.lastStatus], [3, Status.OK]);
    assert.ok(watch.ageMs < 5000 && watch.dueInMs <= 25);
    child.kill('SIGKILL');
    const changed = watch.next();
    for (const begun = Date.now(); watch.lastStatus === Status.OK && Date.now() - begun < 20000;)
        await new Promise(resolve => setTimeout(resolve, 20));
    assert.ok(new LockSyncError(watch.lastStatus).isRetryable);
    assert.ok(watch.ageMs > 0);
    assert.deepEqual([watch.results.length], [3]); // the last that are known
    watch.close();
    assert.deepEqual(await changed, { value: undefined, done: true });
    assert.deepEqual([watch.results, watch.ageMs, watch.lastStatus], [null, null, Status.CANCELLED]);
});

test('next() is safe to race against a timeout', async () => {
    const account = await startAccount([{ id: 5 }]);
    const watch = context({ baseUrl: account.url }).watch({ intervalMs: 20 });
    await watch.next();
    const next = watch.next();
    assert.equal(await Promise.race([next, new Promise(resolve => setTimeout(resolve, 100, 'late'))]), 'late');
    account.locks[0].state = 2;
    assert.equal((await next).value[0].after.state, 2);
    const two = Promise.all([watch.next(), watch.next()]);
    account.locks[0].state = 4;
    while (watch.results[0].state !== 4)
        await new Promise(resolve => setTimeout(resolve, 5));
    account.locks[0].state = 6;
    assert.deepEqual((await two).map(({ value }) => value[0].after.state), [4, 6]);
    watch.close();
});

test('a watch goes on after a lasting error, which ends a loop', async () => {
    const it = context({ personalKey: 'wrong' });
    const watch = newPool().watch(it, null, { intervalMs: 20 });
    await failure(Status.UNAUTHORIZED, watch.next());
    await new Promise(resolve => setTimeout(resolve, 100)); // the further ones are one
    await failure(Status.UNAUTHORIZED, watch.next());
    assert.equal(watch.lastStatus, Status.UNAUTHORIZED);
    await failure(Status.UNAUTHORIZED, watch.next());
    await failure(Status.UNAUTHORIZED, (async () => {
        for await (const changes of watch)
            assert.fail(`there are ${changes.length} locks`);
    })());
    assert.deepEqual(await watch.next(), { value: undefined, done: true });
    it.set({ personalKey: KEY }); // it is no longer busy
    assert.equal((await it.fetch()).length, 3);
});

test('an error that passes does not end a watch, nor does cancel()', async () => {
    const it = context();
    const watch = it.watch({ intervalMs: 30 });
    assert.equal((await watch.next()).value.length, 3);
    const ended = failure(Status.CANCELLED, watch.next());
    it.cancel();
    await ended;
    const begun = Date.now();
    while (watch.lastStatus !== Status.SERVER && Date.now() - begun < 20000)
        await withFault(baseUrl, '500', () => new Promise(resolve => setTimeout(resolve, 100)));
    while (watch.lastStatus !== Status.OK && Date.now() - begun < 20000)
        await new Promise(resolve => setTimeout(resolve, 20));
    assert.equal(watch.lastStatus, Status.OK);
    watch.close();
});

test('a signal ends a watch', async () => {
    const it = context();
    const controller = new AbortController();
    const seen = [];
    await assert.rejects(async () => {
        for await (const changes of it.watch({ signal: controller.signal, intervalMs: HOUR })) {
            seen.push(changes.length);
            setTimeout(() => controller.abort(), 10);
        }
    }, { name: 'AbortError' });
    assert.deepEqual(seen, [3]);
    assert.equal((await it.fetch()).length, 3);
    assert.throws(() => it.watch({ signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('a signal that a logger aborts ends a watch after the call of the logger', async () => {
    const controller = new AbortController();
    const after = [];
    let watch;
    const it = context({
        logger() {
            controller.abort();
            after.push(watch.lastStatus);
        },
    });
    watch = it.watch({ signal: controller.signal });
    await assert.rejects(async () => {
        for await (const changes of watch)
            assert.equal(changes.length, 3);
    }, { name: 'AbortError' });
    assert.deepEqual([after[0], watch.lastStatus], [Status.OK, Status.CANCELLED]);
    it.set({ logger: null });
    assert.equal((await it.fetch()).length, 3);
});

test('an error in the loop ends the watch', async () => {
    const it = context();
    await assert.rejects(async () => {
        for await (const changes of it.watch())
            throw new Error(`mine ${changes.length}`);
    }, /mine 3/);
    assert.equal((await it.fetch()).length, 3);
});

test('a watch with the directory', async () => {
    const account = await startAccount([{ id: 5, name: 'Door', serialNumber: 'A-1' }, { id: 6, serialNumber: 'A-2' }]);
    const it = context({ baseUrl: account.url });
    const watch = it.watch({ directory: true, intervalMs: 20 });
    const { value: first } = await watch.next();
    assert.deepEqual(first.map(({ info }) => [info.name, info.serialNumber]), [['Door', 'A-1'], [null, 'A-2']]);
    assert.equal(watch.directory.getBySerial('A-1').id, 5);
    account.locks[1].state = 2;
    const { value: second } = await watch.next();
    assert.deepEqual(second.map(({ kinds, info }) => [kinds, info.id]), [[ChangeKind.STATE, 6]]);
    watch.close();
});

test('a watch by serial number follows a new id and name', async () => {
    const account = await startAccount([{ id: 5, name: 'Door', serialNumber: 'A-1' }, { id: 6, serialNumber: 'A-2' }]);
    const it = context({ baseUrl: account.url, guardMode: GuardMode.FAIL, guard: new locksync.Guard({
        minIntervalMs: 1, directoryIntervalMs: 1,
    }) });
    const pool = newPool();
    const watch = pool.watch(it, null, { serialNumbers: ['A-1'], intervalMs: 20 });
    const { value: first } = await watch.next();
    assert.deepEqual(first.map(({ after, info }) => [after.id, info.name]), [[5, 'Door']]);
    account.locks[0] = { id: 9, name: 'Front door', serialNumber: 'A-1' };
    const { value: second } = await watch.next();
    const kinds = ChangeKind.NEW_ID | ChangeKind.RENAMED;
    assert.deepEqual(second.map(({ before, after, info, ...change }) => [before.id, after.id, info.name, change.kinds & kinds]),
        [[5, 9, 'Front door', kinds]]);
    watch.close();
    assert.throws(() => pool.watch(it, [5], { serialNumbers: ['A-1'] }), /not of both/);
});

test('watches in the shared pool keep the program alive until they end', async () => {
    const { out, code, err } = await runProgram(`const { Context, GuardMode } = require('locksync');
        (async () => {
            const context = new Context({ baseUrl: '${baseUrl}', personalKey: '${KEY}' });
            for await (const changes of context.watch()) { console.log(changes.length); break; }
        })();`);
    assert.deepEqual([out, code, err], ['3\n', 0, '']);
});
