// SPDX-License-Identifier: BSD-2-Clause
/* The comparison of other projects' tests finds what differs. Node only. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { DIR, HERE, isNode, temporary, test } from './support.mjs';

/* Compares a suite, which knows whether it has the drop-in. */
function compare(source) {
    const dir = temporary();
    fs.writeFileSync(path.join(dir, 'suite.cjs'),
        `const has = (process.env.NODE_OPTIONS ?? '').includes('register');
         ${source}`);
    const { status, stdout } = spawnSync(process.execPath,
        [path.join(HERE, 'conformance/suite.mjs'), dir, 'node', 'suite.cjs'],
        { encoding: 'utf8', env: { ...process.env, SPAWN_TEMPLATE_NODE_DIR: DIR } });
    return { status, lines: stdout.trim().split('\n') };
}

if (!isNode) {
    test('there is no drop-in to compare with outside of Node', () => {});
} else {
    test('tests that end alike both ways are counted', () => {
        const { status, lines } = compare(
            "console.log('ok 1 - a\\nok 2 - b\\nnot ok 3 - b\\nok 4 - c');");
        assert.equal(status, 0);
        assert.match(lines.at(-1), /3 pass both ways, 1 fail both ways, 0 differ$/);
    });

    test('a test that fails, or is missing, only with the drop-in is named', () => {
        const { status, lines } = compare("console.log('ok 1 - a');" +
            "console.log(has ? 'not ok 2 - b' : 'ok 2 - b');" +
            "if (!has) console.log('ok 3 - c');");
        assert.equal(status, 1);
        assert.deepEqual(lines.slice(0, 2), ['not ok - b', 'not ok - c']);
        assert.match(lines[2], /1 pass both ways, 0 fail both ways, 2 differ$/);
    });

    test('a suite without tests proves nothing', () => {
        assert.equal(compare('').status, 1);
    });
}
