# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the test scripts have in common: a directory that goes with them, and the
# lines of TAP. Sets tmp, n, failed. $tmp/log says why a case failed, and is empty
# for the next one; a script that knows it from elsewhere has a why() of its own.

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
