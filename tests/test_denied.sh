#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The command in sandboxes: each call that may be missing is denied in turn, with each
# errno that a filter may choose, to each of its ways to launch.

# shellcheck disable=SC2317,SC2016 # each calls the functions; a shell expands the text

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh

deny=${tool%/*}/tests/tools/deny

if ! "$deny" 38 OPENAT2 true 2> "$tmp/why"; then
	echo 1..1
	skip 'the command works without each call' 'no seccomp filter'
	[ "$failed" = 0 ] || exit 1
	exit 77
fi

calls=$("$deny" | cut -f 1)
errnos='38 1 13' # ENOSYS, EPERM, EACCES

# Runs the command with the call denied, within a time.
denied() { # arguments
	timeout -k 1 "${TEST_SLOW:+$((TEST_SLOW * 10))}${TEST_SLOW:-20}" \
		"$deny" "$errno" "$call" "$tool" "$@" 2> "$tmp/err"
}

# Notes what was expected and is not so.
expect() { # what, got, want
	[ "$2" = "$3" ] ||
		echo "$call answers $errno, $1: '$2', not '$3': $(cat "$tmp/err")" \
			>> "$tmp/log"
}

# Calls a function for each call and errno; it notes what is wrong. Those of one call run
# beside one another, in folders of their own, as most of their time is waiting.
each() { # name, function
	local call errno pids pid

	: > "$tmp/log"
	for call in $calls; do
		pids=()
		for errno in $errnos; do
			one "$tmp/$call.$errno" "$2" &
			pids+=($!)
		done
		for pid in "${pids[@]}"; do
			wait "$pid" || echo "$call: $2 did not end well" \
				>> "$tmp/log"
		done
		cat "$tmp/$call".*/log >> "$tmp/log"
	done
	[ ! -s "$tmp/log" ]
	result $? "$1"
}

# Calls a function with a folder of its own for what it writes.
one() { # folder, function
	tmp=$1
	mkdir -p "$tmp"
	: > "$tmp/log"
	"$2"
	true
}

# Nothing is launched without statx.
lacks_all() {
	[ "$call" = STATX ]
}

# libc starts no thread if clone3 answers another error than ENOSYS.
lacks_threads() {
	[ "$call" = CLONE3 ] && [ "$errno" != 38 ]
}

run_plainly() {
	local out status

	out=$(denied run -- sh -c 'echo hi; exit 3')
	status=$?
	if lacks_all; then
		expect status "$status" 126
		grep -q 'statx(2)' "$tmp/err"
		expect 'statx is named' $? 0
		return
	fi
	expect status "$status" 3
	expect output "$out" hi
}

# A grandchild that has left the group and the session, and that is waited for.
run_timeout() {
	local pid state

	lacks_all && return
	rm -f "$tmp/pid" "$tmp/term"
	denied run --timeout 0.3 --kill-after 0.3 -- sh -c '
		trap "echo > $1/term; exit 9" TERM
		setsid sleep 60 & echo $! > "$1/pid"
		wait' sh "$tmp"
	expect 'status at the timeout' $? 124
	[ -e "$tmp/term" ]
	expect 'TERM was seen' $? 0
	pid=$(cat "$tmp/pid")
	state=$(ps -o stat= -p "$pid" | cut -c 1)
	[ -z "$state" ] || [ "$state" = Z ]
	expect 'the grandchild is gone' $? 0
}

capture() {
	local out status

	out=$(denied run --capture "$@" -- sh -c 'echo hi; exit 3')
	status=$?
	if lacks_all; then
		expect 'status of a capture' "$status" 126
	elif lacks_threads; then
		expect 'status of a capture' "$status" 125
		grep -q 'clone3(2)' "$tmp/err"
		expect 'clone3 is named' $? 0
	else
		expect 'status of a capture' "$status" 3
		[[ $out == *'"out":"hi\n"'* ]]
		expect 'captured output' $? 0
	fi
}

run_captured() {
	capture
	capture --cgroup-tree
	capture --timeout 30
}

run_batch() {
	local out status

	out=$(denied batch <<< '{"id":1,"argv":["sh","-c","echo hi; exit 3"]}')
	status=$?
	if lacks_threads; then
		expect 'status of a batch' "$status" 125
		return
	fi
	expect 'status of a batch' "$status" 0
	if lacks_all; then
		[[ $out == *'statx(2)'* ]]
		expect 'statx is named' $? 0
	else
		[[ $out == *'"code":3'*'"out":"hi\n"'* ]]
		expect 'output of a batch' $? 0
	fi
}

show_stat() {
	denied stat /bin/sh > /dev/null
	expect 'status of stat' $? "$(lacks_all && echo 126 || echo 0)"
}

# The other ways that bench measures may have no substitute: then it says so.
run_bench() {
	local status

	denied bench --rounds 2 -- /bin/true > /dev/null
	status=$?
	[ "$status" != 126 ] || grep -q '/bin/true' "$tmp/err" && status=0
	expect 'status of bench' "$status" 0
}

run_doctor() {
	local out case

	out=$(denied doctor)
	expect 'status of doctor' $? "$(lacks_all && echo 1 || echo 0)"
	case=$("$deny" | sed -n "s/^$call\t//p")
	grep -Eq "^  (missing|no permission) +$case( |\$)" <<< "$out"
	expect "doctor tells of $case" $? 0
	! grep -q 'dynamic linker did not reach' <<< "$out"
	expect 'doctor tells why nothing can be prepared' $? 0
}

the_manual_tells() {
	local name

	: > "$tmp/log"
	while IFS= read -r name; do
		grep -Eq "^\.It Sy \"?$name\"?\$" man/spawn_template.7 ||
			echo "spawn_template(7) has no '$name'" >> "$tmp/log"
	done < <("$deny" | cut -f 2)
	[ ! -s "$tmp/log" ]
	result $? 'the manual tells of each call that may be missing'
}

each 'run works without each call' run_plainly
each 'run --timeout ends the tree without each call' run_timeout
each 'run --capture works without each call' run_captured
each 'batch works without each call' run_batch
each 'stat works without each call' show_stat
each 'bench works or fails without each call' run_bench
each 'doctor tells of each call that is missing' run_doctor
the_manual_tells
echo "1..$n"
exit "$failed"
