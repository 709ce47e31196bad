// SPDX-License-Identifier: BSD-2-Clause
// Measures servers that run programs for agents, by the SDK for TypeScript, in one run: the
// calls per second and the latency of `true` and of `rg`, one call at a time and 16 in
// flight. Rounds go through all servers in turn, so that a change of the machine's load
// falls on all of them. Then what agents need is tried with each server.
//
//	node mcp.mjs [--short] [--rounds N] [--json] [--no-tries] --tool PROGRAM
//		--packages DIR --out DIR
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { dat, markdown } from './report.mjs';
import { servers, textOf } from './servers.mjs';
import { tries } from './tries.mjs';

const { values: options } = parseArgs({ options: {
	short: { type: 'boolean' },
	rounds: { type: 'string' },
	json: { type: 'boolean' },
	'no-tries': { type: 'boolean' },
	tool: { type: 'string' },
	packages: { type: 'string' },
	out: { type: 'string' },
} });
const ROUNDS = Number(options.rounds ?? (options.short ? 2 : 9));
const ROUND_MS = options.short ? 250 : 1000;
const FLIGHTS = [1, 16];
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-mcp-'));
const tell = (...text) => process.stderr.write(`bench-mcp: ${text.join(' ')}\n`);

async function connect(server, seconds) {
	const client = new Client({ name: 'bench', version: '1' });
	const home = fs.mkdtempSync(path.join(dir, 'home-'));
	const command = server.command(dir, seconds);
	const env = { ...process.env, HOME: home, ...command.env };
	const transport = new StdioClientTransport({ ...command, env, stderr: 'ignore' });
	await client.connect(transport);
	return { client, pid: transport.pid };
}

// ---- what is called

// A tree of 64 files for rg; a line in each of them has the word.
function makeTree() {
	const tree = path.join(dir, 'tree');
	fs.mkdirSync(tree);
	for (let i = 0; i < 64; i++) {
		const lines = Array.from({ length: 200 }, (_, n) =>
			n === 100 ? `a needle in file ${i}` : `line ${n} of file ${i}, with words`);
		fs.writeFileSync(path.join(tree, `file-${i}`), lines.join('\n'));
	}
	return tree;
}

const tree = makeTree();
const loads = [
	{ name: 'true', argv: ['true'], isRight: () => true },
	{
		name: 'rg', argv: ['rg', '-n', 'needle', tree],
		isRight: (text) => text.match(/needle in file/g)?.length === 64,
	},
];

// ---- measuring

// Calls for a time, flight calls at a time. Adds each call's time in ms to cell.times, and
// counts answers that are errors or lack output.
async function round(cell, client) {
	const { server, load, flight, times } = cell;
	const begin = performance.now();
	let calls = 0;
	const one = async () => {
		do {
			const start = performance.now();
			const x = await server.run(client, load.argv);
			times.push(performance.now() - start);
			cell.wrong += x.isError || !load.isRight(textOf(x));
			calls++;
		} while (performance.now() - begin < ROUND_MS);
	};
	await Promise.all(Array.from({ length: flight }, one));
	return calls / ((performance.now() - begin) / 1000);
}

function quantile(values, q) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

async function measure(all) {
	const cells = [];
	const clients = new Map();
	for (const server of all) {
		const { client } = await connect(server);
		clients.set(server, client);
		for (const load of loads)
			for (const flight of FLIGHTS)
				cells.push({ server, load, flight, rates: [], times: [],
					wrong: 0 });
	}
	for (const { server, load } of cells) // the first calls are not measured
		await round({ server, load, flight: 1, times: [], wrong: 0 },
			clients.get(server));
	for (let i = 0; i < ROUNDS; i++) {
		for (const cell of i % 2 ? [...cells].reverse() : cells)
			cell.rates.push(await round(cell, clients.get(cell.server)));
		tell(`round ${i + 1} of ${ROUNDS}`);
	}
	for (const client of clients.values())
		await client.close();
	return cells.map(({ server, load, flight, rates, times, wrong }) => ({
		server: server.name, load: load.name, flight, calls: times.length, wrong,
		per_second: quantile(rates, 0.5), per_second_least: Math.min(...rates),
		per_second_most: Math.max(...rates), p50_ms: quantile(times, 0.5),
		p99_ms: quantile(times, 0.99),
	}));
}

async function tryOne(server, one) {
	let client;
	try {
		const connected = await connect(server, one.seconds);
		client = connected.client;
		const [works, seen] = await one.make({ server, dir, ...connected });
		return { server: server.name, name: one.name, works, seen };
	} catch (error) {
		const seen = error.message.split('\n')[0].slice(0, 120);
		return { server: server.name, name: one.name, works: false, seen };
	} finally {
		await client?.close();
	}
}

async function tryAll(all, result) {
	for (const one of tries) {
		result.tries.push(...await Promise.all(all.map((server) => tryOne(server, one))));
		save(result);
		tell(`tried: ${one.name}`);
	}
}

// ---- the whole

function machine() {
	const version = (program, ...args) =>
		execFileSync(program, args, { encoding: 'utf8' }).split('\n')[0];
	const { dependencies } = JSON.parse(fs.readFileSync(
		new URL('package.json', import.meta.url)));
	return {
		cpu: os.cpus()[0].model, cpus: os.cpus().length, kernel: os.release(),
		load: os.loadavg()[0], node: process.version, rg: version('rg', '--version'),
		packages: dependencies,
	};
}

// Leaves what is measured so far in files, also if a try does not come to its end.
function save(result) {
	fs.mkdirSync(options.out, { recursive: true });
	const write = (name, text) => fs.writeFileSync(path.join(options.out, name), text);
	write('mcp.json', `${JSON.stringify(result, null, '\t')}\n`);
	write('mcp.md', markdown(result));
	write('mcp.dat', dat(result));
}

try {
	const all = servers(path.resolve(options.tool), path.resolve(options.packages));
	const result = { machine: machine(), rounds: ROUNDS, round_ms: ROUND_MS, tries: [] };
	tell('servers:', all.map((server) => server.name).join(', '));
	result.cells = await measure(all);
	save(result);
	if (!options['no-tries'])
		await tryAll(all.filter(({ name }) => !name.includes('--cold')), result);
	process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : markdown(result));
} finally {
	fs.rmSync(dir, { recursive: true, force: true });
}
