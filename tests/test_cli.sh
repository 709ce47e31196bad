#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The command line tool on real programs: run with its options, ends, timeouts,
# signals, terminals, errors and exit codes; JSON, stat and bench. Help, manual
# page and completions must name the same options.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh
# shellcheck source=tests/terminal.sh
. tests/terminal.sh
top=$PWD

# shellcheck disable=SC2317 # until_true calls it
gone() { # pid
	! kill -0 "$1" || grep -q '^State:.Z' "/proc/$1/status"
}

process_1() {
	local name='as process 1 the tool reaps what the program leaves behind'

	if ! unshare -pf --mount-proc true 2> /dev/null; then
		skip "$name" 'no pid namespace can be made'
		skip 'as process 1 the tool ends with the status of the program' \
			'no pid namespace can be made'
		return
	fi
	is "$name" '0[0]' unshare -pf --mount-proc "$tool" run --timeout 1m -- sh -c \
		'(setsid sleep 0.1 &); sleep 1
		printf %s $(grep -l "^State:.Z" /proc/[0-9]*/status | wc -l)'
	is 'as process 1 the tool ends with the status of the program' '[7]' \
		unshare -pf --mount-proc "$tool" run -- sh -c 'exit 7'
}

# ---- commands and help

help_and_version() {
	local command

	is 'the version is printed' 'spawn-template[0]' \
		sh -c '"$0" --version | cut -d" " -f1' "$tool"
	for command in run batch mcp stat doctor bench warm list show top \
		stats status; do
		"$tool" --help | grep -q "^  $command " &&
			"$tool" help "$command" > "$tmp/help" &&
			"$tool" "$command" --help | cmp - "$tmp/help" &&
			grep -q "^Usage: spawn-template $command" "$tmp/help" &&
			grep -q -- --json "$tmp/help" &&
			grep -q 'Exit status:' "$tmp/help"
		result $? "help $command and $command --help print the same help"
	done
	fails 'a missing command gets the usage and status 125' 125 \
		'^Usage:' "$tool"
	fails 'a misspelt command gets a suggestion' 125 \
		"did you mean 'doctor'" "$tool" docter
	fails 'an unknown command is refused' 125 "unknown command 'frob'" \
		"$tool" frob
	for command in run batch mcp stat doctor bench warm list show top \
		stats status; do
		fails "$command refuses an unknown option" 125 \
			"$command: unknown option '--frob'" \
			"$tool" "$command" --frob
	done
}

# ---- bytes, arguments and statuses that run passes through

pass_through() {
	local i statuses=''

	head -c 300000 /dev/urandom > "$tmp/bytes"
	run -- cat < "$tmp/bytes" > "$tmp/copy"
	cmp "$tmp/bytes" "$tmp/copy" > "$tmp/log" 2>&1
	result $? 'standard input and output pass through, byte for byte'
	is 'standard error passes through' 'oops[0]' \
		sh -c '"$0" run -- sh -c "echo oops >&2" 2>&1 >/dev/null' "$tool"
	is 'arguments pass through' '<a b><><*><$x>[0]' \
		run -- printf '<%s>' 'a b' '' '*' '$x'
	is 'options behind the program belong to it' '--json[0]' \
		run echo --json
	for i in 0 1 3 124 127 255; do
		run -- sh -c "exit $i"
		statuses="$statuses $?"
	done
	[ "$statuses" = ' 0 1 3 124 127 255' ]
	result $? 'the exit status passes through'
	is 'a script is launched' 'script: one two[0]' \
		run -- "$tmp/script" one two
}

# Prints how a program ended: "exit N" or "signal N", and " core" after a core dump.
how() {
	"$python" -c '
import os, resource, sys
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
status = os.waitpid(pid, 0)[1]
if os.WIFEXITED(status):
    print("exit", os.WEXITSTATUS(status), end="")
else:
    print("signal", os.WTERMSIG(status), end="")
print(" core" if os.WCOREDUMP(status) else "")' "$@"
}

signal_death() {
	local sig bad=0

	cd "$tmp" || exit 2
	for sig in 1 2 3 6 9 10 11 13 14 15; do
		[ "$(how "$tool" run -- sh -c "kill -$sig \$\$")" = \
			"signal $sig" ] || bad=1
		how "$tool" run -- sh -c "kill -$sig \$\$" >> "$tmp/log"
	done
	result "$bad" 'the tool dies by the signal that killed the program'
	if [ "$(how /bin/sh -c 'kill -SEGV $$')" = 'signal 11 core' ]; then
		is 'a core dump of the program is not followed by another' \
			'signal 11[0]' how "$tool" run -- sh -c 'kill -SEGV $$'
	else
		skip 'a core dump of the program is not followed by another' \
			'core dumps are not written here'
	fi
	rm -f core*
	cd "$top" || exit 2
}

# ---- options

environment() {
	export CLI_TEST=outer
	is 'a variable is set' 'inner[0]' \
		run --env CLI_TEST=inner -- sh -c 'echo $CLI_TEST'
	is 'a variable is removed' 'none[0]' \
		run --unset CLI_TEST -- sh -c 'echo ${CLI_TEST-none}'
	is 'changes apply in order' 'b[0]' run --env A=a --unset A --env A=b \
		-- sh -c 'echo $A'
	is 'the environment is cleared before variables are set' 'A=1[0]' \
		run --env A=1 --clear-env -- env
	is 'the environment passes through unchanged' 'outer[0]' \
		run -- sh -c 'echo $CLI_TEST'
	is 'the program is looked for on the new PATH' 'script:[0]' \
		run --env "PATH=$tmp:/usr/bin:/bin" -- script
	is 'argv[0] is set' 'other[0]' run --argv0 other -- sh -c 'echo $0'
}

attributes() {
	is 'the program starts in the directory of --cwd' \
		"${tmp}[0]" run --cwd "$tmp" -- pwd
	is 'a relative program is looked for from --cwd' 'script: x[0]' \
		run --cwd "$tmp" -- ./script x
	is 'the umask is set' '0027[0]' run --umask 027 -- sh -c umask
	is 'the nice value is set' '19[0]' run --nice 19 -- nice
	is 'a new session is started' 'leads[0]' run --setsid -- sh -c \
		'[ "$(ps -o sid= -p $$)" -eq $$ ] && echo leads'
	is 'no_new_privs is set' 'NoNewPrivs:1[0]' run --no-new-privs -- \
		sh -c 'grep NoNewPrivs /proc/self/status | tr -d "\t"'
	is 'signal mask and ignored signals pass through' 'same[0]' \
		bash -c 'trap "" HUP USR2
			what="grep -E ^Sig(Blk|Ign) /proc/self/status"
			[ "$($what)" = "$("$0" run -- $what)" ] && echo same' \
		"$tool"
}

