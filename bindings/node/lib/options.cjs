// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* Checks the options of a run, and puts them into the form that the addon takes. */
const { fileURLToPath } = require('node:url');
const native = require('./native.cjs');
const { envBlock } = require('./env.cjs');
const { Sandbox } = require('./sandbox.cjs');

/* The addon's numbers have these places. One array serves all runs of a thread, because
 * the addon reads it before the call returns. */
const AT = Object.fromEntries(native.run_numbers.map((name, i) => [name, i]));
const numbers = new Float64Array(native.run_numbers.length);

const TIMES = ['timeout', 'grace', 'idleTimeout', 'detachedTimeout', 'heldQuiet',
    'heldMost'];
const UNLIMITED = new Set(['timeout', 'idleTimeout']);
const COUNTS = ['maxOutput', 'umask', 'uid', 'gid'];
const FLAGS = {
    mergeStderr: native.RUN_MERGE_STDERR,
    cgroup: native.RUN_CGROUP,
    supervise: native.RUN_SUPERVISE,
    detachOnTimeout: native.RUN_DETACH_ON_TIMEOUT,
};
const KNOWN = new Set([...TIMES, ...COUNTS, ...Object.keys(FLAGS), 'cwd', 'env', 'input',
    'signal', 'keep', 'tailOutput', 'encoding', 'capture', 'onOutput', 'check', 'nice',
    'pty', 'sandbox', 'spillFd', 'noNewPrivs', 'dieWithParent', 'openInput', 'shell',
    'cgroupFd', 'limits', 'keepLeftovers']);
const LIMITS = new Set(['memory', 'swap', 'cpus', 'pids', 'cpuWeight', 'ioWeight']);

function invalid(name, why, Type = TypeError) {
    return Object.assign(new Type(`${name} ${why}`), {
        code: Type === RangeError ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE',
    });
}

/** The arguments as one string, each with a NUL behind it. */
function joinArgv(argv) {
    if (!Array.isArray(argv) || argv.length === 0) {
        throw invalid('argv', 'must be an array with the name of the program first');
    }
    for (const arg of argv) {
        if (typeof arg !== 'string') throw invalid('argv', 'must consist of strings');
        if (arg.includes('\0')) throw invalid('argv', 'must not contain a NUL');
    }
    return argv.join('\0') + '\0';
}

function pathText(name, value) {
    const text = value instanceof URL ? fileURLToPath(value) : value;
    if (typeof text !== 'string') throw invalid(name, 'must be a string or a URL');
    if (text.includes('\0')) throw invalid(name, 'must not contain a NUL');
    return text;
}

function inputBytes(input) {
    if (input === undefined || input === null) return null;
    if (typeof input === 'string') return Buffer.from(input, 'utf8');
    if (ArrayBuffer.isView(input)) {
        return Buffer.from(input.buffer, input.byteOffset, input.byteLength);
    }
    throw invalid('input', 'must be a string, a Buffer or another view of bytes');
}

function number(name, value, least, most) {
    if (typeof value !== 'number') throw invalid(name, 'must be a number');
    if (!(value >= least && value <= most)) {
        throw invalid(name, `must be from ${least} to ${most}, not ${value}`, RangeError);
    }
    return value;
}

function putTimes(options) {
    for (const name of TIMES) {
        const value = options[name];
        if (value === undefined || value === null) continue;
        number(name, value, 0, Infinity);
        // 0 is the library's default: no limit, as in child_process; or for the grace, none
        if (value > 0 && (value !== Infinity || !UNLIMITED.has(name))) {
            numbers[AT[name]] = value;
        }
    }
}

function putCounts(options) {
    for (const name of COUNTS) {
        const value = options[name];
        if (value === undefined || value === null) continue;
        const most = name === 'umask' ? 0o777 :
            name === 'maxOutput' ? Number.MAX_SAFE_INTEGER : 0xfffffffe;
        numbers[AT[name]] = Math.trunc(number(name, value, name === 'maxOutput' ? 1 : 0,
            most));
    }
    for (const name of ['spillFd', 'cgroupFd']) {
        if (options[name] !== undefined) {
            numbers[AT[name]] = number(name, options[name], 0, 0x7fffffff);
        }
    }
    if (options.nice !== undefined) {
        numbers[AT.nice] = number('nice', options.nice, -20, 19);
    }
}

function winsize(pty) {
    const { rows = 24, columns = 80 } = pty;
    number('pty.rows', rows, 1, 0xffff);
    return rows * 65536 + number('pty.columns', columns, 1, 0xffff);
}

