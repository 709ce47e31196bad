// SPDX-License-Identifier: BSD-2-Clause
// Drives a spawn-template mcp by the SDKs for TypeScript: argument 1 is the command.
import assert from 'node:assert';
import * as modern from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const server = { command: process.argv[2], args: ['mcp'] };
const self = { name: 'test', version: '1' };

async function drive(client, transport) {
	await client.connect(transport);
	assert.equal((await client.listTools()).tools.length, 9);
	const run = (args) => client.callTool({ name: 'run', arguments: args });
	assert.equal((await run({ argv: ['echo', 'hi'] })).structuredContent.out, 'hi\n');
	assert.equal((await run({ command: 'exit 3' })).structuredContent.code, 3);
	assert.equal((await run({ argv: ['/nonesuch'] })).isError, true);
	const x = await run({ argv: ['sleep', '60'], wait: 0.1 });
	const { handle } = x.structuredContent;
	const end = await client.callTool({ name: 'stop', arguments: { handle } });
	assert.equal(end.structuredContent.cancelled, true);
	await client.close();
}

await drive(new Client(self), new StdioClientTransport(server));
for (const mode of ['legacy', 'auto'])
	await drive(new modern.Client(self, { versionNegotiation: { mode } }),
		new ModernTransport(server));