# make passes the pipes of its job server to what its recipe calls by $(MAKE).
job_server() {
	if ! command -v make > /dev/null; then
		skip 'the job server of make passes' 'make is not installed'
		return
	fi
	printf 'all:\n\t+$(PRE) $(MAKE) -s -f %s/sub\n' "$tmp" > "$tmp/above"
	printf 'all: ; @echo built\n' > "$tmp/sub"
	is 'the job server of make passes' 'built[0]' sh -c \
		'MAKEFLAGS= make -s -j2 -f "$1/above" PRE="$0 run --" 2>&1' "$tool" "$tmp"
	is 'no other file passes as a job server' 'closed[0]' sh -c '
		MAKEFLAGS="--jobserver-auth=8,9" "$0" run -- sh -c "
			{ cat <&8; } 2>/dev/null || echo closed" 8< "$1/sub" 9< "$1/sub"' \
		"$tool" "$tmp"
}

descriptors() {
	echo seven > "$tmp/seven"
	exec 7< "$tmp/seven"
	is 'other descriptors are closed' 'closed[0]' \
		run -- sh -c '{ cat <&7; } 2>/dev/null || echo closed'
	is 'a descriptor is kept' 'seven[0]' run --keep-fd 7 -- sh -c 'cat <&7'
	exec 7< "$tmp/seven"
	is 'all descriptors are inherited' 'seven[0]' \
		run --inherit-fds -- sh -c 'cat <&7'
	is 'a descriptor that an argument names is kept' 'seven
seven
seven[0]' sh -c '"$0" run -- cat /dev/fd/7; "$0" run -- cat /proc/self/fd/7
		"$0" run -- grep --file=/dev/fd/7 "$1"' "$tool" "$tmp/seven"
	is 'a descriptor that no argument names in full is closed' 'closed[0]' \
		run -- sh -c '{ cat <&7; } 2>/dev/null || echo closed' /dev/fd/7x /dev/fd/ fd/7
	is 'a process substitution passes' 'inside[0]' run -- cat <(echo inside)
	exec 7<&-
	job_server
	is '--inherit-fds passes no descriptor of the tool' 'same[0]' sh -c \
		'what="ls /proc/self/fd"
		[ "$("$0" run --inherit-fds -- $what)" = "$($what)" ] &&
			echo same' "$tool"
	fails 'a descriptor to keep must be open' 125 \
		'--keep-fd 7: no such descriptor' run --keep-fd 7 -- true
	is 'a closed standard output stays closed' '1[0]' sh -c \
		'"$0" run -- sh -c "echo x" >&- 2>/dev/null; echo $?' "$tool"
	is 'a closed standard error stays closed' 'closed[0]' sh -c \
		'"$0" run -- sh -c "[ -e /proc/\$\$/fd/2 ] || echo closed" \
			2>&-' "$tool"
}

cgroup() {
	local mount dir name='a program is started in a cgroup'

	fails '--cgroup refuses a directory that is no cgroup' 125 \
		'not a cgroup v2 directory' \
		run --cgroup "$tmp" -- true
	mount=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	dir=$mount/spawn-template-test.$$
	if [ -z "$mount" ] || ! mkdir "$dir" 2> /dev/null; then
		skip "$name" 'no cgroup v2 directory can be made here'
		return
	fi
	is "$name" "spawn-template-test.$$[0]" run --cgroup "$dir" -- sh -c \
		'sed -n "s|^0::.*/||p" /proc/self/cgroup'
	rmdir "$dir"
}

# ---- ending

timeouts() {
	local start pid

	is 'a program that ends in time keeps its status' 'done[3]' \
		run --timeout 10s -- sh -c 'echo done; exit 3'
	is 'the status of a timeout is 124' '[124]' \
		run --timeout 200ms -- sleep 30
	is 'the status is 124 even if the program ends well' 'caught[124]' \
		run --timeout 1s -- sh -c \
		'trap "echo caught; exit 0" TERM; sleep 30 & wait'

	run --timeout 1s -- sh -c 'sleep 31 & echo $! > "$0"; wait' \
		"$tmp/pid"
	pid=$(cat "$tmp/pid")
	until_true gone "$pid"
	result $? 'a timeout ends the whole process group'

	start=$SECONDS
	is 'a program that ignores TERM is killed after the grace period' \
		'[124]' \
		run --timeout 1s --grace 200ms -- \
		sh -c 'trap "" TERM; sleep 32; sleep 32'
	[ $((SECONDS - start)) -lt 15 ]
	result $? 'a kill after the grace period takes less than 15 s'

	is 'others of the group get the grace period, too' 'cleaned up[124]' \
		run --timeout 1500ms --grace 10s -- sh -c \
		'sh -c "trap \"sleep 0.3; echo cleaned up; exit\" TERM
			for i in $(seq -s" " 300); do sleep 0.05; done" &
		exec sleep 30'
	# /proc of another namespace shows processes with other numbers
	if unshare -pf true 2> /dev/null; then
		# The numbers are free outside. LeakSanitizer fails because it
		# does not find itself in /proc.
		ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" \
			unshare -pf sh -c 'last=/proc/sys/kernel/pid_max
			echo "$(($(cat $last) - 500))" \
				> /proc/sys/kernel/ns_last_pid
			"$0" run --timeout 1500ms --grace 10s -- \
			sh -c "$1"; echo "[$?]"' "$tool" \
			'sh -c "trap \"sleep 0.3; echo cleaned up; exit\" TERM
				for i in $(seq -s" " 300); do sleep 0.05; done" &
			exec sleep 30' > "$tmp/log" 2>&1
		grep -q 'cleaned up' "$tmp/log" && grep -q '^\[124\]' "$tmp/log"
		result $? 'others get the grace period with /proc of another pid namespace'
	else
		skip 'others get the grace period with /proc of another pid namespace' \
			'no pid namespace can be made here'
	fi
	run --timeout 1500ms --grace 200ms -- sh -c \
		'sh -c "trap : TERM; for i in $(seq -s" " 300); do
			sleep 0.05; done" > /dev/null 2>&1 &
		echo $! > "$0"; exec sleep 30' "$tmp/pid3"
	until_true gone "$(cat "$tmp/pid3")"
	result $? 'others of the group are killed after the grace period'
	report --timeout 1s --grace 30s -- sh -c 'kill -STOP $$'
	json 'a stopped program is ended by TERM' \
		'j["timed_out"] and j["signal"] == "SIGTERM" and not j["killed"]'
	is 'a timeout works in a new session' '[124]' \
		run --setsid --timeout 200ms -- sleep 30
}

