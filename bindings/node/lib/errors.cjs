// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* The errors that runs reject with. */
const os = require('node:os');
const native = require('./native.cjs');

const STAGES = ['args', 'clone', 'attr', 'action', 'close', 'exec'];
const codes = new Map();
for (const [name, value] of Object.entries(os.constants.errno)) {
    // of two names for one number, Node uses the first
    if (!codes.has(value)) codes.set(value, name);
}

/** The name of -errno, such as ENOENT. */
function codeOf(res) {
    return codes.get(-res) ?? `E${-res}`;
}

/** A program could not be launched. It has the fields of child_process's errors. */
class LaunchError extends Error {
    constructor(res, path, { stage = 0, action = 0, argv, syscall } = {}) {
        const text = native.failure_text(-res, stage, action);
        super(`spawn ${path}: ${text}`);
        this.errno = res;
        this.code = codeOf(res);
        this.syscall = syscall ?? `spawn ${path}`;
        this.path = path;
        if (argv) this.spawnargs = Array.from(argv).slice(1);
        this.stage = STAGES[stage] ?? 'args';
        // a run's only action is the change of directory
        if (this.stage === 'action') this.action = 'chdir';
    }
}
LaunchError.prototype.name = 'LaunchError';

/** A program has ended, but not with code 0, and the caller asked for `check`. */
class RunError extends Error {
    constructor(argv, result) {
        const how = result.timedOut ? 'timed out' :
            result.signal !== null ? `was ended by ${result.signal}` :
                result.code !== null ? `exited with code ${result.code}` :
                    'ended, and its status was lost';
        super(`${argv[0]} ${how}`);
        this.result = result;
        this.code = result.code;
        this.signal = result.signal;
    }
}
RunError.prototype.name = 'RunError';

/** An error of a call, not of a launch. */
function callError(res, call, path) {
    const error = new Error(`${call}: ${codeOf(res)}${path ? ` ${path}` : ''}`);
    return Object.assign(error, { errno: res, code: codeOf(res), syscall: call },
        path === undefined ? {} : { path });
}

module.exports = { LaunchError, RunError, callError, codeOf };
