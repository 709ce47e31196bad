// SPDX-License-Identifier: BSD-2-Clause
//
// One way of the benchmark: child_process.spawn of Node. bench/ring_work.h
// describes the requests on stdin and the answers on stdout. The argument is the
// work.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const work = JSON.parse(process.argv[2]);
const env = Object.fromEntries(work.env.map((entry) => {
	const at = entry.indexOf('=');
	return [entry.slice(0, at), entry.slice(at + 1)];
}));

function collect(stream, chunks) {
	stream.on('data', (chunk) => chunks.push(chunk));
}

// Runs the program once; calls done(error) when it has ended and all is read.
function run({ argv, out }, blocked, done) {
	const chunks = [], errors = [];
	const start = process.hrtime.bigint();
	const child = spawn(argv[0], argv.slice(1), {
		env, stdio: ['ignore', 'pipe', 'pipe'],
	});
	blocked.push(Number(process.hrtime.bigint() - start) / 1e3);
	collect(child.stdout, chunks);
	collect(child.stderr, errors);
	child.on('error', done);
	child.on('close', (code) => {
		const output = Buffer.concat(chunks);
		const good = code === 0 && output.length === out &&
			!errors.length;
		done(good ? null : new Error(`${argv[0]}: unexpected end`));
	});
}

function round(program, inflight, runs) {
	const blocked = [];
	let started = 0, done = 0;

	return new Promise((resolve, reject) => {
		const next = () => {
			started++;
			run(program, blocked, (error) => {
				if (error)
					return reject(error);
				if (++done === runs)
					return resolve(blocked);
				if (started < runs)
					next();
			});
		};
		while (started < Math.min(inflight, runs))
			next();
	});
}

// Node does not report its children's time. The kernel does, in ticks of 10 ms.
function childrenMicroseconds() {
	const stat = readFileSync('/proc/self/stat', 'utf8');
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	return (Number(fields[13]) + Number(fields[14])) * 10000;
}

function usage() {
	const u = process.resourceUsage();
	return {
		cpu: u.userCPUTime + u.systemCPUTime + childrenMicroseconds(),
		switches: u.voluntaryContextSwitches +
			u.involuntaryContextSwitches,
	};
}

async function answer(line) {
	const [index, inflight, warm, runs] = line.split(' ').map(Number);
	const program = work.programs[index];

	if (warm)
		await round(program, inflight, warm);
	const before = usage(), start = process.hrtime.bigint();
	const blocked = await round(program, inflight, runs);
	const seconds = Number(process.hrtime.bigint() - start) / 1e9;
	const after = usage();
	return {
		seconds, cpu_us: after.cpu - before.cpu,
		switches: after.switches - before.switches,
		blocked_us: blocked,
	};
}

console.log(JSON.stringify({ ready: `Node ${process.version.slice(1)}` }));
for await (const line of createInterface({ input: process.stdin })) {
	try {
		console.log(JSON.stringify(await answer(line)));
	} catch (error) {
		console.log(JSON.stringify({ error: error.message }));
		process.exit(1);
	}
}