# Prints the processes, except zombies, that have a mark in their environment.
marked() { # mark
	local file

	grep -lazs "^TREE_MARK=$1\$" /proc/[0-9]*/environ |
		while read -r file; do
			gone "${file//[^0-9]/}" || echo "${file//[^0-9]/}"
		done
}

none_marked() { # mark; logs those that are left
	[ -z "$(marked "$1")" ] && return 0
	marked "$1" | xargs -n 1 ps -o pid,ppid,stat,args -p > "$tmp/log"
	return 1
}

timeout_trees() {
	local mark=$$ pid start=$SECONDS

	run --timeout 1s --kill-after 25s --env TREE_MARK="$mark" -- sh -c \
		'setsid sleep 34 & sh -c "setsid sleep 35 & wait" & wait'
	[ $? = 124 ] && none_marked "$mark" && [ $((SECONDS - start)) -lt 20 ]
	result $? 'a timeout sends TERM to processes that left the group, too'
	run --timeout 1s --kill-after 300ms --env TREE_MARK="$mark" -- sh -c \
		'(trap "" TERM; exec setsid sleep 36) & exec sleep 37'
	[ $? = 124 ] && none_marked "$mark"
	result $? 'an orphan that left the group is killed after the grace period'
	is 'each process gets TERM once' \
		'one more [124]' run --timeout 1500ms -- sh -c \
		'sh -c "trap \"sleep 0.2; printf \\\"more \\\"; exit\" TERM
			for i in $(seq -s" " 300); do sleep 0.05; done" \
			2> /dev/null &
		trap "printf \"one \"" TERM; wait; wait'
	# on a terminal another process leads the group; the orphan has no parent
	printf '%s\n' 'trap "echo TERM $1" TERM' \
		'for i in $(seq 25); do sleep 0.1; done 2> /dev/null' \
		> "$tmp/trap"
	timeout 20 script -qec "$tool run --timeout 1500ms --kill-after 10s -- \
		sh -c '(sh $tmp/trap orphan &); sh $tmp/trap child &
			sh $tmp/trap program; wait'" \
		/dev/null < /dev/null > "$tmp/log" 2>&1
	[ "$(grep TERM "$tmp/log" | tr -d '\r' | sort | tr '\n' ' ')" = \
		'TERM child TERM orphan TERM program ' ]
	result $? 'each process gets TERM once on a terminal, too'
	timeout 20 script -qec "$tool run --timeout 1s --env TREE_MARK=daemon$mark \
		-- sh -c '(setsid sleep 40 > /dev/null 2>&1 &); sleep 0.2
			(sleep 40 &); exec sleep 41'" /dev/null < /dev/null \
		> "$tmp/log" 2>&1
	none_marked "daemon$mark"
	result $? 'a timeout on a terminal ends orphans and daemons'
	timeout 20 script -qec "$tool run --keep-leftovers --timeout 1s \
		--env TREE_MARK=daemon$mark \
		-- sh -c '(setsid sleep 40 > /dev/null 2>&1 &); sleep 0.2
			(sleep 40 &); exec sleep 41'" /dev/null < /dev/null \
		> "$tmp/log" 2>&1
	pid=$(marked "daemon$mark")
	[ "$(echo "$pid" | wc -w)" = 1 ] && kill "$pid"
	result $? 'with --keep-leftovers it spares daemons'
	timeout 20 script -qec "$tool run --timeout 10s -- sh -c \
		'for i in 1 2 3; do (sleep 0 &); done; sleep 1; ps -o stat= \
			--ppid \$(ps -o ppid= -p \$\$)'" /dev/null \
		< /dev/null > "$tmp/log" 2>&1
	! grep -q Z "$tmp/log" && grep -q S "$tmp/log"
	result $? 'orphans of a program with a timeout are reaped'

	TREE_MARK=other$mark bash -c 'sleep 30 & sleep 0.01 &
		exec "$0" run --timeout 1s --unset TREE_MARK -- \
			sh -c "setsid sleep 38 & wait"' "$tool"
	pid=$(marked "other$mark")
	[ "$(echo "$pid" | wc -w)" = 1 ] && kill "$pid"
	result $? 'a timeout spares processes that the tool did not launch'
}

forwarding() {
	local sig pid status bad=0

	for sig in HUP INT QUIT TERM USR1 USR2; do
		rm -f "$tmp/ready"
		# a shell starts background jobs with INT and QUIT ignored
		"$python" -c 'import os, signal, sys
for s in (signal.SIGINT, signal.SIGQUIT):
    signal.signal(s, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$tool" run -- sh -c \
			"trap 'exit 9' $sig; : > '$tmp/ready'
			for i in \$(seq 500); do sleep 0.02; done" &
		pid=$!
		until_true test -e "$tmp/ready"
		kill -"$sig" "$pid"
		wait "$pid"
		status=$?
		echo "$sig: $status" >> "$tmp/log"
		[ "$status" = 9 ] || bad=1
	done
	result "$bad" 'signals that reach the tool are passed on to the program'

	rm -f "$tmp/ready"
	(
		trap '' HUP
		exec "$tool" run -- sh -c ": > '$tmp/ready'; sleep 1; exit 8"
	) &
	pid=$!
	until_true test -e "$tmp/ready"
	kill -HUP "$pid"
	wait "$pid"
	[ $? = 8 ]
	result $? 'a signal ignored from the start stays ignored'

	"$tool" run --die-with-parent -- sh -c "echo \$\$ > '$tmp/pid2'; exec sleep 33" &
	pid=$!
	until_true test -s "$tmp/pid2"
	kill -KILL "$pid"
	wait "$pid" 2> /dev/null
	until_true gone "$(cat "$tmp/pid2")"
	result $? 'with --die-with-parent the program dies with a killed tool'
}

# ---- errors of a launch

# Runs a command from another account, which may not be able to read the clone.
as_nobody=()
[ "$(id -u)" != 0 ] ||
	as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)

