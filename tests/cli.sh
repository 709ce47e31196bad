# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Common parts of the scripts that test the command line tool, which read this from the
# top directory. Sets tool and python, and reads tap.sh.

O=${O:-build}
case $O in
/*) tool=$O/spawn-template ;;
*) tool=$PWD/$O/spawn-template ;;
esac
python=/usr/bin/python3
# shellcheck source=tests/tap.sh
. tests/tap.sh
unset NO_COLOR

# 'make' leaves the command out where it cannot be built.
if [ ! -x "$tool" ]; then
	echo 1..1
	skip 'the command works' 'spawn-template was not built'
	[ "$failed" = 0 ] || exit 1
	exit 77
fi

# the tests do not ask a guard that the machine may have
[ -n "${TEST_GUARD:-}" ] || export SPAWN_TEMPLATE_GUARD=

# Tells whether a test may hide /proc; else skips it under its name.
may_hide_proc() { # name
	if [ -n "${SAN-}" ]; then
		skip "$1" 'sanitizers need /proc'
		return 1
	fi
	unshare -m true 2> /dev/null && return
	skip "$1" 'no mount namespace can be made'
	return 1
}

without_proc() { # command...
	unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$@"
}

# Waits up to 10 s until a command succeeds.
until_true() {
	local i

	for ((i = 0; i < 500; i++)); do
		"$@" 2> /dev/null && return 0
		sleep 0.02
	done
	return 1
}

# Compares the standard output of a command, followed by its status as "[N]".
is() { # name expected command...
	local name=$1 expected=$2 got

	shift 2
	got=$("$@" 2> "$tmp/err")
	got="${got}[$?]"
	{
		echo "expected: $expected"
		echo "got:      $got"
		cat "$tmp/err"
	} > "$tmp/log"
	[ "$got" = "$expected" ]
	result $? "$name"
}

# Compares the status of a command, and searches its standard error for a pattern.
fails() { # name status pattern command...
	local name=$1 expected=$2 pattern=$3 got

	shift 3
	"$@" > "$tmp/out" 2> "$tmp/err"
	got=$?
	{
		echo "status $got, expected $expected, and: $pattern"
		cat "$tmp/err"
	} > "$tmp/log"
	[ "$got" = "$expected" ] && grep -qE -- "$pattern" "$tmp/err"
	result $? "$name"
}

# Checks a Python expression about the lines of JSON in $tmp/out: a is their list.
json_lines() { # name expression
	"$python" - "$tmp/out" > "$tmp/log" 2>&1 <<- END
	import json, sys
	a = [json.loads(line) for line in open(sys.argv[1])]
	if not ($2):
	    print(a)
	    sys.exit(1)
	END
	result $? "$1"
}

run() {
	"$tool" run "$@"
}
