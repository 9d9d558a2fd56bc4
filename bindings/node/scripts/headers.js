'use strict';
// Writes what the package has of the C library: its flat headers, the types of its numbers, its license. `npm pack` and
// `npm ci` run it.
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const include = path.join(__dirname, '..', '..', '..', 'include');
const lib = path.join(__dirname, '..', 'lib');

const flatten = header => execFileSync('python3',
    [path.join(include, 'flatten.py'), path.join(include, 'locksync', header)], { encoding: 'utf8' });

fs.writeFileSync(path.join(lib, 'locksync-ffi.h'), flatten('locksync.h'));
fs.writeFileSync(path.join(lib, 'locksync-redis-ffi.h'), flatten('redis.h'));

const { ENUMERATIONS, enumerations } = require('../lib/constants.js');
const values = enumerations();
const lines = ['// Made by scripts/headers.js.'];
for (const name of Object.keys(ENUMERATIONS)) {
    lines.push(`export declare const ${name}: {`);
    for (const [member, value] of Object.entries(values[name]))
        lines.push(`    readonly ${member}: ${value};`);
    // numbers without a name in this version are kept, so each type is a number
    lines.push('};', `export type ${name} = (typeof ${name})[keyof typeof ${name}] | (number & {});`);
}
fs.writeFileSync(path.join(__dirname, '..', 'constants.d.ts'), lines.join('\n') + '\n');

fs.copyFileSync(path.join(include, '..', 'LICENSE'), path.join(lib, '..', 'LICENSE'));
