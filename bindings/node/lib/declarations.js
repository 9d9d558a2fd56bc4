'use strict';
// The functions of the C library, under their names there, by the flat headers. A function is looked up when it is
// first used. Types have no names in koffi, because a process may load this file more than once.
const { promisify } = require('node:util');
const koffi = require('koffi');
const { constants, header, redisHeader } = require('./constants.js');

// A call that may block runs in a thread of koffi, whose stack is too small for a fetch. Its size can be changed only
// before koffi has loaded a library.
const STACK = 1024 * 1024;
if (koffi.config().async_stack_size < STACK) {
    try {
        koffi.config({ async_stack_size: STACK });
    } catch { // another package has loaded a library: there are no threads then
    }
}
const hasThreads = koffi.config().async_stack_size >= STACK;

/** Calls a function in another thread, if possible. */
const inThread = async (called, ...args) => (hasThreads ? promisify(called.async)(...args) : called(...args));

/** Types by their C name. */
const types = new Map(Object.entries({ ...koffi.types, _Bool: koffi.types.bool }));
const TYPE = /^((?:unsigned )?(?:long long|\w+)) ?([*]*)$/;

/** Returns the type of a C declaration such as `const char *`. */
function typeOf(declaration) {
    const [, name, stars] = TYPE.exec(declaration.replace(/\bconst\b ?/g, '').trim());
    if (name === 'char' && stars && declaration.startsWith('const'))
        return stars.length === 1 ? koffi.types.str : koffi.pointer(koffi.types.str);
    let type = types.get(name);
    if (!type)
        throw new Error(`the header has no type ${name}`);
    for (let i = 0; i < stars.length; i++)
        type = koffi.pointer(type);
    return type;
}

/** Returns a parameter's type. A pointer to a pointer or to a number is for the function's result, unless const. */
function parameterOf(declaration) {
    const [, type] = /^(.*?)(\w+)$/.exec(declaration.trim());
    const [, name, stars] = TYPE.exec(type.trim()) || [];
    const isNumber = /^(_?[Bb]ool|size_t|u?int\d+_t|(unsigned )?(int|long|long long))$/.test(name);
    const isOut = stars === '*' && isNumber || /\w \*\*$/.test(type.trim());
    return isOut ? koffi.out(typeOf(type)) : typeOf(type);
}

const parametersOf = list => (list === 'void' ? [] : list.split(',').map(parameterOf));

function structOf(body) {
    const members = {};
    for (const member of body.split(/;\s*/).filter(Boolean)) {
        const [, functionName] = /\(\*(\w+)\)\(/.exec(member) || [];
        const [, elements, array, size] = /^(.*?)(\w+)\[(\w+)\]$/.exec(member) || [];
        const [, type, plain] = /^(.*?)(\w+)$/.exec(member) || [];
        if (functionName || member.startsWith('struct '))
            members[functionName ?? plain] = koffi.pointer(koffi.types.void);
        else if (array)
            members[array] = koffi.array(typeOf(elements), constants[size] ?? Number(size));
        else
            members[plain] = typeOf(type);
    }
    return koffi.struct(members);
}

/** Adds a header's types. Returns its functions, each looked up in the library of `load` when it is first used. */
function declare(text, load) {
    const functions = {};
    for (const [declaration] of text.matchAll(/(?:[^;{}]|\{[^{}]*\})+;/g)) {
        const line = declaration.trim();
        let found;
        if (line.startsWith('enum'))
            continue;
        if ((found = /^typedef (.*?)\(\*(\w+)\)\((.*)\);$/.exec(line)))
            types.set(found[2], koffi.pointer(koffi.proto(typeOf(found[1]), parametersOf(found[3]))));
        else if ((found = /^typedef struct (\w+) \{\s*(.*)\} \w+;$/s.exec(line)))
            types.has(found[1]) || types.set(found[1], structOf(found[2]));
        else if ((found = /^typedef struct (\w+) \w+;$/.exec(line)))
            types.has(found[1]) || types.set(found[1], koffi.opaque());
        else if ((found = /^typedef (.+) (\w+);$/.exec(line)))
            types.has(found[2]) || types.set(found[2], typeOf(found[1]));
        else if ((found = /^(.*?)(\w+)\((.*)\);$/.exec(line)))
            define(functions, load, ...found.slice(1));
    }
    return functions;
}

function define(functions, load, result, name, parameters) {
    Object.defineProperty(functions, name, {
        configurable: true,
        enumerable: true,
        get() {
            const value = load().func(name, typeOf(result), parametersOf(parameters));
            Object.defineProperty(functions, name, { value, enumerable: true });
            return value;
        },
    });
}

function open(file, variable) {
    try {
        return koffi.load(process.env[variable] || file);
    } catch (error) {
        throw new Error(`${file} cannot be loaded; is libgetlock-sync installed?`, { cause: error });
    }
}

const library = open('liblocksync.so.0', 'LOCKSYNC_LIBRARY');
const lib = declare(header, () => library);

let redisLibrary;
const redis = declare(redisHeader, () => (redisLibrary ??= open('liblocksync-redis.so.0', 'LOCKSYNC_REDIS_LIBRARY')));

/** Registers a function that C calls. `type` is a typedef of the header. */
const register = (type, action) => koffi.register(action, types.get(type));
const decode = (pointer, type) => koffi.decode(pointer, types.get(type));

module.exports = { lib, redis, register, decode, inThread, hasThreads, poll: koffi.node.poll };