errors() {
	local copy=$tmp/spawn-template

	cp "$tool" "$copy"
	fails 'a name that PATH does not have is reported: 127' 127 \
		'nosuchcommand: not found on PATH' \
		run -- nosuchcommand
	mkdir "$tmp/closed-dir"
	chmod 0 "$tmp/closed-dir"
	fails 'an unreadable directory of PATH is passed over: 127' 127 \
		'nosuchcommand: not found on PATH' env \
		"PATH=$tmp/closed-dir:$PATH" "${as_nobody[@]}" "$copy" run \
		-- nosuchcommand
	chmod 700 "$tmp/closed-dir"
	fails 'a missing file is reported: 127' 127 \
		'^spawn-template run: ./nosuch: not found' \
		run -- ./nosuch
	fails 'an empty name is refused: 127' 127 'name is empty' run -- ''
	fails 'a file without execute permission gets a remedy: 126' 126 \
		'remedy: .*execute permission' run -- "$tmp/seven"
	fails 'a directory is refused: 126' 126 'is a directory' run -- "$tmp"
	fails 'a file that is neither ELF nor script gets a remedy: 126' 126 \
		"run a shell script as 'sh FILE'" run -- "$tmp/plain"
	fails 'a missing interpreter is named: 126' 126 \
		'its interpreter /nonexistent/sh is not there' \
		run -- "$tmp/orphan"
	printf '#!/bin/sh\r\necho hi\r\n' > "$tmp/crlf"
	printf '#!%s\n' "$tmp/crlf" > "$tmp/of-crlf"
	printf '#!%s\n' "$tmp/orphan" > "$tmp/of-orphan"
	printf '#!%s\n' "$tmp/of-orphan" > "$tmp/of-of-orphan"
	printf '#!/%0300d/sh\n' 0 > "$tmp/long"
	chmod 755 "$tmp"/{crlf,of-crlf,of-orphan,of-of-orphan,long}
	fails 'a carriage return behind an interpreter is named: 126' 126 \
		"$tmp/crlf: the first line ends in a carriage return" \
		run -- "$tmp/crlf"
	! grep -q $'\r' "$tmp/err"
	result $? 'a carriage return in a script stays out of the message'
	fails 'a carriage return in an interpreter is named: 126' 126 \
		"of-crlf: in its interpreter $tmp/crlf the first line ends" \
		run -- "$tmp/of-crlf"
	fails "a script's interpreter that lacks its own is named: 126" 126 \
		"interpreter $tmp/orphan needs /nonexistent/sh, which is not" \
		run -- "$tmp/of-orphan"
	fails "the last interpreter of a chain is named: 126" 126 \
		"interpreter $tmp/orphan needs /nonexistent/sh, which is not" \
		run -- "$tmp/of-of-orphan"
	fails 'a first line that is too long gets the limit: 126' 126 \
		'an interpreter of at most 253 bytes' run -- "$tmp/long"
	fails 'a missing --cwd directory is reported: 125' 125 \
		'--cwd /nonexistent:' \
		run --cwd /nonexistent -- true
	fails 'run without a program is refused: 125' 125 \
		'name a program' run --json
	fails 'an option without its value is refused: 125' 125 \
		"'--cwd' needs a value" \
		run --cwd
	fails 'a bad duration is refused: 125' 125 'not a duration' \
		run --timeout 5x -- true
	fails 'a negative duration is refused: 125' 125 'not a duration' \
		run --timeout -1s -- true
	fails 'a bad nice value is refused: 125' 125 'not from -20 to 19' \
		run --nice 20 -- true
	fails 'a bad umask is refused: 125' 125 'not octal' run --umask 8 -- true
	fails 'a bad variable is refused: 125' 125 \
		'not NAME=VALUE' run --env X -- true
	if [ "$(id -u)" = 0 ]; then
		fails 'a nice value that is not permitted gets a remedy: 125' \
			125 'remedy: .*RLIMIT_NICE' \
			"${as_nobody[@]}" "$copy" run --nice -5 -- true
		fails 'a limit of processes gets a remedy: 125' 125 'ulimit -u' \
			env ASAN_OPTIONS=detect_leaks=0 \
			setpriv --reuid 65533 --regid 65533 --clear-groups \
			prlimit --nproc=1 "$copy" run -- true
	else
		skip 'a nice value that is not permitted gets a remedy: 125' \
			'this is not root'
		skip 'a limit of processes gets a remedy: 125' 'this is not root'
	fi
}

# Prints the data of a pipe that does not block and whose reader comes late, and then the
# status; the number is that of the descriptor that gets the pipe.
non_blocking() { # descriptor command...
	"$python" - "$@" <<- 'END'
	import fcntl, os, subprocess, sys, time
	r, w = os.pipe()
	fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
	fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 4096)
	out = {"1": "stdout", "2": "stderr"}[sys.argv[1]]
	p = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, **{out: w})
	os.close(w)
	time.sleep(0.3)
	with open(r, "rb") as file:
	    sys.stdout.buffer.write(file.read())
	sys.exit(p.wait())
	END
}

non_blocking_output() {
	local many

	readarray -t many < <(yes sh | head -n 40)
	non_blocking 1 "$tool" run --capture -- seq 60000 > "$tmp/out" 2> "$tmp/err"
	is 'a captured report reaches a late reader of a pipe that does not block' \
		'348894 0[0]' "$python" -c 'import json, sys
r = json.load(open(sys.argv[1]))
print(r["out_len"], r["code"], end="")' "$tmp/out"
	non_blocking 2 "$tool" run --json -- true "$(seq 3000)" > "$tmp/log" 2>&1
	is 'a report on standard error reaches a late reader of such a pipe' \
		'13892[0]' "$python" -c 'import json, sys
print(len(json.loads(open(sys.argv[1]).read())["command"][1]), end="")' "$tmp/log"
	"$tool" stat "${many[@]}" > "$tmp/out" 2> "$tmp/err"
	non_blocking 1 "$tool" stat "${many[@]}" > "$tmp/log" 2> "$tmp/err"
	[ "$(wc -l < "$tmp/out")" -gt 400 ] &&
		[ "$(wc -l < "$tmp/out")" = "$(wc -l < "$tmp/log")" ]
	result $? 'text reaches a late reader of such a pipe'
}

# Names and what stands in files were written by others.
hostile_text() {
	local odd=$'odd\e]0;title\a\e[2J\u202e\r\n\xff' at option

	printf '#!/no\e[31mred\r\n' > "$tmp/red"
	cp "$tmp/red" "$tmp/$odd"
	"$python" - /bin/true "$tmp/elf" <<- 'END'
	import re, sys
	data = open(sys.argv[1], "rb").read()
	name = re.search(rb"/lib[^\0]*/ld[^\0]*", data).group()
	open(sys.argv[2], "wb").write(data.replace(name, b"/\x1b]0;x\x07".ljust(len(name), b"y")))
	END
	chmod 755 "$tmp/red" "$tmp/$odd" "$tmp/elf"
	: > "$tmp/all"
	for at in "$tmp/red" "$tmp/elf" "$tmp/$odd" "$tmp/none$odd" "$odd"; do
		{
			"$tool" run -- "$at"
			"$tool" run --json --cwd "$tmp/$odd" -- true
			"$tool" run --keep-fd "$odd" -- true
			"$tool" run "--$odd" -- true
			"$tool" run --env "$odd" -- true
			"$tool" stat "$at"
			"$tool" stat --json "$at"
			"$tool" bench --rounds 1 "$at"
			"$tool" list --socket "$tmp/$odd"
			"$tool" help "$odd"
			"$tool" "$odd"
			printf '{"argv": ["%s"]}\n' "$tmp/red" | "$tool" batch
		} >> "$tmp/all" 2>&1
	done
	for option in red elf "odd?]0;title??[2J???"; do
		grep -qF "$option" "$tmp/all" || echo "no $option"
	done > "$tmp/log"
	# JSON has U+FFFD for bytes that are not UTF-8
	LC_ALL=C sed $'s/\xef\xbf\xbd//g' "$tmp/all" |
		LC_ALL=C tr -d '\n\40-\176' | od -c | head -n 5 >> "$tmp/log"
	grep -qv '^0000000$' "$tmp/log" && cat -v "$tmp/all" | head -n 40 >> "$tmp/log"
	! grep -qv '^0000000$' "$tmp/log"
	result $? 'no control character out of a name or a file is printed'
}

