// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* npm runs this in the installed package: if none of its addons serves, node-gyp, which
 * npm has in the PATH of its scripts, builds one. */
const { spawnSync } = require('node:child_process');
const path = require('node:path');

function serves() {
    try {
        require('./native.cjs');
        return true;
    } catch {
        return false;
    }
}

function build() {
    const { status, error } = spawnSync('node-gyp', ['rebuild'],
        { cwd: path.join(__dirname, '..'), stdio: 'inherit' });
    if (error) console.error(`spawn_template: node-gyp: ${error.message}`);
    if (status === 0) return 0;
    console.error('spawn_template: there is no addon for this machine. To build one, ' +
        'install a C compiler, make and Python, then: npm rebuild spawn_template');
    return 1;
}

process.exitCode = serves() ? 0 : build();
