// SPDX-License-Identifier: BSD-2-Clause
/*
 * A small harness, the same under Node, Bun and Deno:
 *
 *     test('a name that says what the case proves', async () => { ... });
 *
 * The cases of a file run one after the other, each under a time limit. Output is TAP;
 * exit status 1 if a case failed. SPAWN_TEMPLATE_NODE_DIR is the package's directory.
 * TEST_SLOW=N multiplies the limits; MUST_WORK=1 turns skips into failures.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const SLOW = Number(process.env.TEST_SLOW || 1);
export const HERE = path.dirname(fileURLToPath(import.meta.url));
export const DIR = path.resolve(process.env.SPAWN_TEMPLATE_NODE_DIR ||
    path.join(HERE, '../../../build/node/spawn_template'));
export const st = await import(pathToFileURL(path.join(DIR, 'index.mjs')).href);
export const required = createRequire(import.meta.url)(DIR);
export const isNode = !process.versions.bun && !process.versions.deno;

const cases = [];
let failed = 0;

class Skip extends Error {}

export function skip(why) {
    throw new Skip(why);
}

export function test(name, fn, seconds = 30) {
    if (cases.push([name, fn, seconds]) === 1) setTimeout(runAll, 0);
}

function limited(fn, seconds) {
    let timer;
    const limit = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`out of time after ${seconds} s`)),
            seconds * SLOW * 1000);
    });
    return Promise.race([Promise.resolve().then(fn), limit])
        .finally(() => clearTimeout(timer));
}

async function runAll() {
    const only = process.argv[2];
    for (const [name, fn, seconds] of cases) {
        if (only && !name.includes(only)) continue;
        try {
            await limited(fn, seconds);
            console.log(`ok - ${name}`);
        } catch (error) {
            if (error instanceof Skip && process.env.MUST_WORK !== '1') {
                console.log(`ok - ${name} # SKIP ${error.message}`);
                continue;
            }
            failed++;
            console.log(`not ok - ${name}`);
            for (const line of String(error?.stack ?? error).split('\n')) {
                console.log(`  ${line}`);
            }
        }
    }
    process.exit(failed ? 1 : 0);
}

export function sleep(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until the condition is true, and tells whether it has become so. */
export async function eventually(condition, seconds = 10) {
    for (const end = Date.now() + seconds * SLOW * 1000; !(await condition());) {
        if (Date.now() > end) return false;
        await sleep(10);
    }
    return true;
}

export function isAlive(pid) {
    try {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
        return !'ZX'.includes(stat.slice(stat.lastIndexOf(')') + 2)[0]);
    } catch {
        return false;
    }
}

export function openFds() {
    return fs.readdirSync('/proc/self/fd').length;
}

const made = [];

/** A directory for the test, removed at the end of the process. */
export function temporary() {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'spawn_template-'));
    if (made.push(dir) === 1) process.on('exit', removeAll);
    return dir;
}

function removeAll() {
    for (const dir of made) fs.rmSync(dir, { recursive: true, force: true });
}

/** Runs a program of JavaScript in a process of its own: { code, signal, out, err }. */
export function script(source,
    { args = [], env = {}, type = 'mjs', prefix = [], load = true } = {}) {
    const file = path.join(temporary(), `program.${type}`);
    const head = type === 'mjs' ?
        `import * as st from ${JSON.stringify(path.join(DIR, 'index.mjs'))};\n` :
        `const st = require(${JSON.stringify(DIR)});\n`;
    fs.writeFileSync(file, (load ? head : '') + source);
    const runtime = process.versions.deno ? ['run', '-A'] : [];
    return new Promise((resolve) => {
        const [program, ...first] = [...prefix, process.execPath];
        const child = spawn(program, [...first, ...args, ...runtime, file],
            { env: { ...process.env, ...env } });
        let out = '';
        let err = '';
        child.stdout.on('data', (data) => { out += data; });
        child.stderr.on('data', (data) => { err += data; });
        child.on('close', (code, signal) => resolve({ code, signal, out, err }));
    });
}
