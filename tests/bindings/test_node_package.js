'use strict';
// The package of bindings/node as its users have it: installed by npm, without a variable.
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test, before } = require('node:test');
const { KEY, runProgram, startSimulator, startSimulatorProcess, user } = require('./node_support.js');

const installed = path.join(user, 'node_modules', 'locksync');
let baseUrl;
let settings;

before(async () => {
    baseUrl = await startSimulator('--static', '--locks', '3', '--personal-key', KEY);
    settings = JSON.stringify({ baseUrl, personalKey: KEY });
});

const printsIds = { out: '1001 1002 1003\n', err: '', code: 0, signal: null };

test('it needs no file outside, and has its license', () => {
    assert.ok(fs.existsSync(path.join(installed, 'LICENSE')));
    for (const file of fs.readdirSync(path.join(installed, 'lib')))
        assert.doesNotMatch(fs.readFileSync(path.join(installed, 'lib', file), 'utf8'), /usr\/include|LOCKSYNC_FFI_HEADER/);
});

test('require and import', async () => {
    const program = use => `${use}
        new Context(${settings}).fetch().then(locks => console.log(locks.map(({ id }) => id).join(' ')));`;
    const forms = {
        'a.cjs': "const { Context } = require('locksync');", 'a.mjs': "import { Context } from 'locksync';",
        'b.mjs': "import locksync from 'locksync'; const { Context } = locksync;",
    };
    for (const [name, use] of Object.entries(forms))
        assert.deepEqual(await runProgram(program(use), { name }), printsIds, name);
    const { out } = await runProgram(`import * as esm from 'locksync';
        import { createRequire } from 'node:module';
        const cjs = createRequire(import.meta.url)('locksync');
        const { default: all, ...names } = esm;
        console.log(Object.keys(names).sort().join() === Object.keys(cjs).sort().join(), all === cjs, esm.Context === cjs.Context);`,
    { name: 'c.mjs' });
    assert.equal(out, 'true true true\n');
});

test('it can be loaded twice', async () => {
    assert.deepEqual(await runProgram(`
        const first = require('locksync');
        for (const file of Object.keys(require.cache))
            if (file.includes('locksync'))
                delete require.cache[file];
        const second = require('locksync');
        if (first.Context === second.Context)
            throw new Error('it was not loaded again');
        (async () => {
            const contexts = [first, second].map(({ Context }) => new Context(${settings}));
            const [some, others] = await Promise.all(contexts.map(context => context.fetch()));
            if (some.length !== others.length)
                throw new Error('they differ');
            console.log(some.map(({ id }) => id).join(' '));
        })();`), printsIds);
});

test('worker threads', async () => {
    assert.deepEqual(await runProgram(`
        const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
        const { Context, GuardMode } = require('locksync');
        const newContext = () => new Context({ ...${settings}, guardMode: GuardMode.OFF });
        async function main() {
            const ids = [];
            await Promise.all(Array.from({ length: 4 }, (_, i) => new Promise((resolve, reject) =>
                new Worker(__filename, { workerData: 1001 + i % 3 }).on('message', id => ids.push(id)).on('error', reject)
                    .on('exit', resolve))));
            const idsOfAll = (await newContext().fetch()).map(({ id }) => id);
            if (ids.length !== 8 || !ids.every(id => idsOfAll.includes(id)))
                throw new Error('wrong ids ' + ids);
            console.log(idsOfAll.join(' '));
        }
        async function inWorker() {
            const context = newContext();
            parentPort.postMessage((await context.fetchOne(workerData)).id);
            for await (const changes of context.watch([workerData])) {
                parentPort.postMessage(changes[0].after.id);
                break;
            }
        }
        isMainThread ? main() : inWorker();`), printsIds);
});

test('a worker ends while it fetches', async () => {
    const slow = await startSimulator('--delay-ms', '60000');
    assert.deepEqual(await runProgram(`
        const { Worker, isMainThread, parentPort } = require('node:worker_threads');
        async function main() {
            for (let i = 0; i < 4; i++) {
                const worker = new Worker(__filename);
                const code = new Promise(resolve => worker.once('exit', resolve));
                await new Promise(resolve => worker.once('message', resolve));
                await new Promise(resolve => setTimeout(resolve, 50));
                worker.postMessage('end');
                await code;
            }
            console.log('ended');
        }
        function inWorker() {
            const { Context } = require('locksync');
            parentPort.on('message', () => process.exit(0));
            const contexts = Array.from({ length: 5 }, () => new Context({ baseUrl: '${slow}', personalKey: 'k' }));
            contexts.forEach(context => context.fetch());
            setTimeout(() => parentPort.postMessage('fetching'), 50);
        }
        isMainThread ? main() : inWorker();`), { ...printsIds, out: 'ended\n' });
});

