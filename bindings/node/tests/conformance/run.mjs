// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs Node's own tests twice, as they are and with the drop-in, and compares:
 *
 *     node run.mjs --sources DIR [--jobs N] [--part K/N] [--out FILE] [PART_OF_NAME...]
 *
 * DIR has the sources of Node's tests (test/parallel and the like). A test is one program,
 * which exits with 0 if it passes. Its results must be equal; a test that fails both ways
 * proves nothing about the drop-in, and is counted apart. One whose results differ is run
 * again, both ways and with nothing beside it, since many of them measure time. The tests
 * in skip.txt are not run. --part takes every Nth test from the Kth on. --out is the file
 * for the results of all: name, without the drop-in, with it.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({ allowPositionals: true, options: {
    sources: { type: 'string' },
    jobs: { type: 'string', default: '4' },
    part: { type: 'string', default: '1/1' },
    out: { type: 'string' },
} });
const here = path.dirname(fileURLToPath(import.meta.url));
const tests = path.resolve(values.sources, 'test');
const package_ = path.resolve(process.env.SPAWN_TEMPLATE_NODE_DIR);
/* In Node 20, --import of an empty file already fails some of the tests, by itself. */
const use = parseInt(process.versions.node, 10) < 22 ?
    `--require=${path.join(package_, 'register.cjs')}` :
    `--import=${pathToFileURL(path.join(package_, 'register.mjs')).href}`;
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'spawn_template-conformance-'));
const LIMIT = 60 * Number(process.env.TEST_SLOW || 1) * 1000;
const ABOUT = new RegExp('^test-(child-process|cluster|stdio|stdin|stdout|signal|pipe|' +
    'process-(exec|exit))[^/]*\\.m?js$');

/* "directory/test reason" */
const skipped = new Map(fs.readFileSync(path.join(here, 'skip.txt'), 'utf8').split('\n')
    .filter((line) => line && line[0] !== '#')
    .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]));

function listed() {
    const [first, step] = values.part.split('/').map(Number);
    return ['parallel', 'sequential'].flatMap((dir) => fs.readdirSync(path.join(tests, dir))
        .filter((name) => ABOUT.test(name)).sort()
        .map((name) => `${dir}/${name}`))
        .filter((name) => !skipped.has(name) && (positionals.length === 0 ||
            positionals.some((part) => name.includes(part))))
        .filter((name, i) => i % step === first - 1);
}

/* The options that a test asks for: "// Flags: --expose-internals" */
function flagsOf(file) {
    const line = /^\/\/ Flags: (.*)$/m.exec(fs.readFileSync(file, 'utf8'));
    return line ? line[1].trim().split(/\s+/) : [];
}

/* Each test leads a process group, of which nothing is left when it is over. */
function runOnce(name, dropIn, slot) {
    const file = path.join(tests, name);
    const args = [...(dropIn ? [use] : []), ...flagsOf(file), file];
    const env = { ...process.env, TEST_THREAD_ID: String(slot), TEST_PARALLEL: '1',
        NODE_TEST_DIR: directory };
    for (const other of ['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS']) delete env[other];
    return new Promise((resolve) => {
        const child = spawn(process.execPath, args, { cwd: values.sources, env,
            detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
        let text = '';
        let late = false;
        const end = () => {
            try {
                process.kill(-child.pid, 'SIGKILL');
            } catch {
                // nothing is left
            }
        };
        const timer = setTimeout(() => {
            late = true;
            end();
        }, LIMIT);
        for (const stream of [child.stdout, child.stderr]) {
            stream.on('data', (data) => { text += data; });
        }
        child.on('exit', (code, signal) => {
            clearTimeout(timer);
            end();
            resolve({ result: late ? 'late' : signal ?? String(code), text });
        });
    });
}

async function compare(name, slot) {
    const plain = await runOnce(name, false, slot);
    const dropIn = await runOnce(name, true, slot);
    if (values.out) {
        fs.appendFileSync(values.out, `${name} ${plain.result} ${dropIn.result}\n`);
    }
    return { name, plain, dropIn, equal: plain.result === dropIn.result };
}

async function all(names, jobs) {
    const results = [];
    const left = [...names];
    await Promise.all(Array.from({ length: jobs }, async (_, slot) => {
        while (left.length) results.push(await compare(left.shift(), slot + 1));
    }));
    return results;
}

if (values.out) fs.writeFileSync(values.out, '');
const names = listed();
const first = [
    ...await all(names.filter((name) => name.startsWith('parallel/')), Number(values.jobs)),
    ...await all(names.filter((name) => name.startsWith('sequential/')), 1),
];
const results = [];
for (let one of first) {
    for (let i = 0; !one.equal && i < 3; i++) one = await compare(one.name, 1);
    results.push(one);
}
const passed = results.filter((one) => one.equal && one.plain.result === '0').length;
const both = results.filter((one) => one.equal && one.plain.result !== '0');
const differ = results.filter((one) => !one.equal);
for (const one of differ) {
    console.log(`not ok - ${one.name}: plain ${one.plain.result}, ` +
        `with the drop-in ${one.dropIn.result}`);
    console.log(one.dropIn.text.replace(/^/gm, '    '));
}
for (const one of both) console.log(`fails both ways (${one.plain.result}): ${one.name}`);
console.log(`Node ${process.versions.node}: ${results.length} tests: ${passed} pass both ways, ` +
    `${both.length} fail both ways, ${differ.length} differ; ${skipped.size} skipped`);
fs.rmSync(directory, { recursive: true, force: true });
process.exit(differ.length || !passed ? 1 : 0);
