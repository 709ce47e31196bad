#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The system calls of one launch, and of one run that asks for nothing, by name and in
# order, as strace sees them: those of the parent, and those of the child until exec. A
# launch may make 6 in the parent and 5 in the child (6 with a large fd table), and one
# for each action or attribute. The lists of a run are exact for each of its threads.

set -u

out=$(cd "$(dirname "$0")/.." && cd "${O:-build}" && pwd) || exit 1
once=$out/tests/launch_once
# a static program would be launched by path
program=$out/tests/tools/probe
with=()
# the launches do not ask a guard that the machine may have
export SPAWN_TEMPLATE_GUARD=
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

skip_all() {
	echo 1..1
	skip 'a launch makes few system calls' "$1"
	[ "$failed" = 0 ] || exit 1
	exit 77
}

why() {
	cat "$tmp/why"
}

trace() { # arguments of launch_once
	"${with[@]}" strace -f -qq -o "$tmp/all" "$once" "$@" \
		</dev/null >"$tmp/log" 2>&1 ||
		{ cat "$tmp/log" && return 1; }
	# between the two markers; "resumed" is the end of a call named before
	sed -n '/"MARK"/,/"MARK"/p' "$tmp/all" |
		grep -v '"MARK"' >"$tmp/launch"
	parent=$(sed -n '/"MARK"/{s/ .*//p;q}' "$tmp/all")
	parent_calls=$(calls "$parent" "$tmp/launch")
	# the child is the last process; its calls may come after the end marker
	child=$(awk -v p="$parent" '$1 != p && !seen[$1]++ { c = $1 }
		END { print c }' "$tmp/all")
	child_calls=$(calls "$child" "$tmp/all" |
		awk '{ print } /^exec/ { exit }')
}

calls() { # pid file
	awk -v pid="$1" '$1 == pid && $2 !~ /^(<...|\+\+\+|---)/ {
		sub(/\(.*/, "", $2)
		print $2
	}' "$2"
}

words() {
	printf '%s\n' "$@"
}

# Compares the calls of parent and child, and how many they are.
check() { # name max_parent max_child
	{
		echo "parent: ${parent_calls//$'\n'/ }"
		echo "  want: ${want_parent//$'\n'/ }"
		echo "child:  ${child_calls//$'\n'/ }"
		echo "  want: ${want_child//$'\n'/ }"
	} >"$tmp/why"
	[ "$parent_calls" = "$want_parent" ] &&
		[ "$child_calls" = "$want_child" ] &&
		[ "$(wc -l <<<"$parent_calls")" -le "$2" ] &&
		[ "$(wc -l <<<"$child_calls")" -le "$3" ]
	result $? "$1"
}

# Tells whether the launch was marked for the guard.
marked() {
	grep -q 'clone3(.*CLONE_CHILD_CLEARTID.*child_tid=0x' "$tmp/launch"
}

command -v strace >/dev/null || skip_all "strace is not installed"
strace -f -o "$tmp/all" true 2>"$tmp/log" ||
	skip_all "strace: $(tail -n1 "$tmp/log")"
trace "$program" || exit 1
! grep -qE '(clone3|close_range)\(.*= -1 E(NOSYS|PERM|INVAL)' "$tmp/all" ||
	skip_all "a launch needs fallbacks here"

# Before Linux 6.14 a launch goes by path, after a look at the file in the child.
exec=(execveat)
if grep -q 'execveat(.*0x10000.*= -1 EINVAL' "$tmp/all"; then
	exec=(statx execve)
fi

echo "1..11"

want_parent=$(words getresuid getresgid statx clone3)
want_child=$(words statx close_range rt_sigaction "${exec[@]}")
check "a launch by fd makes 4 calls and a child at most 5" 6 5

trace -n 1000 "$program" || exit 1
want_child=$(words close_range statx close_range rt_sigaction "${exec[@]}")
check "a launch with 1,000 open fds makes one call more" 6 6

# SIGDEFAULT of one signal is one call, DIE_WITH_PARENT one to ask and one to verify.
trace -a "$program" || exit 1
want_parent=$(words getresuid getresgid statx getpid clone3)
want_child=$(words statx setpgid dup3 close close_range chdir rt_sigaction \
	close_range fcntl umask setpriority prlimit64 prctl rt_sigaction prctl \
	getppid "${exec[@]}")
check "a launch makes a call or two for an action or attribute" 6 $((16 + ${#exec[@]}))

ln -s "$program" "$tmp/alias"
trace "$tmp/alias" || exit 1
want_parent=$(words getresuid getresgid statx clone3)
want_child=$(words statx close_range rt_sigaction statx execve)
check "a launch by path makes 4 calls and a child 5" 6 5
! marked
result $? "a launch has no mark without a guard"

# The parent looks at the file, too, because the child's answer comes late, and at
# the pipe, since the host may close its number meanwhile.
trace -b "$program" || exit 1
want_parent=$(words getresuid getresgid statx statx pipe2 statx clone3 close)
want_child=$(words statx close_range rt_sigaction "${exec[@]}")
check "a launch that is begun makes four calls more" 8 5

# A guard costs no call more, and no call goes to it.
with=("$out/tests/with_guard" "$tmp/guard.sock")
trace "$program" || exit 1
want_parent=$(words getresuid getresgid statx clone3)
want_child=$(words statx close_range rt_sigaction "${exec[@]}")
check "a guarded launch makes no call more" 6 5
marked
result $? "a launch has a mark for the guard"

# ---- a run

# The steps of the program are so far apart that each of them wakes the run by itself,
# unless the machine is busy: then another attempt may meet a quieter moment.
tree=$out/tests/tools/tree
steps=(sleep 200 say hello sleep 100 close 1 sleep 100 close 2 sleep 100 exit 0)

trace_run() { # options of run_once
	strace -f -qq -o "$tmp/all" "$out/tests/run_once" "$@" "$tree" \
		"${steps[@]}" </dev/null >"$tmp/log" 2>&1 ||
		{ cat "$tmp/log" && return 1; }
	# not the pause behind the run, in which the ring's threads come to rest
	sed -n '/"MARK"/,/"MARK"/p' "$tmp/all" |
		grep -v -e '"MARK"' -e ' clock_nanosleep(' -e ' nanosleep(' \
			>"$tmp/run"
	caller=$(sed -n '/"MARK"/{s/ .*//p;q}' "$tmp/all")
	launcher=$(pid_of clone3)
	child=$(pid_of 'execveat\|execve')
	reactor=$(pid_of epoll_wait)
}

pid_of() { # call
	sed -n "s/^\([0-9]*\) *\($1\)(.*/\1/p" "$tmp/run" | head -n1
}

# The caller asks for each capability of the bounding set, and their number depends on
# the kernel: a sequence of prctl counts as one.
list() { # name pid
	echo "$1: $(calls "$2" "$tmp/run" | awk '
		$1 != "prctl" || last != "prctl"
		{ last = $1 }
		/^exec/ { exit }' | paste -sd' ')"
}

same_run() { # name, lists, options of run_once
	local name=$1 want=$2

	shift 2
	for _ in 1 2 3 4 5; do
		trace_run "$@" || exit 1
		got=$(list caller "$caller"
			[ "$launcher" = "$caller" ] || list launcher "$launcher"
			list child "$child"
			[ -z "$reactor" ] || list reactor "$reactor")
		[ "$got" != "$want" ] || break
	done
	[ "$got" = "$want" ] || diff <(echo "$want") <(echo "$got") >"$tmp/why"
	[ "$got" = "$want" ]
	result $? "$name"
}

pipes='pipe2 fcntl pipe2 fcntl'
same_run "a run makes these calls and no other" \
"caller: openat $pipes getresuid getresgid statx clone3 close close close \
ppoll read ppoll readv close ppoll read close ppoll waitid close
child: statx setsid dup3 dup3 dup3 close_range fcntl rt_sigaction ${exec[*]}"

# A call on a ring looks whether its timer and its event are still the ring's own; the
# launching thread checks that it has the rights of the caller.
own='timerfd_gettime statx'
same_run "a run in a ring makes these calls and no other" \
"caller: rt_sigprocmask prctl getresuid getresgid prctl getgroups capget prctl \
$own futex $own read $own ppoll $own read
launcher: getresuid getresgid prctl getgroups capget $own $pipes epoll_ctl \
epoll_ctl getresuid getresgid statx clone3 close close epoll_ctl futex
child: statx sched_setscheduler setsid dup3 dup3 dup3 close_range fcntl \
rt_sigaction rt_sigprocmask ${exec[*]}
reactor: read timerfd_gettime epoll_wait readv epoll_ctl close timerfd_gettime \
epoll_wait read epoll_ctl close timerfd_gettime epoll_wait waitid $own write \
epoll_ctl close timerfd_gettime epoll_wait" -r

# A look at all processes takes longer than all the rest of a short run. A run that
# took too long, as on a busy machine, needs one, and is tried again.
name="a short run that leaves nothing behind does not read all processes"
steps=(say hello exit 0)
looks_at_few() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		trace_run -l || exit 1
		grep -q ns_last_pid "$tmp/run" || break
		! grep -q '"/proc"' "$tmp/run" && return 0
	done
	cp "$tmp/run" "$tmp/why"
	return 1
}
if [ -r /proc/sys/kernel/ns_last_pid ]; then
	looks_at_few
	result $? "$name"
else
	skip "$name" "the kernel does not tell the last number"
fi

exit $failed