test('Ctrl-C ends a program that fetches, or waits', async () => {
    const slow = await startSimulator('--delay-ms', '60000');
    const calls = {
        fetch: 'context.fetch()', one: 'context.fetchOne(1001)', pool: 'new Pool().fetch(context)', through: 'context.fetchThrough(() => new Promise(() => {}))',
        guard: 'context.fetch().then(() => context.fetch())', watch: 'context.watch().next().then(() => new Promise(() => {}))',
    };
    for (const [name, call] of Object.entries(calls)) {
        const url = ['guard', 'watch'].includes(name) ? baseUrl : slow;
        let begun;
        const { signal, code } = await runProgram(`const { Context, GuardMode, Pool } = require('locksync');
            const context = new Context({ baseUrl: '${url}', personalKey: '${KEY}', guardMode: GuardMode.WAIT });
            ${call};
            setTimeout(() => console.log('waits'), 100);`,
        { kill: child => { begun = performance.now(); child.kill('SIGINT'); } });
        assert.deepEqual([signal, code], ['SIGINT', null], name);
        assert.ok(performance.now() - begun < 20000, name);
    }
});

test('process.exit() in mid-fetch, and a death of the server', async () => {
    const { url, child } = await startSimulatorProcess('--delay-ms', '60000');
    const begun = performance.now();
    const { code, err } = await runProgram(`const { Context } = require('locksync');
        for (const callback of [{}, { logger() {} }, { personalKey: null, tokenProvider: () => 'token' }])
            for (const name of ['fetch', 'fetchOne', 'fetchDirectory'])
                new Context({ baseUrl: '${url}', personalKey: 'k', ...callback })[name](name === 'fetchOne' ? 5 : undefined);
        new Context({ baseUrl: '${baseUrl}', personalKey: '${KEY}' }).watch().next().then(() => process.exit(7));`);
    assert.deepEqual([code, err], [7, '']);
    assert.ok(performance.now() - begun < 20000);
    const died = await runProgram(`const { Context } = require('locksync');
        new Context({ baseUrl: '${url}', personalKey: 'k' }).fetch().catch(error => console.log(error.code));
        setTimeout(() => console.log('fetching'), 100);`,
    { kill: (_, out) => out.includes('fetching') && child.kill('SIGKILL') });
    assert.deepEqual([died.out, died.code], ['fetching\nLOCK_SYNC_E_NETWORK\n', 0]);
});

test('a missing library is explained', async () => {
    const { err, code } = await runProgram("require('locksync');", { env: { LD_LIBRARY_PATH: '/nowhere' } });
    if (code === 0)
        return; // it is installed in the system
    assert.match(err, /liblocksync.so.0 cannot be loaded; is libgetlock-sync installed\?/);
});

test('using', async () => {
    const program = `const { Context, Guard, Pool } = require('locksync');
        async function main() {
            await using pool = new Pool();
            using guard = new Guard();
            using context = new Context({ ...${settings}, guard });
            await using watch = pool.watch(context);
            await watch.next();
            console.log(watch.results?.map(({ id }) => id).join(' '));
        }
        main();`;
    const source = path.join(user, 'using.ts');
    fs.writeFileSync(source, program.replace('const { Context, Guard, Pool } = require', 'import { Context, Guard, Pool } from')
        .replace("from('locksync')", "from 'locksync'"));
    compile(['--target', 'es2022', '--lib', 'es2022,esnext.disposable', '--module', 'commonjs', source]);
    assert.deepEqual(await runProgram(fs.readFileSync(path.join(user, 'using.js'), 'utf8')), printsIds);
});

/** Compiles types strictly. Returns what the compiler says. */
function compile(args) {
    const tsc = path.join(user, 'node_modules', 'typescript', 'bin', 'tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '--strict', '--exactOptionalPropertyTypes',
        '--noUncheckedIndexedAccess', '--types', 'node', ...args], { cwd: user, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
}

test('the types, for both kinds of modules', () => {
    const source = fs.readFileSync(path.join(__dirname, 'node_types.ts'), 'utf8');
    const files = ['mts', 'cts'].map(kind => path.join(user, `types.${kind}`));
    files.forEach(file => fs.writeFileSync(file, source));
    const common = ['--noEmit', '--target', 'es2022', '--lib', 'es2022,dom'];
    compile([...common, '--module', 'node16', ...files]);
    compile([...common, '--module', 'esnext', '--moduleResolution', 'bundler', files[0]]);
});

test('the types have what the package has', () => {
    const declared = fs.readFileSync(path.join(installed, 'index.d.ts'), 'utf8');
    const names = Object.keys(require(path.join(installed)));
    for (const name of names)
        assert.match(declared, new RegExp(`(class|function) ${name}\\b|^    .*\\b${name}\\b`, 'm'), name);
    const { Context, Guard, Pool, Redis, Watch, Results, Directory, Changes } = require(installed);
    for (const { name, prototype } of [Context, Guard, Pool, Redis, Watch, Results, Directory, Changes]) {
        const body = declared.slice(declared.indexOf(`declare class ${name} `)).split('\n}')[0];
        for (const member of Object.getOwnPropertyNames(prototype))
            if (!member.startsWith('_'))
                assert.match(body, new RegExp(`\\b${member}\\b`), `${name}.${member}`);
    }
});

test('npm finds nothing wrong', () => {
    const { stdout } = spawnSync('npm', ['ls', '--json', 'locksync'], { cwd: user, encoding: 'utf8' });
    const { locksync } = JSON.parse(stdout).dependencies;
    assert.deepEqual([locksync.version, locksync.problems], [require(path.join(installed, 'package.json')).version, undefined]);
});
