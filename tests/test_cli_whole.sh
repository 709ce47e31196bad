#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run without --capture whose whole tree is held: --supervise, --end-leftovers,
# --cgroup-tree and limits, with streams, ends and terminal as without them. And the
# choice of a session, also for captured programs and those of batch.
# tests/vm/limits.c shows that limits hold.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh
# shellcheck source=tests/terminal.sh
. tests/terminal.sh

# The group and the session of a shell, after its own number.
# shellcheck disable=SC2016 # for that shell
tell='read -r a b c d group session e < /proc/$$/stat; echo $$ $group $session'

# shellcheck disable=SC2317 # until_true calls it
gone() { # file with a pid
	! kill -0 "$(cat "$1")" || grep -q '^State:.Z' "/proc/$(cat "$1")/status"
}

ends() {
	is 'a supervised program has this standard input and output' \
		'in[3]' run --supervise -- sh -c 'cat; exit 3' <<< in
	{ run --supervise -- sh -c 'kill -USR1 $$'; } 2> "$tmp/log"
	[ $? = $((128 + $(kill -l USR1))) ]
	result $? 'the tool ends by the signal of a supervised program'
	fails 'a supervised program that is missing is told: 127' 127 \
		'not found on PATH' run --supervise -- nosuchcommand
	run --supervise --timeout 300ms --kill-after 200ms -- sh -c \
		'trap "" TERM; (setsid sleep 39 & echo $! > "$0"); sleep 39' \
		"$tmp/daemon"
	[ $? = 124 ] && until_true gone "$tmp/daemon"
	result $? 'the timeout of a supervised program reaches its daemons: 124'
	run --supervise --json -- true 2> "$tmp/out"
	json_lines 'the report of a supervised program is that of any other' '
		a[0]["code"] == 0 and a[0]["exit_code"] == 0 and
		a[0]["command"] == ["true"] and a[0]["core_dumped"] is None
		and a[0]["rusage"]["max_rss_kib"] > 0 and "out" not in a[0]
		and "out_total" not in a[0] and a[0]["pid"] > 1'
	fails 'leftovers are ended or kept, not both' 125 'exclude each other' \
		run --capture --end-leftovers --keep-leftovers -- true
}

leftovers() {
	run --end-leftovers --json -- sh -c \
		'setsid sleep 38 & echo $! > "$0"; exit 4' "$tmp/left" \
		2> "$tmp/out"
	[ $? = 4 ] && gone "$tmp/left"
	result $? '--end-leftovers ends what is left behind, with the status kept'
	json_lines 'and their number is told' 'a[0]["leftovers"] == 1'
	run --json -- sh -c '(setsid sh -c "echo \$\$ > $0; exec sleep 38" &)
		until [ -s "$0" ]; do :; done; exit 4' "$tmp/daemon2" \
		2> "$tmp/out"
	[ $? = 4 ] && gone "$tmp/daemon2"
	result $? 'without an option, too, a daemon is ended'
	json_lines 'and counted' 'a[0]["leftovers"] == 1'
	is 'a filter at the end has a moment to write' 'all of it[0]' \
		run -- bash -c 'echo all of it > >(sleep 0.03; cat)'
	is 'and more than that while it works' 'all of it[0]' \
		run -- bash -c 'echo all of it > >(
			t=$((${EPOCHREALTIME/./} + 300000))
			while ((${EPOCHREALTIME/./} < t)); do :; done; cat)'
	run --keep-leftovers -- sh -c 'sleep 38 & echo $! > "$0"' "$tmp/left"
	! gone "$tmp/left"
	result $? 'with --keep-leftovers nothing is ended'
	kill "$(cat "$tmp/left")"
	"$tool" run --kill-after 40s -- \
		sh -c 'trap "" TERM; sleep 38 & echo $! > "$0"' "$tmp/stubborn" &
	until_true test -s "$tmp/stubborn"
	sleep 0.2
	kill "$!"
	until_true gone "$tmp/stubborn" && wait "$!"
	result $? 'a signal ends the wait for what is left behind'
	sh -c 'sleep 38 & echo $! > "$1"; exec "$0" run -- true' "$tool" "$tmp/mine"
	! gone "$tmp/mine"
	result $? 'children of the shell that has become this tool live on'
	kill "$(cat "$tmp/mine")"
	sh -c '{ sleep 0.2; sleep 38 & echo $! > "$1"; } & exec "$0" run -- \
		sh -c "until [ -s $1 ]; do sleep 0.02; done; sleep 0.1"' \
		"$tool" "$tmp/theirs"
	! gone "$tmp/theirs"
	result $? 'and what they leave behind'
	kill "$(cat "$tmp/theirs")"
	"$tool" run -- sh -c 'echo $$ > "$0"; exec sleep 38' "$tmp/child" &
	until_true test -s "$tmp/child"
	kill -KILL $!
	wait $! 2> /dev/null
	until_true gone "$tmp/child"
	result $? 'a program ends when the tool is killed'
}

