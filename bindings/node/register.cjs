// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/*
 * The drop-in: child_process launches through templates. It replaces the two functions
 * that make the child, far below spawn, exec, execFile, fork, cluster and the sync calls,
 * whose JavaScript stays Node's own. A launch that it does not cover goes to the original
 * function, and is counted by its reason. Importing this file installs it.
 */
const { AsyncResource } = require('node:async_hooks');
const childProcess = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');

// the permission model allows no addon unless it is told to
const permitted = process.permission === undefined;
const native = permitted ? require('./lib/native.cjs') : null;
const { codeOf } = permitted ? require('./lib/errors.cjs') : {};

const NULL = -1;                // what an entry of stdio is, beside a descriptor
const PIPE = -2;
const NONE = -3;
const MOST_STDIO = 64;

const signals = new Map();
for (const [name, number] of Object.entries(os.constants.signals)) {
    if (!signals.has(number)) signals.set(number, name);
}

const counts = { cold: 0, fallback: {} };
const exits = new Map();        // by number: who is told of the end
let lastId = 0;
let proto = null;               // Process.prototype, while it is replaced
let original = null;
let originalClose = null;
let binding = null;             // of spawnSync and the like, while it is replaced
let originalSync = null;
let started = false;

/* ---- what a launch needs */

/* The PATH of the child's environment; undefined where exec would search another way. */
function searchPath(envPairs) {
    let value = process.env.PATH;
    if (envPairs) {
        const entry = envPairs.find((pair) => pair.startsWith('PATH='));
        value = entry?.slice(5);
    }
    // a relative directory counts from the child's own
    return value && value.split(':').every((dir) => dir[0] === '/') ? value : undefined;
}

function stdioOf(entry, i) {
    switch (entry.type) {
    case 'ignore':
        return i > 2 ? NONE : NULL;
    case 'pipe':
    case 'overlapped':
        return PIPE;
    case 'inherit':
    case 'fd':
        return entry.fd ?? i;
    case 'wrap':
        return entry.handle?.fd >= 0 ? entry.handle.fd : null;
    default:
        return null;
    }
}

/* Why the original has to make this launch; undefined: it need not. */
function refuse({ file, args, cwd, envPairs, stdio, uid, gid }) {
    if (!permitted) return 'permission model';
    if (uid < 0 || gid < 0) return 'uid or gid';
    if (typeof file !== 'string' || file === '' || file.includes('\0') ||
        !Array.isArray(stdio) || stdio.length > MOST_STDIO) return 'arguments';
    if (args?.length === 0) return 'arguments';
    if (file.includes('/') ? file[0] !== '/' : searchPath(envPairs) === undefined) {
        return 'relative path';
    }
    // the child would fail after its pid is known
    if (cwd !== undefined && cwd !== null && !isDirectory(cwd)) return 'no directory';
    return undefined;
}

function isDirectory(path) {
    try {
        fs.accessSync(path, fs.constants.X_OK);
        return fs.statSync(path).isDirectory();
    } catch {
        return false;
    }
}

function join(list) {
    const texts = list.map(String);
    return texts.some((text) => text.includes('\0')) ? null : texts.join('\0') + '\0';
}

/* ---- the launch */

function nameOf(signal) {
    return signals.get(signal) ?? `SIG${signal}`;
}

function count(why) {
    counts.fallback[why] = (counts.fallback[why] ?? 0) + 1;
}

function start() {
    started = native.process_start((id, code, signal) => {
        const told = exits.get(id);
        exits.delete(id);
        told?.(code, signal === 0 ? '' : nameOf(signal));
    }) === 0;
    return started;
}

/*
 * Frees what Node has made for the handle: it holds the child and all that belongs to it,
 * and Node frees it only after a launch of its own. So this is one that libuv refuses
 * before it makes a child, for the descriptor -1 (EINVAL).
 */
function freeHandle(handle, positional, done) {
    const stdio = [{ type: 'fd', fd: -1 }];
    Reflect.apply(original, handle, positional ? ['/', ['/'], undefined, undefined, stdio, 0] :
        [{ file: '/', args: ['/'], stdio }]);
    Reflect.apply(originalClose, handle, [done]);
}

/* Gives the handle the functions of one that libuv has spawned. */
function adopt(handle, id, pid, positional) {
    const resource = new AsyncResource('PROCESSWRAP');
    let kept = true;
    let ended = false;
    let closed = false;
    const keep = (on) => {
        kept = on;
        if (!ended) native.process_ref(id, on);
    };
    Object.assign(handle, {
        pid,
        kill: (signal) => (ended ? -os.constants.errno.ESRCH :
            native.process_kill(id, signal)),
        ref: () => keep(true),
        unref: () => keep(false),
        hasRef: () => kept && !ended && !closed,
        close(done) {
            if (closed) return;
            closed = true;
            if (!ended) native.process_ref(id, false);
            freeHandle(handle, positional, done);
        },
    });
    exits.set(id, (code, signal) => {
        ended = true;
        if (!closed) resource.runInAsyncScope(() => handle.onexit?.(code, signal));
    });
}

/*
 * What the addon needs of a launch; or why the original has to make it. The template is
 * the caller's to drop.
 */
