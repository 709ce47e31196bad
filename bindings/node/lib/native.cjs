// SPDX-License-Identifier: BSD-2-Clause
'use strict';
/* Loads the addon: built in place, by node-gyp, or one of the package's own. */
const path = require('node:path');

const root = path.join(__dirname, '..');
const places = [
    'spawn_template.node',
    'build/Release/spawn_template.node',
    `prebuilds/linux-${process.arch}-glibc/spawn_template.node`,
    `prebuilds/linux-${process.arch}-musl/spawn_template.node`,
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
    throw new Error('spawn_template: there is no addon for this machine; "make node" ' +
        'in the sources builds one' + errors.map((text) => `; ${text}`).join(''));
}

module.exports = load();