output_errors() {
	local status

	fails 'a full disk is reported: 125' 125 'cannot write the output' \
		sh -c '"$0" help > /dev/full' "$tool"
	fails 'a full disk is reported for JSON: 125' 125 \
		'cannot write the output' \
		sh -c '"$0" stat --json sh > /dev/full' "$tool"
	fails 'a full disk is reported for a long report: 125' 125 \
		'cannot write the output: No space left' \
		sh -c '"$0" run --capture -- seq 50000 > /dev/full' "$tool"
	[ "$(wc -l < "$tmp/err")" = 1 ]
	result $? 'a full disk is reported once'
	fails 'a closed standard output is reported: 125' 125 \
		'cannot write the output' \
		sh -c '"$0" --version >&-' "$tool"
	# the reader goes before the tool writes
	{ until_true test -e "$tmp/closed"; "$tool" help; echo $? \
		> "$tmp/status"; } 2> "$tmp/log" | { exec <&-; : > \
		"$tmp/closed"; }
	status=$(cat "$tmp/status")
	[ "$status" = 141 ] || echo "status $status" >> "$tmp/log"
	[ ! -s "$tmp/log" ]
	result $? 'a broken pipe ends the tool quietly by SIGPIPE'
	rm "$tmp/closed"
	{ trap '' PIPE; until_true test -e "$tmp/closed"; "$tool" help; echo \
		$? > "$tmp/status"; } 2> "$tmp/log" | { exec <&-; : > \
		"$tmp/closed"; }
	status=$(cat "$tmp/status")
	[ "$status" = 125 ] || echo "status $status" >> "$tmp/log"
	[ ! -s "$tmp/log" ]
	result $? 'a broken pipe gives status 125 if SIGPIPE is ignored'
}

# ---- JSON

# Checks a Python expression about j, the JSON in $tmp/json.
json() { # name expression
	"$python" -m json.tool "$tmp/json" > /dev/null 2> "$tmp/log" &&
		"$python" -c "
import json, sys
j = json.load(open(sys.argv[1]))
sys.exit(not ($2))" "$tmp/json" 2>> "$tmp/log"
	set -- $? "$1"
	[ "$1" = 0 ] || cat "$tmp/json" >> "$tmp/log"
	result "$1" "$2"
	rm -f "$tmp/json"
}

# Runs a program and writes the report to $tmp/json.
report() { # options of run
	sh -c '"$@" 2> "$0" > /dev/null; :' "$tmp/report" \
		"$tool" run --json "$@" 2> /dev/null
	grep '^{' "$tmp/report" > "$tmp/json" # the shell says "Terminated"
}

json_reports() {
	report -- sh -c 'echo err >&2; exit 3'
	json 'the report tells exit code, times, usage and command' '
		j["exit_code"] == 3 and j["signal"] is None
		and j["pid"] > 1 and not j["timed_out"]
		and 0 < j["spawn_ns"] < j["total_ns"] < 60e9
		and j["rusage"]["max_rss_kib"] > 0
		and j["command"][0] == "sh" and j["launch"]["path"][0] == "/"'
	report -- sh -c 'kill -TERM $$'
	json 'the report names the signal of a killed program' '
		j["exit_code"] is None and j["signal"] == "SIGTERM"
		and j["signal_number"] == 15'
	report --timeout 1s --grace 100ms -- \
		sh -c 'trap "" TERM; sleep 30; sleep 30'
	json 'the report tells of a timeout and a kill' \
		'j["timed_out"] and j["killed"]
			and j["signal"] == "SIGKILL" and j["cgroup"] is False'
	report -- "$tmp/orphan"
	json 'the report of a failed launch has stage, detail and remedy' '
		j["error"]["name"] == "ENOENT" and j["error"]["errno"] == 2
		and j["error"]["stage"] == "exec"
		and "/nonexistent/sh" in j["error"]["detail"]
		and "install the interpreter" in j["error"]["remedy"]'
	report -- nosuchcommand
	json 'the report of a missing program has stage "args"' '
		j["error"]["name"] == "ENOENT"
		and j["error"]["stage"] == "args"'
	report -- printf '%s' $'caf\xc3\xa9' $'\xff\n"\\'
	json 'the report escapes arguments that are not UTF-8' \
		'j["command"][2:] == ["caf\u00e9", "\ufffd\n\"\\"]'
}

# The command says what the library says: the name before it, the remedy apart.
same_words() { # name of the case, name of the program, options of run
	local name=$1 program=$2 failure

	shift 2
	report "$@"
	read -ra failure <<< "$("$python" -c '
import json, sys
e = json.load(open(sys.argv[1]))["error"]
stages = ["args", "clone", "attr", "action", "close", "exec"]
print(e["errno"], stages.index(e["stage"]), (e["action"] or {"index": 0})["index"])' \
		"$tmp/json" 2> "$tmp/log")"
	"${tool%/*}/tests/tell_failure" "${failure[@]}" > "$tmp/words" \
		2>> "$tmp/log"
	PROGRAM=$program WORDS=$tmp/words json "$name" '
		[j["error"]["detail"], j["error"]["remedy"]]
		== [__import__("os").environ["PROGRAM"] + ": "
			+ open(__import__("os").environ["WORDS"]).read()
			.rstrip("\n").split("; ", 1)[0],
			open(__import__("os").environ["WORDS"]).read()
			.rstrip("\n").split("; ", 1)[1]]'
}

