// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs the own tests of another project twice, as they are and with the drop-in in each
 * Node among their processes, and compares:
 *
 *     node suite.mjs DIR COMMAND [ARGUMENT...]
 *
 * The command runs in DIR, where its packages are installed, and prints TAP. Exit status 0
 * if there are tests, and each of them ends both ways alike.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const [dir, command, ...args] = process.argv.slice(2);
const package_ = path.resolve(process.env.SPAWN_TEMPLATE_NODE_DIR);
/* In Node 20, --import changes what some tests see, by itself. */
const use = parseInt(process.versions.node, 10) < 22 ?
    `--require=${path.join(package_, 'register.cjs')}` :
    `--import=${pathToFileURL(path.join(package_, 'register.mjs')).href}`;

/* Programs that begin with "#!/usr/bin/env node" are to be this Node's. */
const env = { ...process.env,
    PATH: `${path.dirname(process.execPath)}:${process.env.PATH}` };
delete env.NODE_OPTIONS;

/* By name: "ok" for each test that passed, "not ok" for others. */
function results(more) {
    const { stdout, error } = spawnSync(command, args, { cwd: dir, encoding: 'utf8',
        env: { ...env, ...more }, maxBuffer: Infinity, stdio: ['ignore', 'pipe', 'inherit'] });
    if (error) throw error;
    const found = new Map();
    for (const [, how, name] of stdout.matchAll(/^((?:not )?ok) \d+ (?:- )?(.*)$/gm)) {
        found.set(name, [...found.get(name) ?? [], how].sort());
    }
    return found;
}

const plain = results({});
const dropIn = results({ NODE_OPTIONS: use });
const sum = { pass: 0, fail: 0, differ: 0 };
for (const name of new Set([...plain.keys(), ...dropIn.keys()])) {
    const [before, after] = [plain.get(name) ?? [], dropIn.get(name) ?? []];
    if (before.join() !== after.join()) {
        sum.differ++;
        console.log(`not ok - ${name}`);
    } else {
        for (const how of before) sum[how === 'ok' ? 'pass' : 'fail']++;
    }
}
console.log(`Node ${process.versions.node}: ${sum.pass} pass both ways, ${sum.fail} fail ` +
    `both ways, ${sum.differ} differ`);
process.exit(sum.differ || !sum.pass ? 1 : 0);
