// SPDX-License-Identifier: BSD-2-Clause
/* The programs in docs/node.md print what the page shows. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { DIR, HERE, isNode, script, test } from './support.mjs';

const text = fs.readFileSync(path.join(HERE, '../../../docs/node.md'), 'utf8');
const programs = [...text.matchAll(/```js\n(.*?)```\n\n```text\n(.*?)```/gs)];

test('the page has programs', () => assert.ok(programs.length > 4));

test('the version is that of the Makefile', () => {
    const makefile = fs.readFileSync(path.join(HERE, '../../../Makefile'), 'utf8');
    const { version } = JSON.parse(fs.readFileSync(path.join(DIR, 'package.json'), 'utf8'));
    assert.equal(version, /^VERSION := (.*)$/m.exec(makefile)[1]);
});

for (const [, source, want] of programs) {
    const name = source.split('\n').find((line) => line.startsWith('const') ||
        line.includes('register'));
    test(`the program with "${name}" prints what the page shows`, async () => {
        if (source.includes('spawn_template/register') && !isNode) return;
        const { out, err } = await script(source
            .replaceAll("'spawn_template'", JSON.stringify(path.join(DIR, 'index.mjs')))
            .replaceAll("'spawn_template/register'",
                JSON.stringify(path.join(DIR, 'register.mjs'))));
        assert.equal(out, want, err);
    });
}
