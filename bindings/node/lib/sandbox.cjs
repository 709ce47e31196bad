// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* Sandboxes: made once, used by any number of runs. */
const { fileURLToPath } = require('node:url');
const native = require('./native.cjs');
const { callError, codeOf } = require('./errors.cjs');

const LOST = {
    files: native.LOST_FILES,
    truncate: native.LOST_TRUNCATE,
    tcp: native.LOST_TCP,
    signals: native.LOST_SIGNALS,
    abstract: native.LOST_ABSTRACT,
    net: native.LOST_NET,
    rename: native.LOST_RENAME,
    ioctl: native.LOST_IOCTL,
    sockets: native.LOST_SOCKETS,
};
const SWITCHES = ['net', 'signals', 'abstract', 'devices', 'bestEffort'];
const KNOWN = new Set(['readOnly', 'writable', 'connect', 'bind', ...SWITCHES]);

function paths(list) {
    if (list === undefined) return null;
    const texts = Array.from(list, (path) => {
        const text = path instanceof URL ? fileURLToPath(path) : path;
        if (typeof text !== 'string' || text.includes('\0')) {
            throw new TypeError('paths of a sandbox must be strings or URLs without a NUL');
        }
        return text + '\0';
    });
    return Buffer.from(texts.join(''), 'utf8');
}

function ports(list) {
    return list === undefined ? null : Uint16Array.from(list, (port) => {
        if (!Number.isInteger(port) || port < 0 || port > 65535) {
            throw new RangeError(`port ${port} must be from 0 to 65535`);
        }
        return port;
    });
}

/* What is neither true nor false must not mean "allowed". */
function checkSwitches(wishes) {
    for (const name of SWITCHES) {
        if (wishes[name] !== undefined && typeof wishes[name] !== 'boolean') {
            throw new TypeError(`sandbox: ${name} must be true or false`);
        }
    }
}

function flagsOf(wishes) {
    let flags = 0;
    checkSwitches(wishes);
    if (wishes.net === false) flags |= native.SANDBOX_NO_NET;
    if (wishes.connect !== undefined) flags |= native.SANDBOX_CONNECT;
    if (wishes.bind !== undefined) flags |= native.SANDBOX_BIND;
    if (wishes.signals === false) flags |= native.SANDBOX_SIGNALS;
    if (wishes.abstract === false) flags |= native.SANDBOX_ABSTRACT;
    if (wishes.devices === false) flags |= native.SANDBOX_NO_DEVICES;
    if (wishes.bestEffort) flags |= native.SANDBOX_BEST_EFFORT;
    return flags;
}

class Sandbox {
    #native;
    #lost;

    constructor(wishes) {
        for (const name of Object.keys(wishes)) {
            if (!KNOWN.has(name)) throw new TypeError(`sandbox: ${name} is not known`);
        }
        const args = [flagsOf(wishes), paths(wishes.readOnly), paths(wishes.writable),
            ports(wishes.connect), ports(wishes.bind)];
        const made = native.sandbox_new(...args);
        if (Array.isArray(made)) throw callError(made[0], 'sandbox', made[1]);
        const lost = native.sandbox_lost(...args);
        if (lost < 0) throw callError(lost, `sandbox ${codeOf(lost)}`);
        this.#native = made;
        this.#lost = Object.keys(LOST).filter((name) => lost & LOST[name]);
    }

    /** What the kernel cannot hold of the wishes. */
    get lost() {
        return [...this.#lost];
    }

    static native(sandbox) {
        return sandbox.#native;
    }
}

module.exports = { Sandbox, KNOWN };