words_of_the_library() {
	same_words 'a missing permission is told in the words of the library' \
		"$tmp/seven" -- "$tmp/seven"
	same_words 'an unknown format is told in the words of the library' \
		"$tmp/plain" -- "$tmp/plain"
	cp /bin/true "$tmp/busy"
	exec 8>> "$tmp/busy"
	same_words 'a file open for writing is told in the words of the library' \
		"$tmp/busy" -- "$tmp/busy"
	exec 8>&-
}

# Captures a run: writes JSON to $tmp/json and the status to $tmp/status.
capture() { # options of run
	sh -c '"$@" > "$0" 2> "$0.err"' "$tmp/json" "$tool" run --capture "$@" \
		2> /dev/null
	echo $? > "$tmp/status"
}

captured_without_proc() {
	local name='without /proc the report tells that nobody looked for leftovers'

	may_hide_proc "$name" || return
	without_proc "$tool" run --capture -- sh -c 'sleep 60 > /dev/null 2>&1 &' \
		> "$tmp/json" 2> "$tmp/log"
	json "$name" 'j["unseen"] and j["leftovers"] == 0 and j["code"] == 0'
}

captured() {
	echo in | capture -- sh -c 'cat; echo err >&2; exit 3'
	json 'captured output and end are printed as JSON' '
		j["code"] == 3 and j["signal"] is None
		and j["signal_number"] is None and j["pid"] > 1
		and j["out"] == "in\n" and j["out_len"] == 3
		and j["err"] == "err\n" and j["err_len"] == 4
		and not any(j[k] for k in ("timed_out", "cancelled",
			"out_truncated", "err_truncated", "tree_killed",
			"not_killed", "pipe_held", "status_lost", "unseen",
			"cgroup"))
		and j["usage"]["max_rss_kib"] > 0
		and j["usage"]["user_s"] + j["usage"]["system_s"] >= 0
		and 0 < j["spawn_ms"] < j["total_ms"]
		and j["command"][0] == "sh" and j["launch"]["path"][0] == "/"'
	[ "$(cat "$tmp/status")" = 3 ]
	result $? '--capture keeps the exit status of the program'
	"$tool" run --json --max-output 2K -- sh -c \
		'head -c 1000000 /dev/zero | tr "\0" x; printf "\377" >&2' \
		> "$tmp/json"
	json '--max-output limits each stream, and bytes become base64' '
		j["out"] == "x" * 2048 and j["out_len"] == 2048
		and j["out_truncated"] and j["err_base64"] == "/w=="
		and j["err_len"] == 1 and not j["err_truncated"]
		and "err" not in j and j["code"] == 0'
	capture --cwd "$tmp" --env A=5 --argv0 zero --nice 19 --umask 027 \
		--keep-fd 7 -- sh -c 'pwd; echo $0 $A; nice; umask; cat <&7' \
		7< "$tmp/seven"
	json 'options of run apply to captured programs' '
		j["out"] == "'"$tmp"'\nzero 5\n19\n0027\nseven\n"'
	capture -- sh -c 'kill -KILL $$'
	json 'the signal of a captured program is told' '
		j["code"] is None and j["signal"] == "SIGKILL"
		and j["signal_number"] == 9'
	[ "$(cat "$tmp/status")" = 137 ]
	result $? 'the status tells the signal of a captured program'
	capture --timeout 1s --kill-after 200ms -- sh -c \
		'echo part; trap "" TERM; sleep 39 & sleep 39'
	json 'the timeout of a captured program is told' '
		j["timed_out"] and j["tree_killed"] and j["out"] == "part\n"
		and j["signal"] == "SIGKILL" and j["total_ms"] >= 1200'
	[ "$(cat "$tmp/status")" = 124 ]
	result $? 'the status of a captured timeout is 124'
	capture -- "$tmp/orphan"
	json 'a captured launch that failed is told with its remedy' '
		j["error"]["name"] == "ENOENT" and j["error"]["stage"] == "exec"
		and "/nonexistent/sh" in j["error"]["detail"]
		and "interpreter" in j["error"]["remedy"]
		and j["command"] == ["'"$tmp"'/orphan"]'
	[ "$(cat "$tmp/status")" = 126 ] &&
		grep -q 'its interpreter' "$tmp/json.err"
	result $? 'a captured launch that failed is told on standard error: 126'
	capture --keep-leftovers -- sh -c 'sleep 3 & echo done'
	json 'a child that holds the output does not delay the end' '
		j["pipe_held"] and j["out"] == "done\n" and j["leftovers"] == 0'
	capture -- sh -c 'sleep 300 & echo $! > "$0"; sleep 300 &' "$tmp/left"
	json 'processes that are left behind are counted' '
		j["leftovers"] == 2 and j["code"] == 0 and not j["pipe_held"]'
	! ps -o stat= -p "$(cat "$tmp/left")" | grep -q '^[^Z]'
	result $? 'a process that is left behind is ended'
	"$tool" run --capture --env TREE_MARK="killed$$" -- \
		sh -c 'setsid sleep 300 & : > "$0"; wait' \
		"$tmp/child" > /dev/null 2>&1 &
	until_true test -e "$tmp/child"
	kill -9 $!
	wait $! 2> /dev/null
	until_true none_marked "killed$$"
	result $? 'the tree of a captured program ends when this tool is killed'
	capture --held-quiet 5s --held-most 10s -- \
		sh -c '(sleep 0.3; echo late) & echo done'
	json '--held-quiet and --held-most wait for late output' '
		not j["pipe_held"] and j["out"] == "done\nlate\n"'
	capture --held-quiet 0 --keep-leftovers -- sh -c 'sleep 3 & echo done'
	json '--held-quiet 0 does not wait' '
		j["pipe_held"] and j["out"] == "done\n"
		and j["total_ms"] < 1000'
	fails '--held-most is refused without --capture' 125 'need --capture' \
		run --held-most 1s -- true
	timeout 20 script -qec "$tool run --capture -- cat" /dev/null \
		> "$tmp/out" 2>&1
	grep -q '"code":0' "$tmp/out"
	result $? 'a captured program does not read the terminal'
	timeout 20 script -qec "$tool run --capture --timeout 10s -- \
		sh -c 'stty -echo < /dev/tty || exit 7'" /dev/null \
		> "$tmp/out" 2>&1
	grep -q '"code":7' "$tmp/out"
	result $? 'a question of a captured program on the terminal fails at once'
}

