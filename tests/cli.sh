# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the scripts that test the command line tool have in common; they read it
# from the top directory. Sets tool, python, tmp, n, failed.

O=${O:-build}
case $O in
/*) tool=$O/spawn-template ;;
*) tool=$PWD/$O/spawn-template ;;
esac
python=/usr/bin/python3
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset NO_COLOR
# a guard that the machine may have is left alone
[ -n "${TEST_GUARD:-}" ] || export SPAWN_TEMPLATE_GUARD=
n=0
failed=0

result() { # status name
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=1
		[ ! -s "$tmp/log" ] || sed 's/^/# /' "$tmp/log"
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
