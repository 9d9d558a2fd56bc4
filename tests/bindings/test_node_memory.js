'use strict';
// Memory of bindings/node: thousands of rounds, failures, and objects that a program drops without closing them.
const assert = require('node:assert/strict');
const { test, before } = require('node:test');
const { failure, locksync, newContext, requireAsUser, startServer, startSimulator, withFault } = require('./node_support.js');

const { Context, Guard, GuardMode, LockSyncError, Pool, Status } = locksync;
const koffi = requireAsUser('koffi');
const KEY = 'demo-key';
let baseUrl;
const settings = more => ({ baseUrl, personalKey: KEY, guardMode: GuardMode.OFF, ...more });

const members = 'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'.split(' ');
const mallinfo2 = koffi.load(null).func('mallinfo2', koffi.struct(
    Object.fromEntries(members.map(member => [member, 'size_t']))), []);

const later = ms => new Promise(resolve => setTimeout(resolve, ms));

/** Collects what can be collected, and lets the library free it. */
async function collect() {
    for (let i = 0; i < 3; i++) {
        global.gc();
        await later(1);
    }
}

function inUse() {
    const { uordblks, hblkhd } = mallinfo2();
    return { malloc: Number(uordblks) + Number(hblkhd), script: process.memoryUsage().heapUsed };
}

/** Checks that rounds do not use more and more memory: the least in use counts, in the first and in the last of them. */
async function staysFlat(name, rounds, round) {
    async function least(count) {
        const found = { malloc: Infinity, script: Infinity };
        for (let i = 1; i <= count; i++) {
            await round(i);
            if (i % (count / 10) === 0) {
                await collect();
                const now = inUse();
                found.malloc = Math.min(found.malloc, now.malloc);
                found.script = Math.min(found.script, now.script);
            }
        }
        return found;
    }
    await least(1500); // warm-up, also of the compiler
    const start = await least(rounds / 4);
    await least(rounds / 2);
    const end = await least(rounds / 4);
    const grown = { malloc: end.malloc - start.malloc, script: end.script - start.script };
    console.log(`# ${name}: ${rounds} rounds: ${grown.malloc} bytes of malloc, ${grown.script} of scripts`);
    assert.ok(grown.malloc < Math.max(1e6, 50 * rounds) && grown.script < 200 * rounds);
}

before(async () => {
    baseUrl = await startSimulator('--static', '--locks', '3', '--personal-key', KEY);
});

test('10,000 rounds of everything', async () => {
    const pool = new Pool();
    const kept = new Context(settings());
    await staysFlat('all', 10000, async () => {
        const lines = [];
        const guard = new Guard({ minIntervalMs: 1 });
        const it = new Context(settings({ guard, logger: (level, line) => lines.push(line), tokenProvider: () => null }));
        guard.close();
        assert.equal((await it.fetch([1001, 77])).length, 1);
        const watch = pool.watch(it, [1001]); // which it.close() ends
        assert.equal((await watch.next()).value.length, 1);
        assert.equal((await pool.fetch(kept)).length, 3);
        assert.equal((await kept.fetchDirectory({ signal: new AbortController().signal })).length, 3);
        await failure(Status.NOT_FOUND, kept.fetchOne(77));
        it.close();
        const own = new Context(settings({
            transport: () => ({ status: 503, body: '{}', headers: { 'Retry-After': '7' } }),
        }));
        await failure(Status.SERVER, own.fetch());
        own.close();
        assert.ok(lines.length > 0);
    });
    pool.close();
    kept.close();
});

test('2,000 failures of each kind', async () => {
    const dead = newContext({ baseUrl: await startServer(request => request.socket.destroy()) });
    const it = newContext({ baseUrl });
    await staysFlat('broken connections', 2000, () => failure(Status.NETWORK, dead.fetch()));
    for (const [name, status] of [['503', Status.SERVER], ['429', Status.RATE_LIMITED], ['bad-json', Status.MALFORMED]])
        await withFault(baseUrl, name, () => staysFlat(name, 2000, () => failure(status, it.fetch())));
    const signals = newContext({ baseUrl: await startSimulator('--delay-ms', '60000') });
    await staysFlat('aborted', 2000, async i => {
        const controller = new AbortController();
        const fetching = i % 2 ? signals.fetch({ signal: controller.signal })
            : signals.fetchThrough(() => new Promise(() => {}), { signal: controller.signal });
        await new Promise(setImmediate);
        controller.abort();
        await assert.rejects(fetching, { name: 'AbortError' });
    });
});

test('2,000 exceptions in each callback', async () => {
    const uncaught = [];
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', error => uncaught.push(error.message));
    const logging = newContext({ baseUrl, logger() { throw new Error('logger'); } });
    await staysFlat('logger', 2000, () => logging.fetch());
    await later(10);
    assert.ok(uncaught.length >= 2000 && uncaught.every(message => message === 'logger'));
    process.removeAllListeners('uncaughtException');
    const asking = newContext({ baseUrl, personalKey: null, tokenProvider() { throw new Error('provider'); } });
    await staysFlat('provider', 2000, () => failure(Status.NO_CREDENTIAL, asking.fetch()));
    const sending = newContext({ baseUrl, transport() { throw new LockSyncError(Status.TLS); } });
    await staysFlat('transport', 2000, () => failure(Status.TLS, sending.fetch()));
    const watching = newContext({ baseUrl });
    await staysFlat('watch', 2000, () => assert.rejects(async () => {
        for await (const changes of watching.watch())
            throw new Error(`mine ${changes.length}`);
    }, /mine/));
});

test('10,000 contexts, guards, pools and watches that are dropped', async () => {
    async function drop(count) {
        for (let i = 0; i < count; i++) {
            const context = new Context(settings({ logger: () => {}, tokenProvider: () => 'token', guard: new Guard() }));
            if (i % 100 === 0) {
                await context.fetch();
                await context.watch().next(); // it continues, but nobody waits
                await new Pool().fetch(new Context(settings()));
            }
        }
        for (let i = 0; i < 5; i++)
            await collect();
    }
    await drop(1000);
    const start = inUse();
    const isFlat = () => end.malloc - start.malloc < 1e6 && end.script - start.script < 1e6;
    await drop(10000);
    let end = inUse();
    for (let i = 0; i < 100 && !isFlat(); i++) { // the collector is not done at once
        await collect();
        end = inUse();
    }
    console.log(`# dropped: ${end.malloc - start.malloc} bytes of malloc, ${end.script - start.script} of scripts`);
    assert.ok(isFlat());
});

test('a watch that a program waits for is not collected', async () => {
    const reported = (async () => {
        for await (const changes of new Context(settings()).watch({ intervalMs: 50 }))
            return changes.length;
    })();
    for (let i = 0; i < 20; i++)
        await collect();
    assert.equal(await reported, 3);
    const account = { state: 6 };
    const url = await startServer((_, response) => response.end(JSON.stringify({
        result: [{ id: 5, isConnected: true, deviceState: { state: account.state } }], success: true,
    })));
    let count = 0;
    const second = (async () => {
        for await (const changes of new Pool().watch(new Context(settings({ baseUrl: url })), null, { intervalMs: 20 }))
            if ((count += changes.length) === 2)
                return;
    })();
    for (let i = 0; i < 40; i++) {
        await collect();
        await later(5);
    }
    account.state = 2;
    await second;
});
