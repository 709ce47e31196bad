// SPDX-License-Identifier: BSD-2-Clause
// The result as tables of Markdown, and as numbers for the plot.

const unique = (list) => [...new Set(list)];

function table(head, rows) {
	const line = (cells) => `| ${cells.join(' | ')} |\n`;
	return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}

const rounded = (x) => x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);

function figures({ cells }) {
	const columns = unique(cells.map((c) => `${c.load}, ${c.flight}`));
	const rows = unique(cells.map((c) => c.server)).map((server) => [server,
		...cells.filter((c) => c.server === server).map((c) =>
			`${rounded(c.per_second)} (${rounded(c.p50_ms)}, ${rounded(c.p99_ms)})${
				c.wrong ? `; ${c.wrong} of ${c.calls} wrong` : ''}`)]);
	return table(['calls per second (p50, p99 in ms)',
		...columns.map((c) => `${c} in flight`)], rows);
}

function tried({ tries }) {
	const names = unique(tries.map((t) => t.server));
	const rows = unique(tries.map((t) => t.name)).map((name) => [name,
		...names.map((server) => {
			const t = tries.find((x) => x.name === name && x.server === server);
			return `${t.works ? 'yes' : 'no'}: ${t.seen}`;
		})]);
	return table(['tried', ...names], rows);
}

export function markdown(result) {
	const { cpu, cpus, kernel, load, node, rg, packages } = result.machine;
	const versions = Object.entries(packages).map(([name, v]) => `${name} ${v}`);
	return `${cpus} x ${cpu}, Linux ${kernel}, load ${load.toFixed(1)} before; Node ${
		node}, ${rg}, ${versions.join(', ')}; medians of ${result.rounds} rounds of ${
		result.round_ms} ms, interleaved.\n\n${figures(result)}${
		result.tries.length ? `\n${tried(result)}` : ''}`;
}

// Two blocks, one for each program: server, then calls per second by calls in flight.
export function dat({ cells }) {
	const block = (load) => unique(cells.map((c) => c.server)).map((server) => [server,
		...cells.filter((c) => c.server === server && c.load === load)
			.flatMap((c) => [c.per_second, c.per_second_least, c.per_second_most]),
	].join('\t')).join('\n');
	return `${unique(cells.map((c) => c.load)).map(block).join('\n\n\n')}\n`;
}