/* The bytes beyond maxOutput: the first are kept, the last, or both. */
function keepFlags(options) {
    const { keep, tailOutput } = options;
    if (keep === undefined || keep === 'head') return 0;
    if (keep === 'tail') numbers[AT.tailOutput] = options.maxOutput ?? 16 << 20;
    else if (keep !== 'both') throw invalid('keep', "must be 'head', 'tail' or 'both'");
    else if (tailOutput !== undefined) {
        numbers[AT.tailOutput] = number('tailOutput', tailOutput, 1,
            options.maxOutput ?? 16 << 20);
    }
    return native.RUN_TAIL;
}

/* Limits on all of the tree together. */
function limitFlags({ limits }) {
    if (limits === undefined) return 0;
    for (const name of Object.keys(limits)) {
        if (!LIMITS.has(name)) throw invalid(`limits.${name}`, 'is not known');
    }
    const put = (name, at, least, most, factor = 1) => {
        if (limits[name] === undefined) return;
        const value = number(`limits.${name}`, limits[name], least, most);
        numbers[AT[at]] = value === Infinity ? value : Math.trunc(value * factor);
    };
    put('memory', 'memoryMax', 1, Number.MAX_SAFE_INTEGER);
    put('swap', 'memorySwapMax', 0, Infinity);
    // of each 100 ms
    put('cpus', 'cpuMaxUs', 0.01, 1e6, 100000);
    put('pids', 'pidsMax', 1, 0xffffffff);
    put('cpuWeight', 'cpuWeight', 1, 10000);
    put('ioWeight', 'ioWeight', 1, 10000);
    return native.RUN_LIMITS;
}

/* How the program ends with this process: what is to live on has no sentinel. */
function endFlags(options, sync) {
    if (options.dieWithParent === false) return {};
    return sync || options.keepLeftovers ? { spawn: native.SPAWN_DIE_WITH_PARENT } :
        { run: native.RUN_END_WITH_CALLER };
}

function putFlags(options, sync) {
    const end = endFlags(options, sync);
    let flags = keepFlags(options) | limitFlags(options) | (end.run ?? 0);
    if (!options.keepLeftovers) flags |= native.RUN_END_LEFTOVERS;
    for (const name of Object.keys(FLAGS)) {
        if (options[name]) flags |= FLAGS[name];
    }
    if (options.supervise) flags |= native.RUN_CGROUP;
    if (options.capture === false) flags |= native.RUN_NO_CAPTURE;
    if (options.openInput) flags |= native.RUN_OPEN_INPUT | native.RUN_TELL_ROOM;
    if (options.onOutput) flags |= native.RUN_STREAM;
    if (options.spillFd !== undefined) flags |= native.RUN_SPILL;
    if (options.pty) {
        flags |= native.RUN_PTY;
        if (options.pty.echo === false) flags |= native.RUN_NO_ECHO;
        if (options.pty.raw) flags |= native.RUN_RAW;
        numbers[AT.winsize] = winsize(options.pty);
    }
    numbers[AT.runFlags] = flags;
    numbers[AT.spawnFlags] = (options.noNewPrivs ? native.SPAWN_NO_NEW_PRIVS : 0) +
        (end.spawn ?? 0);
}

function checkOthers(options) {
    for (const name of Object.keys(options)) {
        // a misspelt limit must not mean "no limit"
        if (!KNOWN.has(name)) throw invalid(`options.${name}`, 'is not known');
    }
    const { encoding, onOutput, sandbox, signal } = options;
    if (encoding !== undefined && encoding !== 'utf8' && encoding !== 'buffer') {
        throw invalid('encoding', "must be 'utf8' or 'buffer'");
    }
    if (onOutput !== undefined && typeof onOutput !== 'function') {
        throw invalid('onOutput', 'must be a function');
    }
    if (signal !== undefined && typeof signal?.aborted !== 'boolean') {
        throw invalid('signal', 'must be an AbortSignal');
    }
    if (sandbox !== undefined && !(sandbox instanceof Sandbox)) {
        throw invalid('sandbox', 'must be a Sandbox');
    }
}

/** Everything of a run but its numbers, checked: a run may have to wait for its turn. */
function take(argv, options, sync = false) {
    checkOthers(options);
    return {
        argv: joinArgv(argv),
        env: envBlock(options.env),
        cwd: options.cwd === undefined || options.cwd === null ? null :
            pathText('cwd', options.cwd),
        input: inputBytes(options.input),
        numbers: takeNumbers(options, sync),
        sandbox: options.sandbox === undefined ? null : Sandbox.native(options.sandbox),
    };
}

function takeNumbers(options, sync) {
    numbers.fill(NaN);
    putTimes(options);
    putCounts(options);
    putFlags(options, sync);
    return numbers;
}

module.exports = { take, invalid, joinArgv, pathText, winsize, KNOWN, LIMITS };
