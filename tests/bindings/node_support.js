'use strict';
// The tests of bindings/node share this. NODE_USER is the folder in which the package is installed, SIMULATOR the
// program. No variable of the package is set: it finds the library as any program does.
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const { createRequire } = require('node:module');
const os = require('node:os');
const path = require('node:path');
const { after, afterEach } = require('node:test');

const user = process.env.NODE_USER;
for (const name of Object.keys(process.env))
    if (name.startsWith('LOCKSYNC_'))
        delete process.env[name];
const requireAsUser = createRequire(path.join(user, 'program.js'));
const locksync = requireAsUser('locksync');
const { Context, GuardMode, LockSyncError, Pool } = locksync;

const KEY = 'demo-key';
const MINUTE = 60000;
const stops = [];
const made = [];

/** Starts a simulator. Returns its URL, or, with `whole`, also its process. */
async function startSimulator(...args) {
    return (await startSimulatorProcess(...args)).url;
}

async function startSimulatorProcess(...args) {
    const child = spawn(process.env.SIMULATOR, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = await once(child.stdout, 'data');
    stops.push(async () => {
        if (child.exitCode !== null || child.signalCode !== null)
            return;
        child.kill('SIGTERM');
        assert.equal((await once(child, 'exit'))[0], 0);
    });
    return { url: String(line).trim(), child };
}

/** Starts an HTTP server with a listener. Returns its URL. */
async function startServer(listener) {
    const server = http.createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    stops.push(() => {
        server.closeAllConnections();
        server.close();
    });
    return `http://127.0.0.1:${server.address().port}`;
}

/** Closes it at the end of the test, unless the test has closed it. */
function closing(it) {
    made.push(it);
    return it;
}

const newPool = options => closing(new Pool(options));

/** Returns a context that may fetch as often as it likes. */
const newContext = settings => closing(new Context({ personalKey: KEY, guardMode: GuardMode.OFF, ...settings }));

function temporaryFolder() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'locksync-'));
    stops.push(() => fs.rmSync(folder, { recursive: true }));
    return folder;
}

async function withFault(url, name, action) {
    await fetch(`${url}/_sim/fault?name=${name}&every=1`, { method: 'POST' });
    try {
        return await action();
    } finally {
        await fetch(`${url}/_sim/fault?name=${name}&every=0`, { method: 'POST' });
    }
}

async function failure(status, promise) {
    const error = await promise.then(() => assert.fail('it did not fail'), reason => reason);
    assert.ok(error instanceof LockSyncError, error);
    assert.equal(error.status, status, error);
    return error;
}

/** Runs a program of a user. Returns { code, signal, out, err }. */
async function runProgram(text, { args = [], name = 'program.js', kill, env = {} } = {}) {
    const file = path.join(user, `${stops.length}-${process.pid}-${name}`);
    fs.writeFileSync(file, text);
    const child = spawn(process.execPath, [...args, file], { cwd: user, env: { ...process.env, ...env } });
    const texts = { out: '', err: '' };
    child.stdout.on('data', data => { texts.out += data; kill?.(child, texts.out); });
    child.stderr.on('data', data => { texts.err += data; });
    const timer = setTimeout(() => child.kill('SIGKILL'), MINUTE);
    const [code, signal] = await once(child, 'close');
    clearTimeout(timer);
    fs.rmSync(file);
    return { code, signal, ...texts };
}

afterEach(() => made.splice(0).reverse().forEach(it => it.close()));
after(() => Promise.all(stops.map(stop => stop())));

module.exports = {
    KEY, MINUTE, closing, failure, locksync, newContext, newPool, requireAsUser, runProgram, startServer, startSimulator,
    startSimulatorProcess, temporaryFolder, user, withFault,
};
