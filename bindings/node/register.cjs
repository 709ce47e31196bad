// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/*
 * The drop-in: child_process launches through templates. It replaces the two functions
 * that make the child, far below spawn, exec, execFile, fork, cluster and the sync calls,
 * whose JavaScript stays Node's own. A launch that it does not cover goes to the original
 * function, and is counted by its reason. Importing this file installs it.
 */
const os = require('node:os');
const {
    permitted, native, CHILDREN, launch, nameOf, optionsOf, prepare, processPrototype,
} = require('./lib/child.cjs');
const { codeOf } = permitted ? require('./lib/errors.cjs') : {};

const counts = { launches: 0, warm: 0, stale: 0, fallback: {} };
let stdioOnly = false;          // inherited: nothing else
let warm;
let proto = null;               // Process.prototype, while it is replaced
let original = null;
let binding = null;             // of spawnSync and the like, while it is replaced
let originalSync = null;

function count(why) {
    counts.fallback[why] = (counts.fallback[why] ?? 0) + 1;
}

function spawn(...args) {
    const positional = typeof args[0] === 'string';
    const refused = launch(this,
        { __proto__: null, ...optionsOf(args, positional), stdioOnly }, positional);
    if (refused === undefined) {
        counts.launches++;
        return 0;
    }
    count(refused.why);
    return Reflect.apply(original, this, args);
}

/* ---- spawnSync, execSync and execFileSync */

const TO_CHILD = 1;             // directions of a pipe
const FROM_CHILD = 2;

/* Return: what the original would return; or why it has to make the launch. */
function launchSync(options) {
    const ready = prepare({ __proto__: null, ...options, stdioOnly });
    if (typeof ready === 'string') return ready;
    const { stdio, timeout, maxBuffer, killSignal } = options;
    const directions = Uint32Array.from(stdio, ({ type, readable, writable }) => (
        type !== 'pipe' ? 0 : (readable ? TO_CHILD : 0) + (writable ? FROM_CHILD : 0)));
    const numbers = Float64Array.from([...ready.numbers, Math.trunc(timeout) || 0,
        maxBuffer ?? 0, killSignal ?? os.constants.signals.SIGTERM]);
    const output = native.process_sync(...ready.values, numbers,
        stdio.map(({ input }) => input), directions);
    native.cache_drop(CHILDREN, ready.fd);
    if (typeof output === 'number') return `launch: ${codeOf(output)}`;
    counts.launches++;
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

function invalid(text) {
    return Object.assign(new TypeError(text), { code: 'ERR_INVALID_ARG_VALUE' });
}

function check({ inheritFds = true, warm: how, ...others }) {
    const [name] = Object.keys(others);
    if (name !== undefined) throw invalid(`options.${name} is not known`);
    if (how !== undefined && how !== 'once' && how !== 'fork') {
        throw invalid("options.warm must be 'once' or 'fork'");
    }
    if (how !== undefined && inheritFds) {
        throw invalid('options.warm needs inheritFds: false, because a prepared process ' +
            'inherits nothing of this one');
    }
}

/* Those that the cache has counted, before another one takes its place. */
function cached() {
    return permitted ? native.cache_stat(CHILDREN) : [0, 0];
}

function setWarm(how) {
    if (how === warm || !permitted) return;
    const [more, stale] = cached();
    counts.warm += more;
    counts.stale += stale;
    warm = how;
    native.cache_set(CHILDREN, how === undefined ? 0 :
        how === 'fork' ? native.CREATE_WARM_FORK : native.CREATE_WARM_ONCE);
}

/** Makes child_process launch through templates; or changes how. */
function install(options = {}) {
    check(options);
    stdioOnly = options.inheritFds === false;
    setWarm(options.warm);
    if (proto) return;
    proto = processPrototype();
    if (!proto) throw new Error('spawn_template: this runtime has no process handle');
    original = proto.spawn;
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

/** Launches through templates, files that had changed, and the original's launches. */
function stats() {
    const [more, changed] = cached();
    const ofWarm = counts.warm + more;
    return { cold: counts.launches - ofWarm, warm: ofWarm, stale: counts.stale + changed,
        fallback: { ...counts.fallback } };
}

module.exports = { install, uninstall, stats };
install();
