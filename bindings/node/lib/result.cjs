// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* The outcome of a run. */
const os = require('node:os');
const native = require('./native.cjs');

const AT = Object.fromEntries(native.told_numbers.map((name, i) => [name, i]));
/* The addon writes the numbers of each completion here. */
const told = new Float64Array(native.told_numbers.length);

const signals = new Map();
for (const [name, number] of Object.entries(os.constants.signals)) {
    if (!signals.has(number)) signals.set(number, name);
}

class Result {
    #told;

    constructor(stdout, stderr) {
        const code = told[AT.code];
        const signal = told[AT.signal];
        const flags = told[AT.flags];
        this.#told = told.slice();
        this.code = code < 0 ? null : code;
        this.signal = signal < 0 ? null : signals.get(signal) ?? `SIG${signal}`;
        this.stdout = stdout;
        this.stderr = stderr;
        this.timedOut = (flags & native.RESULT_TIMED_OUT) !== 0;
        this.idle = (flags & native.RESULT_IDLE) !== 0;
        this.treeKilled = (flags & native.RESULT_TREE_KILLED) !== 0;
        this.notKilled = (flags & native.RESULT_NOT_KILLED) !== 0;
        this.pipeHeld = (flags & native.RESULT_PIPE_HELD) !== 0;
        this.stdoutTruncated = (flags & native.RESULT_OUT_TRUNCATED) !== 0;
        this.stderrTruncated = (flags & native.RESULT_ERR_TRUNCATED) !== 0;
        this.statusLost = (flags & native.RESULT_STATUS_LOST) !== 0;
        this.cgroup = (flags & native.RESULT_CGROUP) !== 0;
        this.oom = (flags & native.RESULT_OOM) !== 0;
        this.detached = (flags & native.RESULT_DETACHED) !== 0;
        this.spilled = (flags & native.RESULT_SPILLED) !== 0;
        this.warm = (flags & native.RESULT_WARM) !== 0;
        this.leftovers = told[AT.leftovers];
        this.unseen = (flags & native.RESULT_UNSEEN) !== 0;
        this.memoryPeak = told[AT.memoryPeak] || null;
        this.cpuMs = told[AT.cpuUs] ? told[AT.cpuUs] / 1000 : null;
        this.stdoutTotal = told[AT.outTotal];
        this.stderrTotal = told[AT.errTotal];
        this.spawnMs = told[AT.spawnNs] / 1e6;
        this.totalMs = told[AT.totalNs] / 1e6;
    }

    get ok() {
        return this.code === 0 && !this.timedOut;
    }

    /** As process.resourceUsage() has it. */
    get usage() {
        const t = this.#told;
        return {
            userCPUTime: t[AT.userUs],
            systemCPUTime: t[AT.systemUs],
            maxRSS: t[AT.maxRssKib],
            sharedMemorySize: 0,
            unsharedDataSize: 0,
            unsharedStackSize: 0,
            minorPageFault: t[AT.minorFaults],
            majorPageFault: t[AT.majorFaults],
            swappedOut: 0,
            fsRead: t[AT.blockInputs],
            fsWrite: t[AT.blockOutputs],
            ipcSent: 0,
            ipcReceived: 0,
            signalsCount: 0,
            voluntaryContextSwitches: t[AT.voluntary],
            involuntaryContextSwitches: t[AT.involuntary],
        };
    }
}

module.exports = { Result, told, AT };
