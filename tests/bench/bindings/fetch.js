'use strict';
// The cost of a fetch in Node: fetch.js ROUNDS [through] prints the microseconds of one, and those of CPU. The package is
// the one that the tests have installed in the build folder.
const { createRequire } = require('node:module');
const path = require('node:path');
const build = path.join(path.dirname(process.env.LOCKSYNC_LIBRARY), '..');
const user = path.join(build, 'tests', 'bindings', 'node-user', 'user');
const { Context, GuardMode } = createRequire(path.join(user, 'program.js'))('locksync');

async function main(rounds, how) {
    const { LOCKSYNC_BASE_URL: baseUrl, LOCKSYNC_PERSONAL_KEY: personalKey } = process.env;
    const transport = how === 'through' ? ({ url, headers, signal }) => fetch(url, { headers, signal }) : null;
    const context = new Context({ baseUrl, personalKey, guardMode: GuardMode.OFF, transport });
    let begun;
    for (let i = 0; i < 100 + rounds; i++) {
        if (i === 100)
            begun = { time: process.hrtime.bigint(), cpu: process.cpuUsage() };
        (await context.fetch()).filter(lock => lock.isLocked).length;
    }
    const { user, system } = process.cpuUsage(begun.cpu);
    const wall = Number(process.hrtime.bigint() - begun.time) / 1e3;
    console.log((wall / rounds).toFixed(1), ((user + system) / rounds).toFixed(1));
    context.close();
}

main(Number(process.argv[2]), process.argv[3]);