captured_signals() {
	local mark=captured$$ pid

	for sig in HUP INT QUIT TERM; do
		rm -f "$tmp/ready"
		"$python" -c 'import os, signal, sys
for s in (signal.SIGINT, signal.SIGQUIT):
    signal.signal(s, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$tool" run --capture \
			--env TREE_MARK="$mark" -- sh -c "echo part
			setsid sleep 39 & : > '$tmp/ready'; wait" \
			> "$tmp/json" &
		pid=$!
		until_true test -e "$tmp/ready"
		kill -"$sig" "$pid"
		wait "$pid" 2> /dev/null
		[ $? = $((128 + $(kill -l "$sig"))) ] && none_marked "$mark"
		result $? "SIG$sig ends a captured tree, and then the tool"
		json "a tree ended by SIG$sig is reported as cancelled" '
			j["cancelled"] and j["out"] == "part\n"
			and not j["timed_out"] and j["signal"] == "SIGTERM"'
	done
}

captured_cgroup() {
	local mount dir='' mark=cgroup$$ pid

	mount=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	[ -z "$mount" ] || dir=$mount/spawn-template-test.$$
	if [ -z "$dir" ] || ! mkdir "$dir" 2> /dev/null; then
		skip 'a captured program gets a cgroup of its own' \
			'no cgroup v2 directory can be made here'
		skip 'no process gets away from the cgroup, which is removed' \
			'no cgroup v2 directory can be made here'
		skip 'program and cgroup of a killed tool are gone' \
			'no cgroup v2 directory can be made here'
		return
	fi
	capture --cgroup-tree="$dir" --timeout 1s --env TREE_MARK="$mark" -- \
		sh -c '(setsid sleep 39 > /dev/null 2>&1 &)
			grep ^0:: /proc/self/cgroup; sleep 39'
	json 'a captured program gets a cgroup of its own' \
		'j["cgroup"] and "/spawn-template-test.'$$'/" in j["out"]'
	none_marked "$mark" && ! rmdir "$dir"/* 2> /dev/null
	result $? 'no process gets away from the cgroup, which is removed'
	rm -f "$tmp/ready"
	"$tool" run --capture --cgroup-tree="$dir" --env TREE_MARK="$mark" -- \
		sh -c ": > '$tmp/ready'; exec sleep 39" > /dev/null 2>&1 &
	pid=$!
	until_true test -e "$tmp/ready"
	kill -KILL "$pid"
	wait "$pid" 2> /dev/null
	until_true none_marked "$mark" && until_true rmdir "$dir" 2> "$tmp/log"
	result $? 'program and cgroup of a killed tool are gone'
}

stats() {
	local link=$tmp/link

	ln -s /bin/sleep "$link"
	"$tool" stat --json sh "$link" "$tool" "$tmp/script" nosuch \
		2> /dev/null > "$tmp/json"
	[ $? = 127 ]
	result $? 'the status of stat is that of the last failure'
	json 'stat tells all about several programs' '
		[p["name"] for p in j] == ["sh", "'"$link"'", "'"$tool"'",
			"'"$tmp/script"'", "nosuch"]
		and j[0]["path"].endswith("/sh")
		and j[1]["launch"]["by"] == "path"
		and j[1]["launch"]["reason"] == "name"
		and j[2]["format"] == "elf" and j[2]["elf"]["dynamic"]
		and j[2]["key"]["ino"] == __import__("os").stat(
			j[2]["path"]).st_ino
		and j[2]["state"] == "fresh"
		and j[3]["format"] == "script"
		and j[3]["interpreter"] == "/bin/sh"
		and j[4]["error"]["name"] == "ENOENT"'
	"$tool" stat "$link" > "$tmp/log" &&
		grep -q '^  launched by   path (a link' "$tmp/log" &&
		grep -q "^  leads to " "$tmp/log" &&
		grep -q '^  state         fresh' "$tmp/log"
	result $? 'stat prints a table'
	"${tool%/*}/tests/with_guard" "$tmp/guard.sock" \
		"$tool" stat --json sh > "$tmp/json"
	json 'stat tells of the guard' 'j[0]["guarded"]
		and j[0]["guard"] == {"id": 1000, "deny_write": False,
			"why": None}'
	"${tool%/*}/tests/with_guard" "$tmp/guard.sock" \
		"$tool" stat sh > "$tmp/log" &&
		grep -q '^  guarded       yes, as template 1000$' "$tmp/log" &&
		"$tool" stat sh | grep -q '^  guarded       no$'
	result $? 'the table of stat tells of the guard'
	fails 'stat without a program is refused' 125 'at least one' "$tool" stat
}

bench() {
	"$tool" bench --rounds 12 --json -- /bin/true > "$tmp/json"
	json 'bench measures four ways' '
		set(j["methods"]) == {"fork", "vfork", "posix_spawn",
			"template"}
		and j["rounds"] == 12 and j["exit_code"] == 0
		and all(0 < m["blocked"]["p50_ns"] <= m["blocked"]["p99_ns"]
			and m["to_exit"]["p50_ns"] > 0
			and m["to_exit"]["ratio_interval"][0]
			<= m["to_exit"]["ratio_to_posix_spawn"]
			<= m["to_exit"]["ratio_interval"][1]
			for m in j["methods"].values())
		and j["methods"]["posix_spawn"]["blocked"]
			["ratio_to_posix_spawn"] == 1'
	"$tool" bench --rounds 1000000 --seconds 300ms --json -- \
		sh -c 'exit 4' > "$tmp/json"
	json 'bench stops when the time is up' \
		'1 <= j["rounds"] < 1000000 and j["exit_code"] == 4'
	"$tool" bench --rounds 1 --json -- sh -c \
		'[ -e /proc/$$/fd/0 ] && [ -e /proc/$$/fd/2 ]' \
		> "$tmp/json" <&- 2>&-
	json 'bench opens descriptors 0 and 2 for its programs' \
		'j["exit_code"] == 0'
	"$tool" bench --rounds 5 > "$tmp/log" &&
		[ "$(grep -cE '^(template|posix_spawn|vfork|fork) ' \
			"$tmp/log")" = 4 ]
	result $? 'bench prints a table'
	fails 'bench of a missing program is refused: 127' 127 'not found' \
		"$tool" bench -- nosuchcommand
}

# ---- a terminal

# Types keys into a pipeline of an interactive shell, the first part with a timeout.
in_a_pipeline() {
	"$python" - "$tool" > "$tmp/log" 2>&1 <<- 'END'
	import os, pty, select, sys, termios, time

	run = sys.argv[1] + " run --timeout 10s -- "

	def session(command, *keys):
	    pid, fd = pty.fork()
	    if pid == 0:
	        os.environ.update(PS1="", TERM="dumb")
	        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
	    seen = b""

	    def expect(word):
	        nonlocal seen
	        end = time.time() + 20
	        while word not in seen:
	            if time.time() > end:
	                sys.exit("no %r in %r" % (word, seen))
	            if select.select([fd], [], [], 0.1)[0]:
	                seen += os.read(fd, 4096)

	    os.write(fd, b"stty -echo; echo rea''dy\n")
	    expect(b"ready\r\n")
	    seen = b""
	    os.write(fd, command.encode() + b"\n")
	    for word, key in keys:
	        expect(word)
	        if key:
	            seen = b""
	            os.write(fd, key)
	    return fd, pid

	def close(fd, pid):
	    os.close(fd)
	    os.waitpid(pid, 0)

	# a pager sets modes and reads keys, while the program runs and after it
	close(*session(run + "sh -c 'echo data; exec sleep 1' | sh -c '"
	               "stty raw </dev/tty; echo o''ne; read x </dev/tty;"
	               "cat; read y </dev/tty; stty -raw </dev/tty; echo $x-$y'",
	               (b"one\n", b"a\n"), (b"data\n", b"b\n"), (b"a-b", b"")))
	# Ctrl-C reaches all, in any order
	close(*session(run + "sh -c 'trap \"echo fir''st >&2; exit\" INT;"
	               "echo u''p; sleep 9' | sh -c '"
	               "trap \"sleep 0.3; echo seco''nd; exit\" INT;"
	               "read x; echo $x; cat'",
	               (b"up", b"\x03"), (b"first", b""), (b"second", b"")))
	# a timeout leaves the modes to the rest of the pipeline
	run = sys.argv[1] + " run --timeout 2s -- "
	fd, pid = session(run + "sh -c 'stty raw </dev/tty; exec sleep 30' | sh -c '"
	                  "cat; echo ti''me; exec sleep 3'", (b"time", b""))
	time.sleep(0.3)
	if termios.tcgetattr(fd)[3] & termios.ICANON:
	    sys.exit("the modes are not those that were set")
	close(fd, pid)
	END
	result $? 'a pipeline with a timeout keeps terminal and Ctrl-C for all parts'
}

terminal() {
	on_a_terminal 'a terminal can be read, interrupt, stop, fg and bg work' ''
	on_a_terminal 'a terminal works with a timeout, too' '--timeout 60s'
	on_a_terminal 'a terminal works with a report, too' '--json'
	printf 'typed\n' | timeout 20 script -qec \
		"$tool run --timeout 10s -- sh -c 'read x; echo got-\$x'" \
		/dev/null > "$tmp/log" 2>&1
	grep -q 'got-typed' "$tmp/log"
	result $? 'a terminal can be read under script(1)'
	timeout 20 script -qec \
		"$tool run --timeout 1s -- sh -c 'stty raw -echo; sleep 30'
		 echo status-\$?; stty -a" /dev/null < /dev/null \
		> "$tmp/log" 2>&1
	grep -q 'status-124' "$tmp/log" && grep -q ' icanon' "$tmp/log" &&
		grep -q ' echo ' "$tmp/log"
	result $? 'the modes of the terminal are restored after a timeout'
	in_a_pipeline
}

# ---- help, manual and completions agree

bash_completes() { # expected, words...
	local expected=$1

	shift
	bash -c '. completions/spawn-template.bash
		COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
		_spawn_template
		printf "%s\n" "${COMPREPLY[@]}" | grep -qxF -- "$1"' - \
		"$expected" "$@" 2>> "$tmp/log"
}

completions() {
	local option options command

	bash -n completions/spawn-template.bash 2> "$tmp/log" &&
		bash -c '. completions/spawn-template.bash
			complete -p spawn-template' > "$tmp/log" 2>&1
	result $? 'bash takes its completion'
	bash_completes doctor spawn-template d &&
		bash_completes --timeout spawn-template run --ti &&
		bash_completes --max-output spawn-template run --json --max &&
		bash_completes batch spawn-template b &&
		bash_completes --jobs spawn-template batch --cgroup-tree --j &&
		bash_completes mkfifo spawn-template run --cwd / -- mkfif &&
		bash_completes mkfifo spawn-template run --env A = 1 mkfif &&
		bash_completes /etc/passwd spawn-template run cat /etc/passw &&
		bash_completes --json spawn-template stat --js
	result $? 'bash completes commands, options, programs, arguments'
	if command -v zsh > /dev/null; then
		zsh -n completions/_spawn-template 2> "$tmp/log" &&
			zsh -fc 'fpath=(completions $fpath)
			autoload -U compinit; compinit -u -D
			[[ $_comps[spawn-template] = _spawn-template ]]' \
				>> "$tmp/log" 2>&1
		result $? 'zsh takes its completion'
	else
		skip 'zsh takes its completion' 'zsh is not installed'
	fi
	if command -v fish > /dev/null; then
		fish --no-execute completions/spawn-template.fish \
			2> "$tmp/log" &&
			HOME=$tmp fish --no-config -c '
			source completions/spawn-template.fish
			complete -C "spawn-template d"
			complete -C "spawn-template run --ti"' > "$tmp/out" &&
			grep -q ^doctor "$tmp/out" &&
			grep -q ^--timeout "$tmp/out"
		result $? 'fish completes commands and options'
	else
		skip 'fish completes commands and options' \
			'fish is not installed'
	fi
	for command in run batch mcp stat doctor bench warm list show top \
		stats status; do
		options=$("$tool" help "$command" |
			grep -oE '^ .*--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+')
		for option in $options; do
			grep -qE -- "$option\b" completions/spawn-template.bash &&
				grep -qE -- "$option\b" completions/_spawn-template &&
				grep -qE -- "-l ${option#--}\b" \
					completions/spawn-template.fish &&
				grep -qE -- "Fl -${option#--}\b" \
					man/spawn-template.1 ||
				echo "$command $option" >> "$tmp/log"
		done
		[ -n "$options" ] || echo "no options of $command" >> "$tmp/log"
	done
	[ ! -s "$tmp/log" ]
	result $? 'help, manual page and completions name the same options'
}

manual() {
	if command -v mandoc > /dev/null; then
		mandoc -Tlint -W warning man/spawn-template.1 > "$tmp/log" 2>&1
		result $? 'the manual page is well formed'
	else
		skip 'the manual page is well formed' 'mandoc is not installed'
	fi
}

printf '#!/bin/sh\necho script: "$@"\n' > "$tmp/script"
printf 'echo plain\n' > "$tmp/plain"
printf '#!/nonexistent/sh\n' > "$tmp/orphan"
chmod 755 "$tmp" "$tmp/script" "$tmp/plain" "$tmp/orphan"

help_and_version
pass_through
signal_death
environment
attributes
process_1
descriptors
cgroup
timeouts
timeout_trees
forwarding
errors
non_blocking_output
hostile_text
output_errors
json_reports
words_of_the_library
captured
captured_without_proc
captured_signals
captured_cgroup
stats
bench
terminal
completions
manual

echo "1..$n"
exit "$failed"
