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

/**
 * What the child writes, and what is typed. When the last process has closed the terminal,
 * a read of our end fails with EIO: that is its end, and no error.
 */
class Terminal extends Duplex {
    #socket;

    constructor(socket) {
        super();
        this.#socket = socket;
        let over = false;
        const end = () => {
            if (!over) this.push(null);
            over = true;
        };
        socket.on('data', (data) => {
            if (!over && !this.push(data)) socket.pause();
        });
        socket.on('end', end);
        socket.on('error', (error) => {
            if (error.code === 'EIO') end();
            else this.destroy(error);
        });
        socket.on('close', end);
        socket.pause();
    }

    _read() {
        this.#socket.resume();
    }

    _write(data, encoding, done) {
        this.#socket.write(data, encoding, done);
    }

    _final(done) {
        this.#socket.write(END_OF_INPUT, () => done());
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
