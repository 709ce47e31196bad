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
    permitted, native, launch, nameOf, optionsOf, prepare, processPrototype,
} = require('./lib/child.cjs');
const { codeOf } = permitted ? require('./lib/errors.cjs') : {};

const counts = { cold: 0, fallback: {} };
let proto = null;               // Process.prototype, while it is replaced
let original = null;
let binding = null;             // of spawnSync and the like, while it is replaced
let originalSync = null;

function count(why) {
    counts.fallback[why] = (counts.fallback[why] ?? 0) + 1;
}

function spawn(...args) {
    const positional = typeof args[0] === 'string';
    const refused = launch(this, optionsOf(args, positional), positional);
    if (refused === undefined) {
        counts.cold++;
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

/** Launches through templates, and those of the original by their reasons. */
function stats() {
    return { cold: counts.cold, fallback: { ...counts.fallback } };
}

module.exports = { install, uninstall, stats };
install();
