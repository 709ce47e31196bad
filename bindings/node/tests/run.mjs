// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs test files and sums up, as tests/run does:
 *
 *     node run.mjs [--with PROGRAM,ARGUMENT...] [FILE...]
 *
 * --with runs them by another program than this one: Bun, Deno, or another Node.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const args = process.argv.slice(2);
let command = [process.execPath, '--expose-gc'];
if (args[0] === '--with') command = args.splice(0, 2)[1].split(',');
const files = args.length ? args.map((file) => path.resolve(file)) :
    fs.readdirSync(here).filter((name) => name.endsWith('.test.mjs')).sort()
        .map((name) => path.join(here, name));
const limit = Number(process.env.TEST_TIME || 240) * 1000;
const sum = { passed: 0, failed: 0, skipped: 0 };

for (const file of files) {
    const start = Date.now();
    const run = spawnSync(command[0], [...command.slice(1), file],
        { encoding: 'utf8', timeout: limit, killSignal: 'SIGKILL' });
    const lines = (run.stdout ?? '').split('\n');
    const skipped = lines.filter((line) => /^ok .*# SKIP /.test(line)).length;
    const passed = lines.filter((line) => line.startsWith('ok ')).length - skipped;
    let failed = lines.filter((line) => line.startsWith('not ok ')).length;
    if (run.status !== 0 && failed === 0) failed = 1;
    console.log(`  ${path.basename(file, '.test.mjs').padEnd(20)} ${passed} passed ` +
        `${failed} failed ${skipped} skipped  ${((Date.now() - start) / 1000).toFixed(1)} s`);
    for (const line of lines) {
        if (failed ? !line.startsWith('ok ') : line.includes('# SKIP')) {
            console.log(`    ${line}`);
        }
    }
    if (failed) {
        console.log(run.stderr);
        if (run.error) console.log(String(run.error));
        if (run.signal) console.log(`ended by ${run.signal}`);
    }
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
}
console.log(`${sum.passed} passed, ${sum.failed} failed` +
    (sum.skipped ? `, ${sum.skipped} skipped` : ''));
process.exit(sum.failed || !sum.passed ? 1 : 0);
