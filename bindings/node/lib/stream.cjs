// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* A run whose output is read while it comes, and whose input is written meanwhile. */
const native = require('./native.cjs');
const { callError } = require('./errors.cjs');
const { winsize } = require('./options.cjs');

const EAGAIN = -11;
const ENOENT = -2;

/** An async iterable of { from, data }. */
class RunStream {
    #flight;
    #chunks = [];           // that nobody has taken: { from, data, held }
    #readers = [];          // who wait for one, in order
    #over = false;
    #failed = null;         // { error }
    #inRing;
    #room = () => {};       // the write that waits for room in the ring goes on
    #written = Promise.resolve();

    /** @param start makes the flight, after this object has set its callbacks */
    constructor(start) {
        let entered;
        this.#inRing = new Promise((resolve) => { entered = resolve; });
        this.#flight = start((flight) => {
            flight.onStart = entered;
            flight.onChunk = (data, from, held) => this.#take({ from, data, held });
            flight.onRoom = () => this.#room();
            flight.onEnd = (failed) => {
                entered();
                this.#room();
                this.#end(failed);
            };
        });
        this.result = this.#flight.promise;
    }

    #take(chunk) {
        if (this.#over) {
            native.ring_release(chunk.held);
            return;
        }
        this.#chunks.push(chunk);
        this.#wake();
    }

    #end(failed) {
        this.#over = true;
        this.#failed = failed;
        this.#wake();
    }

    #wake() {
        for (const reader of this.#readers.splice(0)) reader();
    }

    /* The program may write more as soon as the chunk is taken. */
    async #next() {
        while (this.#chunks.length === 0 && !this.#over) {
            await new Promise((resolve) => { this.#readers.push(resolve); });
        }
        const chunk = this.#chunks.shift();
        if (chunk) {
            native.ring_release(chunk.held);
            return { done: false, value: { from: chunk.from, data: chunk.data } };
        }
        if (this.#failed) throw this.#failed.error;
        return { done: true, value: undefined };
    }

    /* Nobody reads on: the tree ends. */
    #stop() {
        for (const chunk of this.#chunks.splice(0)) native.ring_release(chunk.held);
        if (!this.#over) {
            this.#over = true;
            this.kill();
        }
        return Promise.resolve({ done: true, value: undefined });
    }

    [Symbol.asyncIterator]() {
        // the loop throws the error, so that nobody need look at the promise, too
        this.result.catch(() => {});
        return { next: () => this.#next(), return: () => this.#stop() };
    }

    /** Writes to the program's stdin; fulfilled when the ring has taken all bytes. */
    write(data) {
        const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') :
            Buffer.from(data.buffer, data.byteOffset, data.byteLength);
        const written = this.#written.then(() => this.#write(bytes));
        this.#written = written.catch(() => {});
        return written;
    }

    async #write(bytes) {
        await this.#inRing;
        for (let from = 0; from < bytes.length;) {
            const ret = native.ring_write(this.#flight.id, bytes, from);
            if (ret >= 0) from += ret;
            else if (ret !== EAGAIN) throw callError(ret, 'write');
            // the program does not read; the ring tells once that it does, or the end comes
            else await new Promise((resolve) => { this.#room = resolve; });
        }
    }

    /** Ends the program's stdin, behind what was written before. */
    end() {
        const ended = this.#written.then(async () => {
            await this.#inRing;
            const ret = native.ring_close_input(this.#flight.id);
            if (ret < 0 && ret !== ENOENT) throw callError(ret, 'end');
        });
        this.#written = ended.catch(() => {});
        return ended;
    }

    /** Sets the size of the program's terminal. */
    resize(size) {
        const ret = native.ring_winsize(this.#flight.id, winsize(size));
        if (ret < 0 && ret !== ENOENT) throw callError(ret, 'resize');
    }

    /** Ends the tree: SIGTERM, and SIGKILL after the grace. The result tells how. */
    kill() {
        this.#flight.cancel();
    }
}

module.exports = { RunStream };
