// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* Loads the addon: built in place, by node-gyp, or one of the package's own. */
const path = require('node:path');
const { libcOf } = require('./libc.cjs');

const root = path.join(__dirname, '..');
const kind = `linux-${process.arch}-${libcOf(process.execPath)}`;
const places = [
    'spawn_template.node',
    'build/Release/spawn_template.node',
    `prebuilds/${kind}/spawn_template.node`,
];

function load() {
    const errors = [];
    for (const place of places) {
        try {
            return require(path.join(root, place));
        } catch (error) {
            if (error.code !== 'MODULE_NOT_FOUND') errors.push(error.message);
        }
    }
    throw new Error(`spawn_template: there is no addon for ${kind}; "npm rebuild ` +
        'spawn_template" builds one, with a C compiler and make' +
        errors.map((text) => `; ${text}`).join(''));
}

module.exports = load();
