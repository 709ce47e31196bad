// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/*
 * Runs in flight. Each thread of JavaScript has one ring of the library: run() queues,
 * one submission per turn starts what was queued, and one turn takes many completions.
 */
const native = require('./native.cjs');
const { encode } = require('./env.cjs');
const { LaunchError, RunError } = require('./errors.cjs');
const { Result, told, AT } = require('./result.cjs');

const AT_A_TIME = 128;          // the ring has more entries, for runs that have detached
const TEXT = 1;                 // bits of the number that the addon knows a run by
const HOLD = 2;
const END = 0;
const OUT = 1;
const DETACHED = 3;
const ROOM = 4;
const ECANCELED = -125;
const EAGAIN = -11;

/* The addon polls in Node's own loop. Other runtimes have no such loop for addons; there
 * a thread polls. The variable is for tests of that thread under Node. */
const useUv = !process.versions.bun && !process.versions.deno &&
    !process.env.SPAWN_TEMPLATE_NODE_THREAD;

const flights = new Map();      // by number
const waiting = [];             // in order, when the ring is full
let detached = 0;               // of the flights: nobody waits for them
let lastId = 0;
let toSubmit = false;

/** A run from its call to its end. */
class Flight {
    constructor(taken, template, options) {
        Object.assign(this, taken);
        this.template = template;       // { fd, path, release() }
        this.options = options;
        this.id = 0;
        this.stopped = null;            // { reason }, which may be any value
        this.isDetached = false;
        this.onStart = this.onChunk = this.onRoom = this.onEnd = null;
        this.promise = new Promise((resolve, reject) => {
            this.resolve = resolve;
            this.reject = reject;
        });
    }

    /* Makes the run independent of what may change before its turn comes. */
    keep() {
        this.numbers = Float64Array.from(this.numbers);
        this.env ??= encode(process.env);
        if (this.input) this.input = Buffer.from(this.input);
    }

    /* Hands the run to the ring. Returns false if there is no room. */
    start() {
        const { encoding, hold } = this.options;
        const id = ++lastId * 4 + (encoding === 'buffer' ? 0 : TEXT) + (hold ? HOLD : 0);
        const ret = native.ring_run(id, this.template.fd, this.argv, this.env, this.cwd,
            this.input, this.numbers, this.sandbox);
        if (ret === EAGAIN && flights.size > 0) return false;
        if (ret < 0) {
            this.fail(new LaunchError(ret, this.template.path,
                { argv: this.options.argv }));
            return true;
        }
        this.id = id;
        // neither is needed any more, and both may be large
        this.input = this.env = null;
        flights.set(id, this);
        if (!toSubmit) {
            toSubmit = true;
            queueMicrotask(submit);
        }
        this.onStart?.();
        return true;
    }

    /* Ends the tree, or takes the run out of the queue. */
    cancel() {
        if (this.id !== 0) {
            native.ring_cancel(this.id);
            return;
        }
        const at = waiting.indexOf(this);
        if (at < 0) return;
        waiting.splice(at, 1);
        this.fail(this.stopped ? this.stopped.reason : new LaunchError(ECANCELED,
            this.template.path, { argv: this.options.argv }));
    }

    release() {
        this.abort?.();
        this.template.release();
        this.sandbox = null;
    }

    fail(error) {
        this.release();
        this.onEnd?.({ error });
        this.reject(error);
    }

    end(out, err) {
        let result;
        try {
            if (this.stopped) throw this.stopped.reason;
            result = resultOf(this.template.path, this.options, out, err);
        } catch (error) {
            this.fail(error);
            return;
        }
        this.release();
        this.onEnd?.(null);
        this.resolve(result);
    }

    /* The first deadline has come; the run goes on, and the promise of a run that
     * somebody waits for is fulfilled by what there is. */
    detach(out, err) {
        if (this.stopped) return;
        const result = new Result(out, err);
        result.rest = new Promise((resolve, reject) => {
            this.resolveRest = resolve;
            this.rejectRest = reject;
        });
        const { resolve } = this;
        this.resolve = this.resolveRest;
        this.reject = this.rejectRest;
        result.rest.catch(() => {});
        resolve(result);
    }

    /* An error of the caller's function ends the run, which then rejects with it. */
    chunk(data, kind, held) {
        if (this.stopped) {
            if (held) native.ring_release(held);
            return;
        }
        try {
            this.onChunk(data, kind === OUT ? 'stdout' : 'stderr', held);
        } catch (error) {
            this.stop(error);
        }
    }

    /* Ends the run, which rejects with this. */
    stop(reason) {
        this.stopped ??= { reason };
        this.cancel();
    }
}

/* The addon's numbers are those of this run. Throws what the run rejects with. */
function resultOf(path, options, out, err) {
    if (told[AT.done] === 0) {
        throw new LaunchError(told[AT.res], path,
            { stage: told[AT.stage], action: told[AT.action], argv: options.argv });
    }
    if (options.encoding !== 'buffer' && (Buffer.isBuffer(out) || Buffer.isBuffer(err))) {
        throw new RangeError('the output is longer than a string may be');
    }
    const result = new Result(out, err);
    if (options.check && !result.ok) throw new RunError(options.argv, result);
    return result;
}

function submit() {
    toSubmit = false;
    native.ring_submit();
}

/* Tells whether another run may start: those that have detached do not count. */
function hasRoom() {
    return flights.size - detached < AT_A_TIME;
}

function startWaiting() {
    while (waiting.length > 0 && hasRoom() && waiting[0].start()) waiting.shift();
}

/* Called by the addon, for each completion. It must not throw. */
function deliver(id, kind, out, err, held) {
    const flight = flights.get(id);
    if (kind === END) {
        flights.delete(id);
        if (flight.isDetached) detached--;
        flight.end(out, err);
        startWaiting();
    } else if (kind === ROOM) {
        flight.onRoom?.();
    } else if (kind === DETACHED) {
        flight.isDetached = true;
        detached++;
        flight.detach(out, err);
        startWaiting();
    } else {
        flight.chunk(out, kind, held);
    }
}

let started = false;

function begin() {
    started = true;
    native.ring_start(deliver, told, useUv);
    /* process.exit() runs no hook of the addon: the trees would live on. */
    process.on('exit', () => native.ring_end());
}

function listen(flight, signal) {
    const onAbort = () => flight.stop(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    flight.abort = () => signal.removeEventListener('abort', onAbort);
}

/** Starts a run, or queues it. The flight releases the template at its end. */
function fly(taken, template, options, prepare) {
    if (!started) begin();
    const flight = new Flight(taken, template, options);
    const { signal } = options;
    prepare?.(flight);
    if (signal) {
        if (signal.aborted) {
            flight.fail(signal.reason);
            return flight;
        }
        listen(flight, signal);
    }
    if (waiting.length > 0 || !hasRoom() || !flight.start()) {
        flight.keep();
        waiting.push(flight);
    }
    return flight;
}

/** A run that blocks: its result, or throws. */
function flySync(taken, template, options) {
    if (!started) begin();
    let outputs;
    try {
        const onOutput = options.onOutput &&
            ((data, kind) => options.onOutput(data, kind === OUT ? 'stdout' : 'stderr'));
        outputs = native.run_sync(options.encoding !== 'buffer', onOutput, template.fd,
            taken.argv, taken.env, taken.cwd, taken.input, taken.numbers, taken.sandbox);
    } finally {
        template.release();
    }
    return resultOf(template.path, options, outputs?.[0], outputs?.[1]);
}

module.exports = { fly, flySync };
