// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* Template.spawn(): a child of child_process that is launched from a given template. */
const childProcess = require('node:child_process');
const os = require('node:os');
const { launch, optionsOf, processPrototype, NO_DIRECTORY } = require('./child.cjs');
const { Terminal, openTerminal, closeAll } = require('./terminal.cjs');
const { LaunchError, callError } = require('./errors.cjs');
const { invalid, joinArgv } = require('./options.cjs');

const ACTION = 3;               // the stage of a launch that changes the directory

/* Names in small letters are names, too, as for child.kill(). */
function signalNumber(signal) {
    const number = typeof signal === 'number' ? signal :
        os.constants.signals[signal] ?? os.constants.signals[String(signal).toUpperCase()];
    if (!Number.isInteger(number) || number < 0 || number > 64) {
        throw Object.assign(new TypeError(`Unknown signal: ${String(signal)}`),
            { code: 'ERR_UNKNOWN_SIGNAL' });
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

/* With a terminal, child_process makes a stream of the second entry, which gets our end. */
const TERMINAL_STDIO = ['ignore', 'pipe', 'ignore'];
const OURS = 1;

/* Launches with the terminal in place of stdio. */
function launchIn(terminal, handle, options, positional) {
    const theirs = { type: 'fd', fd: terminal[1] };
    const refused = launch(handle,
        { __proto__: null, ...options, stdio: [theirs, theirs, theirs], terminal: true },
        positional);
    if (!refused) options.stdio[OURS].handle.open(terminal.shift());
    return refused;
}

function putTerminal(child) {
    const terminal = new Terminal(child.stdout);
    // stdio has it, so that what nobody reads is dropped at the child's end
    child.stdout = child.stdio[OURS] = child.terminal = terminal;
    return child;
}

function check(argv, options) {
    joinArgv(argv);
    if (options.shell) throw invalid('options.shell', 'is not for a template, which is one file');
    if (options.pty && options.stdio !== undefined) {
        throw invalid('options.stdio', 'is the terminal, with options.pty');
    }
}

/*
 * child_process calls the handle's function before it returns, so that this one stands in
 * its place for that one call.
 */
function launchChild(proto, template, argv, { pty, ...options }) {
    const terminal = pty ? openTerminal(pty) : [];
    const before = proto.spawn;
    let handle;
    let refused;
    proto.spawn = function spawnByTemplate(...args) {
        const positional = typeof args[0] === 'string';
        const all = { __proto__: null, ...optionsOf(args, positional), tfd: template.fd };
        proto.spawn = before;
        handle = this;
        refused = pty ? launchIn(terminal, this, all, positional) :
            launch(this, all, positional);
        // child_process throws this error, where it would emit some others later
        return refused ? -os.constants.errno.EINVAL : 0;
    };
    try {
        const child = childProcess.spawn(template.path, argv.slice(1),
            { ...options, argv0: argv[0], ...(pty && { stdio: TERMINAL_STDIO }) });
        return extend(pty ? putTerminal(child) : child, handle);
    } catch (error) {
        if (!refused) throw error;
        throw new LaunchError(refused.res, template.path,
            { argv, stage: refused.why === NO_DIRECTORY ? ACTION : 0 });
    } finally {
        proto.spawn = before;
        closeAll(terminal);
    }
}

function spawn(template, argv, options) {
    try {
        check(argv, options);
        const proto = processPrototype();
        if (proto) return launchChild(proto, template, argv, options);
        throw callError(-os.constants.errno.ENOSYS, 'spawn: this runtime has no child');
    } finally {
        template.release();
    }
}

module.exports = { spawn };
