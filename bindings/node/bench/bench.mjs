// SPDX-License-Identifier: BSD-2-Clause
/*
 * Measures launches of a small program from Node, its output captured: child_process, the
 * drop-in and the engine, interleaved in one process, medians over all rounds.
 *
 *     bench.mjs [--rounds N] [--ms N] [--memory MIB]... [--out FILE]
 *
 * "blocked" is the time in which the call itself keeps the loop from going on; "loop" the
 * time per run in which the loop did not wait; "CPU" that of this process and of the
 * children per run.
 */
import childProcess from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const dir = path.resolve(process.env.SPAWN_TEMPLATE_NODE_DIR);
const { run } = await import(pathToFileURL(path.join(dir, 'index.mjs')).href);
const register = await import(pathToFileURL(path.join(dir, 'register.mjs')).href);
register.uninstall();

const { values } = parseArgs({ options: {
    rounds: { type: 'string', default: '9' },
    ms: { type: 'string', default: '400' },
    memory: { type: 'string', multiple: true, default: ['0', '1024'] },
    out: { type: 'string' },
} });
const PROGRAM = '/bin/true';

/* Each way: call(done) begins a run. */
function bySpawn(done) {
    const child = childProcess.spawn(PROGRAM);
    child.stdout.on('data', () => {});
    child.stderr.on('data', () => {});
    child.on('close', done);
}

const WAYS = {
    'child_process.spawn': { call: bySpawn },
    'child_process.execFile': { call: (done) => childProcess.execFile(PROGRAM, done) },
    'drop-in spawn': { call: bySpawn, dropIn: true },
    'engine run': { call: (done) => run([PROGRAM]).then(done) },
};

function cell({ call, dropIn }, inFlight, ms) {
    if (dropIn) register.install();
    const blocked = [];
    const cpu = process.resourceUsage();
    const kids = childTimes();
    const loop = performance.eventLoopUtilization();
    const start = performance.now();
    let running = 0;
    let runs = 0;
    return new Promise((resolve) => {
        const next = () => {
            const at = performance.now();
            if (at - start > ms) {
                if (running === 0) resolve();
                return;
            }
            running++;
            call(() => {
                running--;
                runs++;
                next();
            });
            blocked.push(performance.now() - at);
        };
        for (let i = 0; i < inFlight; i++) next();
    }).then(() => {
        if (dropIn) register.uninstall();
        const spent = performance.now() - start;
        const now = process.resourceUsage();
        const own = now.userCPUTime + now.systemCPUTime - cpu.userCPUTime -
            cpu.systemCPUTime;
        blocked.sort((a, b) => a - b);
        return {
            perSecond: runs / spent * 1000,
            blocked: blocked[blocked.length >> 1] * 1000,
            blocked99: blocked[Math.floor(blocked.length * 0.99)] * 1000,
            loop: performance.eventLoopUtilization(loop).active / runs * 1000,
            cpu: (own + childTimes() - kids) / runs,
        };
    });
}

/* CPU time of children that were waited for, in us. */
function childTimes() {
    const fields = fs.readFileSync('/proc/self/stat', 'latin1').split(') ')[1].split(' ');
    return (Number(fields[13]) + Number(fields[14])) * 10000;
}

function shuffled(list) {
    const order = list.map((item) => [Math.random(), item]);
    return order.sort((a, b) => a[0] - b[0]).map((pair) => pair[1]);
}

function median(list) {
    const sorted = [...list].sort((a, b) => a - b);
    return sorted[sorted.length >> 1];
}

async function measure(memory, rounds, ms) {
    const held = [];
    for (let mib = 0; mib < memory; mib += 64) held.push(Buffer.alloc(64 << 20, 1));
    const cells = Object.keys(WAYS).flatMap((way) => [1, 16].map((n) => [way, n]));
    const seen = new Map(cells.map(([way, n]) => [`${way} ${n}`, []]));
    for (const [way, n] of cells) await cell(WAYS[way], n, ms / 4);
    for (let i = 0; i < rounds; i++) {
        for (const [way, n] of shuffled(cells)) {
            seen.get(`${way} ${n}`).push(await cell(WAYS[way], n, ms));
        }
    }
    const rows = [];
    for (const [way, n] of cells) {
        const row = { way, inFlight: n, memory };
        const list = seen.get(`${way} ${n}`);
        for (const name of Object.keys(list[0])) {
            row[name] = median(list.map((one) => one[name]));
        }
        rows.push(row);
    }
    return held.length >= 0 ? rows : [];
}

function print(rows) {
    for (const n of [1, 16]) {
        for (const memory of new Set(rows.map((row) => row.memory))) {
            console.log(`\n| ${n} in flight, ${memory} MiB of Buffers | runs/s | ` +
                'blocked p50 / p99 us | loop us | CPU us |\n|---|--:|--:|--:|--:|');
            for (const row of rows) {
                if (row.inFlight !== n || row.memory !== memory) continue;
                console.log(`| ${row.way} | ${row.perSecond.toFixed(0)} | ` +
                    `${row.blocked.toFixed(0)} / ${row.blocked99.toFixed(0)} | ` +
                    `${row.loop.toFixed(0)} | ${row.cpu.toFixed(0)} |`);
            }
        }
    }
}

const rows = [];
for (const memory of values.memory) {
    rows.push(...await measure(Number(memory), Number(values.rounds), Number(values.ms)));
}
console.log(`Node ${process.versions.node}, ${os.cpus().length} CPUs, Linux ${os.release()}`);
print(rows);
if (values.out) {
    fs.mkdirSync(path.dirname(values.out), { recursive: true });
    fs.writeFileSync(values.out, '# way in_flight mib runs_per_s blocked_us cpu_us\n' +
        rows.map((row) => [JSON.stringify(row.way), row.inFlight, row.memory,
            row.perSecond.toFixed(1), row.blocked.toFixed(1), row.cpu.toFixed(1)]
            .join(' ') + '\n').join(''));
}
process.exit(0);
