'use strict';
// Reads the declarations of the C library from its flat header: `lib` has the functions, `constants` the enumerators.
const fs = require('node:fs');
const koffi = require('koffi');

const PLACES = ['/usr/include', '/usr/local/include'].map(folder => folder + '/locksync/locksync-ffi.h');
const place = process.env.LOCKSYNC_FFI_HEADER || PLACES.find(fs.existsSync);
if (!place)
    throw new Error('locksync-ffi.h was not found; set LOCKSYNC_FFI_HEADER to its path');
const header = fs.readFileSync(place, 'utf8');
// A fetch needs 256 KiB of stack, and a worker of koffi has 128. It can be changed only before a library is loaded.
if (koffi.config().async_stack_size < 1024 * 1024)
    koffi.config({ async_stack_size: 1024 * 1024 });
const library = koffi.load(process.env.LOCKSYNC_LIBRARY || 'liblocksync.so.0');

koffi.alias('_Bool', 'bool');

const lib = {};
const constants = {};

/** Makes a type for a pointer to a function; koffi needs a named type for the function. */
function callback(name, result, parameters) {
    return koffi.pointer(koffi.proto(`${result}${name}_function(${parameters})`));
}

function struct(name, body) {
    const members = {};
    for (const member of body.split(/;\s*/).filter(Boolean)) {
        const [, result, of, parameters] = /^(.*)\(\*(\w+)\)\((.*)\)$/.exec(member) || [];
        const [, elements, array, size] = /^(.*?)(\w+)\[(\w+)\]$/.exec(member) || [];
        const [, type, plain] = /^(.*?)(\w+)$/.exec(member) || [];
        if (of)
            members[of] = callback(`${name}_${of}`, result, parameters);
        else if (array)
            members[array] = koffi.array(elements.trim(), constants[size] ?? Number(size));
        else
            members[plain] = type.trim().replace(/^struct .*/, 'void *'); // koffi knows a type only when it is complete
    }
    koffi.struct(name, members);
}

for (const [declaration] of header.matchAll(/(?:[^;{}]|\{[^{}]*\})+;/g)) {
    const text = declaration.trim();
    let found;
    if (text.startsWith('enum'))
        for (const [, name, value] of text.matchAll(/(\w+) = (\w+)/g))
            constants[name] = Number(value);
    else if ((found = /^typedef struct (\w+) \{\s*(.*)\} \w+;$/s.exec(text)))
        struct(found[1], found[2]);
    else if ((found = /^typedef struct (\w+) \w+;$/.exec(text)))
        koffi.opaque(found[1]);
    else if ((found = /^typedef (.*?)\(\*(\w+)\)\((.*)\);$/.exec(text)))
        koffi.alias(found[2], callback(found[2], found[1], found[3]));
    else if ((found = /^typedef (\w+) (\w+);$/.exec(text)))
        koffi.alias(found[2], found[1]);
    else // a function; koffi returns its pointer-to-pointer outputs in an array
        lib[/(\w+)\(/.exec(text)[1]] = library.func(text.replace(/(const )?\w+ \*\*/g, '_Out_ $&').replace(/;$/, ''));
}

/** Returns the enumerators with a prefix, by the rest of their names. */
function enumeration(prefix) {
    const names = Object.keys(constants).filter(name => name.startsWith(prefix));
    return Object.freeze(Object.fromEntries(names.map(name => [name.slice(prefix.length), constants[name]])));
}

module.exports = { lib, constants, enumeration };
