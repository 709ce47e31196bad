// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* Template.spawn(): a child of child_process that is launched from a given template. */
const childProcess = require('node:child_process');
const os = require('node:os');
const { launch, optionsOf, processPrototype, NO_DIRECTORY } = require('./child.cjs');
const { LaunchError, callError } = require('./errors.cjs');
const { invalid, joinArgv } = require('./options.cjs');

const ACTION = 3;               // the stage of a launch that changes the directory

function signalNumber(signal) {
    const number = typeof signal === 'number' ? signal : os.constants.signals[signal];
    if (!Number.isInteger(number) || number < 0 || number > 64) {
        throw invalid('signal', `must be the name or the number of one, not ${signal}`);
    }
    return number;
}

/* Node gives a child that could not be launched a negative code. */
function waitFor(child) {
    return new Promise((resolve, reject) => {
        child.once('exit', (code, signal) => resolve({ code, signal }));
        child.once('error', reject);
    });
}

function extend(child, handle) {
    let ended;
    Object.defineProperty(child, 'pidfd', { get: () => handle.pidfd?.() ?? -1 });
    child.killTree = (signal = 'SIGKILL') => {
        const ret = handle.killTree?.(signalNumber(signal)) ?? -1;
        if (ret === 0) child.killed = true;
        return ret === 0;
    };
    child.wait = () => {
        const { exitCode: code, signalCode: signal } = child;
        if (!ended && code < 0) return Promise.reject(new LaunchError(code, child.spawnfile));
        if (!ended && (code !== null || signal !== null)) {
            return Promise.resolve({ code, signal });
        }
        ended ??= waitFor(child);
        return ended;
    };
    return child;
}

/*
 * child_process calls the handle's function before it returns, so that this one stands in
 * its place for that one call.
 */
function spawn(template, argv, options) {
    joinArgv(argv);
    if (options.shell) throw invalid('options.shell', 'is not for a template, which is one file');
    const proto = processPrototype();
    if (!proto) throw callError(-os.constants.errno.ENOSYS, 'spawn: this runtime has no child');
    const before = proto.spawn;
    let handle;
    let refused;
    proto.spawn = function spawnByTemplate(...args) {
        const positional = typeof args[0] === 'string';
        proto.spawn = before;
        handle = this;
        refused = launch(this, { ...optionsOf(args, positional), tfd: template.fd },
            positional);
        // child_process throws this error, where it would emit some others later
        return refused ? -os.constants.errno.EINVAL : 0;
    };
    try {
        const child = childProcess.spawn(template.path, argv.slice(1),
            { ...options, argv0: argv[0] });
        return extend(child, handle);
    } catch (error) {
        if (!refused) throw error;
        throw new LaunchError(refused.res, template.path,
            { argv, stage: refused.why === NO_DIRECTORY ? ACTION : 0 });
    } finally {
        proto.spawn = before;
        template.release();
    }
}

module.exports = { spawn };
