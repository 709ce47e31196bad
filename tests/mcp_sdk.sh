#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# spawn-template mcp with clients of others: tests/mcp_sdk.mk.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh
slow=${TEST_SLOW:-1}
sdk=${MCP_SDK:-$PWD/$O/mcp-sdk}
mkdir -p "$sdk"

# Installs once; a registry that cannot be reached is a reason to skip.
install_python() {
	cmp -s tests/mcp_sdk/requirements.txt "$sdk/requirements.txt" && return
	python3 -m venv --clear "$sdk/python" &&
		"$sdk/python/bin/python" -m pip --quiet --no-input \
			--disable-pip-version-check install \
			-r tests/mcp_sdk/requirements.txt &&
		cp tests/mcp_sdk/requirements.txt "$sdk"
} > "$tmp/install" 2>&1

install_node() {
	cmp -s tests/mcp_sdk/package.json "$sdk/node/made.json" && return
	mkdir -p "$sdk/node" &&
		cp tests/mcp_sdk/package.json tests/mcp_sdk/sdk.mjs "$sdk/node" &&
		(cd "$sdk/node" && npm install --silent --no-audit --no-fund) &&
		cp tests/mcp_sdk/package.json "$sdk/node/made.json"
} > "$tmp/install" 2>&1

run() { # name, command...
	timeout $((60 * slow)) "${@:2}" > "$tmp/log" 2>&1
	result $? "$1"
}

name='the Python SDK runs programs in each way to connect'
validates='all answers are valid by the schemas of the protocol'
if install_python; then
	run "$name" "$sdk/python/bin/python" tests/mcp_sdk/sdk.py "$tool"
	if [ -n "${MCP_SCHEMAS:-}" ]; then
		run "$validates" "$sdk/python/bin/python" \
			tests/mcp_sdk/schema.py "$tool" "$MCP_SCHEMAS"
	else
		MUST_WORK=0 skip "$validates" 'MCP_SCHEMAS names no folder of schemas'
	fi
else
	skip "$name" "the SDK cannot be installed: $(tail -n 1 "$tmp/install")"
fi

name='the TypeScript SDKs of both protocols run programs'
if install_node; then
	cp tests/mcp_sdk/sdk.mjs "$sdk/node"
	run "$name" "${NODE:-node}" "$sdk/node/sdk.mjs" "$tool"
else
	skip "$name" "the SDK cannot be installed: $(tail -n 1 "$tmp/install")"
fi

echo "1..$n"
[ "$failed" = 0 ]
