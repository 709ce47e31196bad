# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Common parts of the test scripts: a temporary directory, removed at the end, and the
# lines of TAP. Sets tmp, n and failed. $tmp/log explains a failed case; it is emptied
# for the next one. A script with another explanation has a why() of its own.

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0

why() {
	[ ! -s "$tmp/log" ] || cat "$tmp/log"
}

result() { # status name
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=1
		why | sed 's/^/# /'
	fi
	: > "$tmp/log"
}

skip() { # name reason
	n=$((n + 1))
	if [ "${MUST_WORK:-0}" = 1 ]; then
		echo "not ok $n - $1: must work, but $2"
		failed=1
	else
		echo "ok $n - $1 # SKIP $2"
	fi
}
