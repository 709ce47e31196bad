// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/*
 * Children of child_process that are launched through templates, for the drop-in and for
 * Template.spawn(). Node's own JavaScript makes pipes, IPC, events and errors; the handle
 * that it uses is given the functions of a child of ours.
 */
const { AsyncResource } = require('node:async_hooks');
const childProcess = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');

// the permission model allows no addon unless it is told to
const permitted = process.permission === undefined;
const native = permitted ? require('./native.cjs') : null;
const { codeOf } = permitted ? require('./errors.cjs') : {};
const CHILDREN = native?.CACHE_CHILDREN;

const ESRCH = -os.constants.errno.ESRCH;
const NO_DIRECTORY = 'no directory';
const NULL = -1;                // what an entry of stdio is, beside a descriptor
const PIPE = -2;
const NONE = -3;
const MOST_STDIO = 64;

const signals = new Map();
for (const [name, number] of Object.entries(os.constants.signals)) {
    if (!signals.has(number)) signals.set(number, name);
}

const exits = new Map();        // by number: who is told of the end
let lastId = 0;
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
    case 'fd': {
        // a closed file of node:fs has -1 for a descriptor: an error of the original
        const fd = entry.fd ?? i;
        return fd >= 0 ? fd : null;
    }
    case 'wrap':
        return entry.handle?.fd >= 0 ? entry.handle.fd : null;
    default:
        return null;
    }
}

/* Why the original has to make this launch; undefined: it need not. */
function refuse({ file, args, cwd, envPairs, stdio, uid, gid, tfd }) {
    if (!permitted) return 'permission model';
    if (uid < 0 || gid < 0) return 'uid or gid';
    if (typeof file !== 'string' || file === '' || file.includes('\0') ||
        !Array.isArray(stdio) || stdio.length > MOST_STDIO) return 'arguments';
    if (args?.length === 0) return 'arguments';
    if (tfd === undefined &&
        (file.includes('/') ? file[0] !== '/' : searchPath(envPairs) === undefined)) {
        return 'relative path';
    }
    // the child would fail after its pid is known
    if (cwd !== undefined && cwd !== null && !isDirectory(cwd)) return NO_DIRECTORY;
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

function start() {
    started = native.process_start((id, code, signal) => {
        const told = exits.get(id);
        exits.delete(id);
        told?.(code, signal === 0 ? '' : nameOf(signal));
    }) === 0;
    return started;
}

/* A refused launch corrupts the memory of libuv 1.52 if other children have pipes. */
const [uvMajor, uvMinor] = process.versions.uv?.split('.').map(Number) ?? [0, 0];
const mayRefuse = uvMajor === 1 && uvMinor < 52;

/*
 * Frees what Node has made for the handle: it holds the child and all that belongs to it,
 * and Node frees it only after a launch of its own. So this is one that libuv refuses
 * before it makes a child, for the descriptor -1 (EINVAL). Where that is not possible, the
 * handle stays, some hundred bytes, and nothing that it refers to.
 */
function freeHandle(handle, positional, done) {
    if (!mayRefuse) {
        setImmediate(() => {
            done?.call(handle);
            for (const key of Reflect.ownKeys(handle)) delete handle[key];
        });
        return;
    }
    const stdio = [{ type: 'fd', fd: -1 }];
    const { spawn, close } = spawned;
    Reflect.apply(spawn, handle, positional ? ['/', ['/'], undefined, undefined, stdio, 0] :
        [{ file: '/', args: ['/'], stdio }]);
    Reflect.apply(close, handle, [done]);
}

/* Gives the handle the functions of one that libuv has spawned. */
function adopt(handle, id, pid, positional) {
    const resource = new AsyncResource('PROCESSWRAP');
    let kept = true;
    let ended = false;
    let closed = false;
    let sending = false;
    const send = (signal, tree) => {
        if (ended) return ESRCH;
        sending = true;
        try {
            return native.process_kill(id, signal, tree);
        } finally {
            sending = false;
        }
    };
    const keep = (on) => {
        kept = on;
        if (!ended) native.process_ref(id, on);
    };
    Object.assign(handle, {
        pid,
        kill: (signal) => send(signal, false),
        killTree: (signal) => send(signal, true),
        pidfd: () => (ended ? -1 : native.process_pidfd(id)),
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
        const tell = () => {
            if (!closed) resource.runInAsyncScope(() => handle.onexit?.(code, signal));
        };
        // who has called kill() may have no listeners yet
        if (sending) process.nextTick(tell);
        else tell();
    });
}

function howOf({ detached, terminal, stdioOnly }) {
    return (detached ? native.LAUNCH_SESSION : 0) +
        (terminal ? native.LAUNCH_TERMINAL : 0) + (stdioOnly ? native.LAUNCH_STDIO_ONLY : 0);
}

/*
 * Makes what the addon needs of a launch; or tells why the original has to make it. The
 * caller drops a template of the cache; options.tfd is one of its own.
 */
function prepare(options) {
    const why = refuse(options);
    if (why) return why;
    const { file, args, cwd, envPairs, stdio, uid, gid, tfd } = options;
    const given = Int32Array.from(stdio, (entry, i) => stdioOf(entry, i) ?? MOST_STDIO * -1);
    if (given.includes(MOST_STDIO * -1)) return 'stdio';
    const argv = join(args ?? [file]);
    const env = join(envPairs ?? Object.entries(process.env).map((pair) => pair.join('=')));
    if (argv === null || env === null) return 'arguments';
    const fd = tfd ?? native.cache_get(CHILDREN, file, searchPath(envPairs) ?? null);
    if (fd < 0) return `create: ${codeOf(fd)}`;
    const ours = new Int32Array(given.length);
    return { fd, given, ours, values: [fd, argv, Buffer.from(env === '\0' ? '' : env), cwd,
        given, ours], numbers: [howOf(options), uid ?? -1, gid ?? -1] };
}

/* Return: undefined; or { why, res }: why the original has to make it, and an error. */
function launch(handle, options, positional) {
    const ready = prepare(options);
    if (typeof ready === 'string') {
        const { ENOENT, ENOTSUP } = os.constants.errno;
        return { why: ready, res: ready === NO_DIRECTORY ? -ENOENT : -ENOTSUP };
    }
    const { fd, given, ours, values, numbers } = ready;
    const id = ++lastId;
    const pid = started || start() ?
        native.process_spawn(id, ...values, Float64Array.from(numbers)) : null;
    if (options.tfd === undefined) native.cache_drop(CHILDREN, fd);
    if (pid === null) return { why: 'no event loop', res: -os.constants.errno.ENOSYS };
    if (pid < 0) return { why: `launch: ${codeOf(pid)}`, res: pid };
    adopt(handle, id, pid, positional);
    for (let i = 0; i < given.length; i++) {
        if (given[i] === PIPE) options.stdio[i].handle.open(ours[i]);
    }
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

/* ---- the handle's class */

/* The methods of the class itself; those that replace them are not called. */
let spawned = null;

/** Process.prototype, whose spawn() makes a child; undefined where there is none. */
function processPrototype() {
    const proto = new childProcess.ChildProcess()._handle?.constructor.prototype;
    if (proto) spawned ??= { spawn: proto.spawn, close: proto.close };
    return proto;
}

module.exports = {
    permitted, native, CHILDREN, launch, nameOf, optionsOf, prepare, processPrototype,
    NO_DIRECTORY,
};