function prepare(options) {
    const why = refuse(options);
    if (why) return why;
    const { file, args, cwd, envPairs, stdio, detached, uid, gid } = options;
    const given = Int32Array.from(stdio, (entry, i) => stdioOf(entry, i) ?? MOST_STDIO * -1);
    if (given.includes(MOST_STDIO * -1)) return 'stdio';
    const argv = join(args ?? [file]);
    const env = join(envPairs ?? Object.entries(process.env).map((pair) => pair.join('=')));
    if (argv === null || env === null) return 'arguments';
    const fd = native.cache_get(file, searchPath(envPairs) ?? null);
    if (fd < 0) return `create: ${codeOf(fd)}`;
    const ours = new Int32Array(given.length);
    return { fd, given, ours, values: [fd, argv, Buffer.from(env === '\0' ? '' : env), cwd,
        given, ours], numbers: [detached ? 1 : 0, uid ?? -1, gid ?? -1] };
}

/* Return: undefined; or why the original has to make the launch. */
function launch(handle, options, positional) {
    const ready = prepare(options);
    if (typeof ready === 'string') return ready;
    const { fd, given, ours, values, numbers } = ready;
    const id = ++lastId;
    const pid = started || start() ?
        native.process_spawn(id, ...values, Float64Array.from(numbers)) : null;
    native.cache_drop(fd);
    if (pid === null) return 'no event loop';
    if (pid < 0) return `launch: ${codeOf(pid)}`;
    adopt(handle, id, pid, positional);
    for (let i = 0; i < given.length; i++) {
        if (given[i] === PIPE) options.stdio[i].handle.open(ours[i]);
    }
    counts.cold++;
    return undefined;
}

/* Node 24 and later pass the options one by one; bit 0 of the flags is "detached". */
function optionsOf(args, positional) {
    if (!positional) return args[0];
    const [file, list, cwd, envPairs, stdio, flags, uid, gid] = args;
    return { file, args: list ?? undefined, cwd: cwd ?? undefined,
        envPairs: envPairs ?? undefined, stdio, detached: (flags & 1) !== 0,
        uid: uid >= 0 ? uid : undefined, gid: gid >= 0 ? gid : undefined };
}

function spawn(...args) {
    const positional = typeof args[0] === 'string';
    const why = launch(this, optionsOf(args, positional), positional);
    if (why === undefined) return 0;
    count(why);
    return Reflect.apply(original, this, args);
}

/* ---- spawnSync, execSync and execFileSync */

const TO_CHILD = 1;             // directions of a pipe
const FROM_CHILD = 2;

/* Return: what the original would return; or why it has to make the launch. */
function launchSync(options) {
    const ready = prepare(options);
    if (typeof ready === 'string') return ready;
    const { stdio, timeout, maxBuffer, killSignal } = options;
    const directions = Uint32Array.from(stdio, ({ type, readable, writable }) => (
        type !== 'pipe' ? 0 : (readable ? TO_CHILD : 0) + (writable ? FROM_CHILD : 0)));
    const numbers = Float64Array.from([...ready.numbers, Math.trunc(timeout) || 0,
        maxBuffer ?? 0, killSignal ?? os.constants.signals.SIGTERM]);
    const output = native.process_sync(...ready.values, numbers,
        stdio.map(({ input }) => input), directions);
    native.cache_drop(ready.fd);
    if (typeof output === 'number') return `launch: ${codeOf(output)}`;
    counts.cold++;
    const [pid, code, signal, error] = numbers;
    const result = { status: signal === 0 ? code : null,
        signal: signal === 0 ? null : nameOf(signal), output, pid };
    return error === 0 ? result : { error, ...result };
}

function spawnSync(...args) {
    const result = launchSync(args[0]);
    if (typeof result !== 'string') return result;
    count(result);
    return Reflect.apply(originalSync, this, args);
}

/*
 * Node's binding for spawnSync. Only process.binding() leads there, which is deprecated,
 * but the only one to be warned would be the user of this package. Without it, the calls
 * are not covered.
 */
function syncBinding() {
    const { noDeprecation } = process;
    try {
        process.noDeprecation = true;
        const found = process.binding('spawn_sync');
        return typeof found?.spawn === 'function' ? found : null;
    } catch {
        return null;
    } finally {
        process.noDeprecation = noDeprecation;
    }
}

/* ---- what users call */

/** Makes child_process launch through templates. */
function install() {
    if (proto) return;
    const handle = new childProcess.ChildProcess()._handle;
    if (!handle) throw new Error('spawn_template: this runtime has no process handle');
    proto = handle.constructor.prototype;
    original = proto.spawn;
    originalClose = proto.close;
    proto.spawn = spawn;
    binding = syncBinding();
    if (!binding) return;
    originalSync = binding.spawn;
    binding.spawn = spawnSync;
}

function uninstall() {
    if (!proto) return;
    // somebody else may have put a function of theirs in the place of ours
    if (proto.spawn === spawn) proto.spawn = original;
    proto = null;
    if (binding?.spawn === spawnSync) binding.spawn = originalSync;
    binding = null;
}

/** Launches through templates, and those of the original by their reasons. */
function stats() {
    return { cold: counts.cold, fallback: { ...counts.fallback } };
}

module.exports = { install, uninstall, stats };
install();
