// SPDX-License-Identifier: BSD-2-Clause
// Tries what agents need of a server that runs programs, each with a server of its own. A
// try returns whether it worked, and what was seen.
import fs from 'node:fs';
import path from 'node:path';
import { textOf } from './servers.mjs';

const SOON = 5000; // ms in which processes must have ended
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

// ---- scripts, and the processes that they leave

let scripts = 0;

// Makes a program of a script for the shell. Its processes have a mark in their environment.
export function script(dir, text) {
	const file = path.join(dir, `script-${process.pid}-${++scripts}`);
	fs.writeFileSync(file, `#!/bin/sh\nexport BENCH_MCP_MARK=${file}\n${text}\n`);
	fs.chmodSync(file, 0o755);
	return file;
}

function marked(file) {
	return fs.readdirSync('/proc').filter((name) => {
		try {
			return /^\d+$/.test(name) && fs.readFileSync(`/proc/${name}/environ`)
				.includes(`BENCH_MCP_MARK=${file}\0`);
		} catch {
			return false; // it has ended, or is another user's
		}
	}).map(Number);
}

async function until(condition, ms) {
	const begin = performance.now();
	while (!condition() && performance.now() - begin < ms)
		await sleep(20);
	return condition();
}

// Tells whether all processes of a script end soon, and ends those that do not.
async function ended(file) {
	const begin = performance.now();
	const gone = await until(() => !marked(file).length, SOON);
	const left = marked(file);
	for (const pid of left)
		try {
			process.kill(pid, 'SIGKILL');
		} catch {
			// it has just ended
		}
	return [gone, gone ? `all gone in ${seconds(performance.now() - begin)}`
		: `${left.length} processes live on`];
}

// ---- tries: x has server, client, dir

const none = (what) => [false, `it has no tool to ${what}`];

// A run that began in the background, with two processes, or the words for why not.
async function startTree({ server, client, dir }, first) {
	const file = script(dir, `${first}\nsleep 600 &\nsleep 600`);
	const name = await server.start(client, [file]);
	await until(() => marked(file).length >= 3, SOON);
	return { file, name };
}

async function stopTree(x, first = '') {
	if (!x.server.stop)
		return none('stop a run');
	const { file, name } = await startTree(x, first);
	await x.server.stop(x.client, name);
	return ended(file);
}

async function longRun({ server, client, dir }) {
	const begin = performance.now();
	const x = await server.run(client, [script(dir, 'sleep 65; echo the-end')]);
	return [textOf(x).includes('the-end'), seconds(performance.now() - begin)];
}

async function whileOneRuns({ server, client, dir }) {
	let over = false;
	const run = server.run(client, [script(dir, 'sleep 5')]).finally(() => {
		over = true;
	});
	await sleep(500);
	const begin = performance.now();
	await server.run(client, ['true']);
	const result = [!over, `answered after ${seconds(performance.now() - begin)}`];
	await run;
	return result;
}

async function flood({ server, client, dir, pid }) {
	const file = script(dir, `head -c 200000000 /dev/zero | tr '\\0' x | fold -w 99`);
	const x = await server.run(client, [file]);
	const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
	const peak = Math.round(Number(/VmHWM:\s*(\d+)/.exec(status)[1]) / 1024);
	const kib = Math.round(JSON.stringify(x).length / 1024);
	return [kib < 4096, `an answer of ${kib} KiB; the server's peak is ${peak} MiB`];
}

async function finished({ server, client, dir }) {
	if (!server.start)
		return none('start a run in the background');
	const file = script(dir, 'echo early; sleep 1; echo late');
	const name = await server.start(client, [file]);
	await until(() => marked(file).length > 0, SOON);
	await until(() => !marked(file).length, SOON);
	await sleep(1000);
	const text = textOf(await server.read(client, name));
	return [text.includes('early') && text.includes('late'),
		'read 1 s after the end'];
}

async function wait({ server, client, dir }) {
	if (!server.wait)
		return none('wait for a run');
	const name = await server.start(client, [script(dir, 'echo a; sleep 3; echo b; exit 97')]);
	const begin = performance.now();
	const text = textOf(await server.wait(client, name));
	return [/\b97\b/.test(text), `one call, answered after ${
		seconds(performance.now() - begin)}`];
}

async function status({ server, client, dir }) {
	const text = textOf(await server.run(client, [script(dir, 'exit 97')]));
	return [/\b97\b/.test(text), 'exit 97'];
}

async function streams({ server, client, dir }) {
	if (!server.streams)
		return [false, 'they come as one text'];
	const [out, err] = server.streams(await server.run(client,
		[script(dir, 'echo o; echo e >&2')]));
	return [out?.trim() === 'o' && err?.trim() === 'e', 'a part each'];
}

async function deadline({ server, client, dir }) {
	const file = script(dir, 'sleep 600 &\nsleep 600');
	const run = server.run(client, [file], { timeout: 2 }).catch(() => {});
	await until(() => marked(file).length > 0, SOON);
	await Promise.race([run, sleep(4000)]);
	return ended(file);
}

async function cancel({ server, client, dir }) {
	const file = script(dir, 'sleep 600 &\nsleep 600');
	const abort = new AbortController();
	const run = server.run(client, [file], { signal: abort.signal }).catch(() => {});
	await until(() => marked(file).length >= 3, SOON);
	abort.abort();
	await run;
	return ended(file);
}

async function leave({ server, client, dir }) {
	const file = script(dir, 'sleep 600 &\nsleep 600');
	const run = server.run(client, [file]).catch(() => {});
	await until(() => marked(file).length >= 3, SOON);
	await client.close();
	await run;
	return ended(file);
}

async function write({ server, client, dir }) {
	if (!server.write)
		return none('write to a run');
	const file = script(dir, 'read -r x; echo "got $x"; sleep 600');
	const name = await server.start(client, [file]);
	await server.write(client, name, 'hello\n');
	await sleep(500);
	const text = textOf(await server.read(client, name));
	await ended(file);
	return [text.includes('got hello'), 'a line'];
}

// The deadline is the server's own where a call cannot have one: .seconds.
export const tries = [
	{ name: 'a run of 65 s gives its output, with the limits of the SDK', make: longRun },
	{ name: 'calls are answered while another program runs', make: whileOneRuns },
	{ name: 'a program that writes 200 MB has a bounded answer', make: flood },
	{ name: 'the output of a run that has ended is read', make: finished },
	{ name: 'a call waits for the end of a run, and tells its exit code', make: wait },
	{ name: 'the result of a short run has the exit code', make: status },
	{ name: 'stdout and stderr come apart', make: streams },
	{ name: 'input is written to a run', make: write },
	{ name: 'a deadline ends a run and its children', make: deadline, seconds: 2 },
	{ name: 'stop ends a run and its children', make: stopTree },
	{ name: 'stop ends a child that has called setsid', make: (x) =>
		stopTree(x, 'setsid sleep 600 &') },
	{ name: 'a call that is cancelled ends its program', make: cancel },
	{ name: 'programs end when the client leaves', make: leave },
];