# In $bare no cgroup has a controller, whatever the machine has: a cgroup needs none to
# hold a tree, and each limit needs one.
cgroups() {
	local mount above bare

	mount=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	above=$mount/spawn-template-test.$$
	bare=$above/bare
	if [ -z "$mount" ] || ! mkdir "$above" "$bare" 2> /dev/null; then
		skip 'a program has a cgroup of its own without --capture, too' \
			'no cgroup v2 directory can be made here'
		return
	fi
	run --json --cgroup-tree="$bare" --timeout 300ms --kill-after 200ms -- \
		sh -c 'trap "" TERM; grep ^0:: /proc/self/cgroup > "$1"
			(setsid sleep 36 & echo $! > "$0"); sleep 36' \
		"$tmp/hidden" "$tmp/own" 2> "$tmp/out"
	[ $? = 124 ] && grep -q '/bare/spawn-template\.' "$tmp/own" &&
		until_true gone "$tmp/hidden"
	result $? 'a program has a cgroup of its own without --capture, too'
	json_lines 'and the report tells so' 'a[0]["cgroup"] and a[0]["tree_killed"]'
	for limit in --memory-max=64M --memory-swap-max=1M --pids-max=5 \
		--cpu-max=50% --cpu-weight=50 --io-weight=50; do
		fails "${limit%=*} without its controller fails the launch: 125" 125 \
			'cannot limit ' run "$limit" --cgroup-tree="$bare" -- true
	done
	rmdir "$bare" 2> "$tmp/log"
	result $? 'no cgroup is left by runs without --capture'
	rmdir "$above"
}

# Without a terminal a signal goes to the group, and so to the sleep, too.
signals() {
	local pid

	# shellcheck disable=SC2016 # for that shell
	"$tool" run --supervise -- sh -c 'trap "exit 7" USR1; trap "exit 8" TERM
		echo $$ > "$0"; while :; do sleep 0.05; done' "$tmp/ready" 2> "$tmp/log" &
	pid=$!
	until_true test -s "$tmp/ready"
	kill -USR1 "$pid"
	wait "$pid" 2> /dev/null
	[ $? = 7 ]
	result $? 'signals are passed on to a supervised program'
	"$tool" run --supervise -- sh -c 'setsid sleep 37 & echo $! > "$0"; wait' \
		"$tmp/ready2" &
	pid=$!
	until_true test -s "$tmp/ready2"
	kill -KILL "$pid"
	wait "$pid" 2> /dev/null
	until_true gone "$tmp/ready2"
	result $? 'a supervised tree ends when the tool is killed'
}

sessions() {
	local own

	run --capture -- sh -c "$tell" > "$tmp/out"
	json_lines 'a captured program has a session of its own' '
		len(set(a[0]["out"].split())) == 1'
	run --capture --session group -- sh -c "$tell" > "$tmp/out"
	own=$(sh -c "$tell")
	json_lines '--session group is a group of its own in this session' '
		(lambda w: w[0] == w[1] and w[2] == "'"${own##* }"'")(
			a[0]["out"].split())'
	run --capture --session caller -- sh -c "$tell" > "$tmp/out"
	json_lines '--session caller is the group and session of the caller' '
		" ".join(a[0]["out"].split()[1:]) == "'"${own#* }"'"'
	{
		printf '{"id":%s,"argv":["sh","-c","%s"]%s}\n' \
			1 "$tell" '' 2 "$tell" ',"session":"own"' \
			3 "$tell" ',"session":"caller"' \
			4 true ',"session":"x"' 5 true ',"session":"own","pty":true'
	} | "$tool" batch -j 1 --session group > "$tmp/out"
	json_lines 'batch and its lines choose the session' '
		(lambda x, y, z: x[0] == x[1] != x[2] and y[0] == y[1] == y[2]
			and z[0] != z[1] and z[2] == x[2])(
			*(x["out"].split() for x in a[:3]))
		and "neither own, group nor caller" in a[3]["error"]["message"]
		and "of its own" in a[4]["error"]["message"]'
	fails 'another word is no session: 125' 125 'neither own' \
		run --session mine -- true
	fails 'a terminal of its own has a session of its own: 125' 125 \
		'of its own' run --capture --pty --session caller -- true
	timeout 20 script -qec "$tool run --capture --session caller -- \
		sh -c 'read x < /dev/tty; echo \$x'" /dev/null <<< typed \
		> "$tmp/log" 2>&1
	grep -q '"out":"typed' "$tmp/log"
	result $? 'with --session caller a captured program asks on the terminal'
}

sessions
if run --supervise -- true 2> "$tmp/err"; then
	ends
	leftovers
	cgroups
	signals
	on_a_terminal 'a terminal works as ever for a supervised program' --supervise
else
	skip 'the whole tree of a program is held' "$(head -1 "$tmp/err")"
fi

echo "1..$n"
exit "$failed"
