// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* Tells the libc of a program by the loader that its file names (PT_INTERP). */
const fs = require('node:fs');

const PT_INTERP = 3;

function interpreter(fd) {
    const head = Buffer.alloc(64);
    fs.readSync(fd, head, 0, 64, 0);
    const size = head.readUInt16LE(54);
    const table = Buffer.alloc(size * head.readUInt16LE(56));
    fs.readSync(fd, table, 0, table.length, Number(head.readBigUInt64LE(32)));
    for (let at = 0; at < table.length; at += size) {
        if (table.readUInt32LE(at) !== PT_INTERP) continue;
        const path = Buffer.alloc(256);
        fs.readSync(fd, path, 0, 256, Number(table.readBigUInt64LE(at + 8)));
        return path.toString('latin1', 0, path.indexOf(0));
    }
    return '';
}

/** 'musl' or 'glibc', also for a file that cannot be read. */
function libcOf(file) {
    let fd;
    try {
        fd = fs.openSync(file, 'r');
        return interpreter(fd).includes('/ld-musl-') ? 'musl' : 'glibc';
    } catch {
        return 'glibc';
    } finally {
        if (fd !== undefined) fs.closeSync(fd);
    }
}

module.exports = { libcOf };
