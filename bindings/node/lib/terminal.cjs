// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* The terminal of a child of Template.spawn(). */
const fs = require('node:fs');
const os = require('node:os');
const { Duplex } = require('node:stream');
const { native } = require('./child.cjs');
const { callError } = require('./errors.cjs');
const { winsize } = require('./options.cjs');

const END_OF_INPUT = '\x04';

/* Both ends of a new one; the descriptors are the caller's to close. */
function openTerminal(pty) {
    const pair = native.terminal_open(winsize(pty));
    if (typeof pair === 'number') throw callError(pair, 'pty');
    return pair;
}

const READ_SIZE = 4096;         // the kernel gives no more at once
const MOST_READS = 64;          // it keeps less; but somebody may open the terminal again

/* Reads what is left after a hang-up; then a read fails with EIO. */
function* rest(fd) {
    try {
        for (let i = 0; i < MOST_READS; i++) {
            const part = Buffer.allocUnsafe(READ_SIZE);
            const n = fs.readSync(fd, part);
            if (n === 0) return;
            yield part.subarray(0, n);
        }
    } catch {
        // that was all
    }
}

/* Takes what a destroyed socket had read before, and nobody has taken. */
function* buffered(socket) {
    for (let data; (data = socket.read()) !== null;) yield data;
}

/**
 * What the child writes, and what is typed. When the last process has closed the terminal,
 * a read of our end fails with EIO: that is its end, and no error. libuv may tell the end
 * earlier, by the hang-up alone.
 */
class Terminal extends Duplex {
    #socket;
    #over = false;

    constructor(socket) {
        super({ allowHalfOpen: false });
        this.#socket = socket;
        const end = (last) => {
            if (this.#over) return;
            this.#over = true;
            for (const data of last) this.push(data);
            this.push(null);
        };
        socket.on('data', (data) => {
            if (!this.#over && !this.push(data)) socket.pause();
        });
        socket.on('end', () => end(rest(socket._handle?.fd ?? -1)));
        socket.on('error', (error) => {
            if (error.code === 'EIO') end(buffered(socket));
            else this.destroy(error);
        });
        socket.on('close', () => end([]));
        socket.pause();
    }

    _read() {
        this.#socket.resume();
    }

    _write(data, encoding, done) {
        this.#socket.write(data, encoding, done);
    }

    _final(done) {
        if (this.#over) done();
        else this.#socket.write(END_OF_INPUT, () => done());
    }

    _destroy(error, done) {
        this.#socket.destroy();
        done(error);
    }

    /** Sets the size, of which the child is told by SIGWINCH. */
    resize(size) {
        const fd = this.#socket._handle?.fd ?? -1;
        const ret = fd < 0 ? -os.constants.errno.EBADF :
            native.terminal_resize(fd, winsize(size));
        if (ret < 0) throw callError(ret, 'resize');
    }
}

function closeAll(pair) {
    for (const fd of pair) fs.closeSync(fd);
}

module.exports = { Terminal, openTerminal, closeAll };
