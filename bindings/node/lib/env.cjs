// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* Environments of programs: strings "NAME=value" with a NUL behind each. */
const fs = require('node:fs');

/* Names that Node 24 and later give to threads which run no JavaScript. */
const HELPER = /^((node-)?V8Worker|DelayedTaskSche|SignalInspector|(node-)?libuv-worker)\n$/;

/* A Worker's thread that has just begun still has the name of the main one. */
function hasOnlyHelpers() {
    try {
        return fs.readdirSync('/proc/self/task').every((task) =>
            Number(task) === process.pid ||
            HELPER.test(fs.readFileSync(`/proc/self/task/${task}/comm`, 'latin1')));
    } catch {
        return false;
    }
}

/* There may be Workers already, if the module by which programs make them was loaded. */
const mayWork = (process.moduleLoadList?.includes('NativeModule worker_threads') ?? true) &&
    !hasOnlyHelpers();
const { isMainThread } = require('node:worker_threads');

/*
 * Where process.env is the process's environment itself, the addon reads that. Bun keeps
 * a copy, and so does a Worker. A Worker with SHARE_ENV changes the process's own, under
 * a lock that an addon cannot take, and so do Deno's.
 */
const own = process.env;
let reads = isMainThread && !mayWork && !process.versions.bun && !process.versions.deno;
if (reads) process.once('worker', () => { reads = false; });

/* Tells whether the addon may read the environment; the program may have another one. */
function isShared() {
    return reads && process.env === own;
}

function encode(vars) {
    const parts = [];
    // with those of its prototype, as child_process has it
    for (const name in vars) {
        const value = vars[name];
        if (value === undefined) continue;
        const entry = `${name}=${value}`;
        if (entry.includes('\0')) {
            throw Object.assign(new TypeError(`env: ${JSON.stringify(name)} has a NUL`),
                { code: 'ERR_INVALID_ARG_VALUE' });
        }
        parts.push(entry, '\0');
    }
    return Buffer.from(parts.join(''), 'utf8');
}

/** An environment that is encoded once, for many runs. */
class Env {
    #vars;
    #block;

    constructor(from = process.env) {
        this.#vars = Object.create(null);
        for (const name in from) this.#vars[name] = from[name];
        this.#block = encode(this.#vars);
    }

    /** Another one, with more variables; undefined takes one away. */
    with(more) {
        return new Env({ ...this.#vars, ...more });
    }

    get(name) {
        return this.#vars[name];
    }

    static block(env) {
        return env.#block;
    }
}

/** The block for a run; null: the process's own environment. */
function envBlock(env) {
    if (env instanceof Env) return Env.block(env);
    if (env === undefined || env === null || env === process.env) {
        return isShared() ? null : encode(process.env);
    }
    if (typeof env !== 'object') {
        throw Object.assign(new TypeError('env must be an object'),
            { code: 'ERR_INVALID_ARG_TYPE' });
    }
    return encode(env);
}

/** The PATH that a name is searched along; null: that of the process. */
function pathOf(env) {
    if (env === undefined || env === null || env === process.env) {
        return isShared() ? null : process.env.PATH ?? null;
    }
    return (env instanceof Env ? env.get('PATH') : env.PATH) ?? null;
}

module.exports = { Env, encode, envBlock, pathOf };
