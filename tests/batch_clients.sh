#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The clients of docs/batch.md in languages whose compilers take a while: each drives
# spawn-template batch through lines, streaming, input and a cancel. 'make check' runs the
# other clients.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh
slow=${TEST_SLOW:-1}

bin=$tmp/bin
mkdir -p "$bin"
ln -s "$tool" "$bin/spawn-template"
awk '/^```/ { file = "" } file { print > file }
	/^```go$/ { file = "'"$tmp"'/client.go" }
	/^```java$/ { file = "'"$tmp"'/Client.java" }' docs/batch.md

# Runs a client; what it prints goes to $tmp/out.
client() { # command
	PATH=$bin:$PATH timeout $((120 * slow)) "$@" > "$tmp/out" 2> "$tmp/log"
	local status=$?

	cat "$tmp/out" >> "$tmp/log"
	return $status
}

if command -v go > /dev/null; then
	# it needs neither a home nor a network, and leaves its cache to the build
	client env GO111MODULE=off GOTOOLCHAIN=local GOFLAGS= GOPATH="$tmp/go" \
		GOCACHE="$(realpath "$O")/go" go run "$tmp/client.go" &&
		grep -qx 'build writes begun' "$tmp/out" &&
		grep -qx 'build writes done' "$tmp/out" &&
		grep -qx 'sort has ended: 0 <nil> apple' "$tmp/out" &&
		grep -q '^stuck has ended: <nil> SIGTERM' "$tmp/out"
	result $? 'the Go program of docs/batch.md works'
else
	skip 'the Go program of docs/batch.md works' 'there is no Go'
fi
# Process.inputReader came with Java 17.
if command -v java > /dev/null &&
	[ "$(java -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p')" -ge 17 ]; then
	client java "$tmp/Client.java" &&
		grep -q '^{"id":"build",.*"event":"out","out":"begun\\n"}$' "$tmp/out" &&
		grep -q '^{"id":"sort",.*"code":0,.*"out":"apple\\npear\\n"' "$tmp/out" &&
		grep -q '^{"id":"stuck",.*"signal":"SIGTERM".*"cancelled":true' "$tmp/out"
	result $? 'the Java program of docs/batch.md works'
else
	skip 'the Java program of docs/batch.md works' 'there is no Java 17'
fi

echo "1..$n"
exit "$failed"
