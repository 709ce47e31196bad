// SPDX-License-Identifier: BSD-2-Clause
// The servers that are measured: how each is started, and which of its tools does what.
// A server has no function for what it has no tool for.
//
//	command(dir, seconds)        its command line; seconds: the deadline of all runs,
//	                             where none can have its own
//	run(client, argv, options)   runs a program to its end, and returns all that was said;
//	                             options.timeout is its deadline in seconds
//	start(client, argv)          starts it in the background, and returns its name
//	read, wait, stop(client, name), write(client, name, text)
//	streams(result)              what a result has as [stdout, stderr]
import fs from 'node:fs';
import path from 'node:path';

export const textOf = (result) => result.content.map((part) => part.text).join('\n');

async function call(client, name, args, signal) {
	return client.callTool({ name, arguments: args }, undefined, { signal });
}

const quoted = (argv) => argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');

// ---- spawn-template mcp

function ours(name, tool, options) {
	const wait = async (client, handle) => {
		for (;;) {
			const x = await call(client, 'wait', { handle });
			if (!x.structuredContent.running)
				return x;
		}
	};
	return {
		name,
		command: () => ({ command: tool, args: ['mcp', ...options] }),
		run: async (client, argv, { timeout, signal } = {}) => {
			const x = await call(client, 'run', { argv, ...(timeout && { timeout }) },
				signal);
			const { running, handle } = x.structuredContent;
			return running ? wait(client, handle) : x;
		},
		start: async (client, argv) =>
			(await call(client, 'start', { argv, open_input: true }))
				.structuredContent.handle,
		read: (client, handle) => call(client, 'read', { handle }),
		wait: (client, handle) => call(client, 'wait', { handle }),
		stop: (client, handle) => call(client, 'stop', { handle }),
		write: (client, handle, data) => call(client, 'write', { handle, data }),
		streams: (x) => [x.structuredContent.out, x.structuredContent.err],
	};
}

// ---- DesktopCommander

const RUNS_ON = /Process is running/;

function desktopCommander(main) {
	const start = (client, argv, timeout_ms, signal) =>
		call(client, 'start_process', { command: quoted(argv), timeout_ms }, signal);
	const pidOf = (result) => Number(/PID (\d+)/.exec(textOf(result))?.[1]);
	const read = (client, pid, timeout_ms) =>
		call(client, 'read_process_output', { pid, timeout_ms });
	return {
		name: 'DesktopCommander',
		// It tells its makers what is called, unless its configuration says no.
		command: (dir) => {
			const folder = path.join(dir, '.claude-server-commander');
			fs.mkdirSync(folder, { recursive: true });
			fs.writeFileSync(path.join(folder, 'config.json'),
				JSON.stringify({ telemetryEnabled: false }));
			return { command: process.execPath, args: [main], env: { HOME: dir } };
		},
		run: async (client, argv, { timeout = 50, signal } = {}) => {
			const x = await start(client, argv, timeout * 1000, signal);
			let last = x;
			while (RUNS_ON.test(textOf(x)) && !/completed/.test(textOf(last)))
				last = await read(client, pidOf(x), 50000);
			return last;
		},
		start: async (client, argv) => pidOf(await start(client, argv, 500)),
		read: (client, pid) => read(client, pid, 1000),
		wait: (client, pid) => read(client, pid, 50000),
		stop: (client, pid) => call(client, 'force_terminate', { pid }),
		write: (client, pid, input) =>
			call(client, 'interact_with_process', { pid, input }),
	};
}

// ---- two of Python

function cliMcpServer(program) {
	return {
		name: 'cli-mcp-server',
		command: (dir, seconds = 600) => ({
			command: program,
			args: [],
			env: {
				ALLOWED_DIR: dir,
				ALLOWED_COMMANDS: 'all',
				ALLOWED_FLAGS: 'all',
				ALLOW_SHELL_OPERATORS: 'true',
				COMMAND_TIMEOUT: String(seconds),
			},
		}),
		run: (client, argv, { signal } = {}) =>
			call(client, 'run_command', { command: quoted(argv) }, signal),
		streams: (x) => [x.content[0].text, x.content[1]?.text],
	};
}

function mcpShellServer(program) {
	return {
		name: 'mcp-shell-server',
		command: (dir) => ({
			command: program,
			args: [],
			env: {
				ALLOW_COMMANDS: 'true,rg',
				ALLOW_PATTERNS: `${dir}/[a-z0-9-]+`,
				MCP_SHELL_MAX_TIMEOUT_SECONDS: '600',
			},
		}),
		run: (client, argv, { timeout = 600, signal } = {}) =>
			call(client, 'shell_execute', { command: argv, timeout }, signal),
		streams: (x) => [x.content[0]?.text, x.content[1]?.text],
	};
}

// Returns the servers that are installed: packages is the folder with node and python.
export function servers(tool, packages) {
	const inPackages = (...parts) => path.join(packages, ...parts);
	const all = [
		[tool, ours('spawn-template mcp', tool, [])],
		[tool, ours('the same, --cold', tool, ['--cold'])],
	];
	const main = inPackages('node', 'node_modules', '@wonderwhy-er', 'desktop-commander',
		'dist', 'index.js');
	all.push([main, desktopCommander(main)]);
	for (const [name, make] of [['cli-mcp-server', cliMcpServer],
			['mcp-shell-server', mcpShellServer]]) {
		const program = inPackages('python', 'bin', name);
		all.push([program, make(program)]);
	}
	return all.filter(([file]) => fs.existsSync(file)).map(([, server]) => server);
}
