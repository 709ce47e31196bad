#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The commands about the guard. Most cases ask a fake daemon: its answers are known,
# and it can give answers that no daemon should. The others ask the real daemon with
# maps in memory. top runs on a terminal: keys, rates and sizes; the terminal must be
# put back however top ends.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh

export SPAWN_TEMPLATE_GUARD=$tmp/guard.sock
pids=()
trap 'kill "${pids[@]}" 2> /dev/null; rm -rf "$tmp"' EXIT

# Compares the status of a command, and searches its two outputs, joined to one line,
# for a pattern. A pattern may go on after a backslash at the end of a line.
says() { # name status pattern command...
	local name=$1 expected=$2 pattern=${3//$'\\\n'/} got

	shift 3
	"$@" > "$tmp/out" 2> "$tmp/err"
	got=$?
	cat "$tmp/out" "$tmp/err" > "$tmp/both"
	{
		echo "status $got, expected $expected, and: $pattern"
		cat "$tmp/both"
	} > "$tmp/log"
	[ "$got" = "$expected" ] &&
		tr '\n' ' ' < "$tmp/both" | grep -qE -- "$pattern"
	result $? "$name"
}

# Checks a Python expression about j, the JSON that a command prints.
json() { # name expression command...
	local name=$1 expression=$2

	shift 2
	"$@" > "$tmp/json" 2> "$tmp/log"
	"$python" -c "
import json, sys
j = json.load(open(sys.argv[1]))
if not ($expression):
    print(json.dumps(j, indent=1))
    sys.exit(1)" "$tmp/json" >> "$tmp/log" 2>&1
	result $? "$name"
}

# ---- a fake daemon

cat > "$tmp/fake.py" << 'END'
# fake.py SOCKET PLAN: answers as PLAN says. PLAN is Python code that may set items
# (a dictionary for each template), facts (of the status) and odd(type, seq). odd is
# asked for each request; it returns None, bytes to send instead, "close" or "hang".
import os, select, socket, struct, sys, time

def header(type, seq, error=0, id=0, magic=0x5354474d, version=1):
    return struct.pack("=IHHIiQ", magic, version, type, seq, error, id)

def full(data, size=1536):
    return data.ljust(size, b"\0")

def item(seq, id, pid=1, uid=0, flags=0, state=1, why=0, last=0, launches=0,
         stale=0, refused=0, denied=0, comm=b"node", path=b"/bin/x", launch={},
         run={}, launch_ns=0, run_ns=0):
    slots = [launch.get(i, 0) for i in range(32)]
    slots += [run.get(i, 0) for i in range(32)]
    return full(header(5, seq, 0, id) + struct.pack(
        "=6I2Q4I6Q16s256s64Q", pid, uid, flags, state, why, last, 5, 77, 8, 1, 9,
        0xef53, launches, stale, refused, denied, launch_ns, run_ns, comm, path,
        *slots))

def status(seq, attached=1, proved=15, missing=0, adopted=0, launches=0, stale=0,
           refused=0, denied=0, lost=0, version=b"9.8.7", kernel=b"6.1.0-x"):
    up = time.clock_gettime(time.CLOCK_BOOTTIME) - 65
    return full(header(6, seq) + struct.pack(
        "=14I7Q32s64s", attached, proved, missing, adopted, 4321, 3, 1024, 5,
        4096, 2, 2048, 4, 256, 0, max(0, int(up * 1e9)), launches, stale, refused,
        denied, lost, 3 << 20, version, kernel))

items, facts = [], {}
def odd(type, seq):
    return None

exec(sys.argv[2])
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.bind(sys.argv[1])
server.listen(8)
clients = []

def answer(client, request):
    magic, version, type, seq, error, id = struct.unpack("=IHHIiQ", request[:24])
    if len(request) != 1536 or (magic, version) != (0x5354474d, 1):
        return False
    special = odd(type, seq)
    if special == "close":
        return False
    if special == "hang":
        return True
    if special is not None:
        client.send(special)
    elif type == 1:
        # the daemon sends a descriptor here
        socket.send_fds(client, [full(header(1, seq) + b"\0\x08")], [1])
    elif type == 6:
        client.send(status(seq, **facts))
    elif type == 4:
        found = [i for i in items if id in (0, i["id"])]
        for i in found:
            client.send(item(seq, **i))
        client.send(full(header(4, seq, 0 if found or not id else 2, id)))
    return True

while True:
    for ready in select.select([server] + clients, [], [])[0]:
        if ready is server:
            clients.append(server.accept()[0])
            continue
        try:
            request = ready.recv(4096)
            if not request or not answer(ready, request):
                raise ConnectionError
        except ConnectionError:
            clients.remove(ready)
            ready.close()
END

fake() { # plan
	stop_fake
	rm -f "$SPAWN_TEMPLATE_GUARD"
	"$python" "$tmp/fake.py" "$SPAWN_TEMPLATE_GUARD" "$1" 2> "$tmp/fake.err" &
	fake_pid=$!
	pids+=("$fake_pid")
	until_true test -S "$SPAWN_TEMPLATE_GUARD"
	until_listening "$SPAWN_TEMPLATE_GUARD"
}

# A socket exists before somebody listens.
until_listening() { # socket
	until_true "$python" -c '
import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])' \
		"$1"
}

fake_pid=
stop_fake() {
	[ -z "$fake_pid" ] || kill "$fake_pid"
	[ -z "$fake_pid" ] || wait "$fake_pid" 2> /dev/null
	fake_pid=
}

some='items = [
	dict(id=5, pid=50, uid=0, flags=1, launches=100, denied=2,
	     launch={6: 90, 7: 9, 12: 1}, launch_ns=9000000, run={13: 100},
	     run_ns=1000000000, path=b"/usr/bin/git"),
	dict(id=7, pid=40, uid=1, state=2, why=3, last=3, launches=20, stale=2,
	     launch={5: 19, 31: 1}, comm=b"build",
	     path=b"/opt/some/long/way/to/a/tool/of/many/letters/bin/rustc"),
	dict(id=12, pid=60, uid=0, refused=3, last=7, launches=100, comm=b"agent",
	     launch={3: 100}, path=b"/usr/bin/git"),
]
facts = dict(launches=500, stale=4, refused=3, denied=2, lost=1)'

# ---- without a daemon

absent() {
	local command

	for command in list stats 'show 1' 'top -b'; do
		# shellcheck disable=SC2086 # the command and its argument
		says "${command% *} tells how to start a missing daemon" 125 \
			'no guard is running: .*remedy: start it: sudo spawn-' \
			"$tool" $command
	done
	says 'status tells how to start a missing daemon: 1' 1 \
		'remedy: start it: sudo spawn-templated' "$tool" status
	json 'status --json tells of a missing daemon' \
		'not j["running"] and not j["in_force"]
		and j["error"]["name"] == "ENOENT"
		and "sudo spawn-templated" in j["error"]["remedy"]' \
		"$tool" status --json
	fake "$some"
	stop_fake
	says 'a socket that nobody listens to is no daemon either' 1 \
		'no guard is running: .*refused' "$tool" status
	says 'an empty name of a socket means no guard' 1 \
		'no guard is to be asked: .*is empty.*remedy: unset' \
		env SPAWN_TEMPLATE_GUARD= "$tool" status
	says '--socket overrides the environment' 125 \
		'running: /nonexistent/sock:' "$tool" list --socket /nonexistent/sock
	says 'a path of a socket that is too long is refused' 125 \
		'name is too long' \
		"$tool" list --socket "/$(printf '%0200d' 0)"
	"$python" -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.bind(sys.argv[1]); s.listen(1)
sys.stdin.read()' "$tmp/stream" < <(sleep 3) &
	pids+=($!)
	until_true test -S "$tmp/stream"
	says 'a stream socket is refused' 125 'not the socket of a guard' \
		"$tool" list --socket "$tmp/stream"
	says 'status refuses an unknown option' 125 "unknown option '--frob'" \
		"$tool" status --frob
	says 'an unknown option is named, first of a word' 125 \
		"unknown option '-z'" \
		"$tool" top -zb
	says 'an unknown option is named, inside a word' 125 \
		"unknown option '-z'" \
		"$tool" top --json -bz
	says 'an unknown option is named after a long option' 125 \
		"unknown option '-z'" \
		"$tool" top --delay=1 -zb
	says 'a value for an option that takes none is refused' 125 \
		"'--json=x' takes no value" \
		"$tool" list --json=x -r
	says 'a short option without its value is refused' 125 \
		"option '-d' needs a value" \
		"$tool" top -bd
	says 'a long option without its value is refused' 125 \
		"option '--delay' needs a value" \
		"$tool" top --delay
	for command in list stats status top; do
		says "$command refuses arguments" 125 'takes no arguments' \
			"$tool" "$command" x
	done
}

permission() {
	local as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	local copy=$tmp/spawn-template

	if [ "$(id -u)" != 0 ]; then
		skip 'a user without permission is told the group to join' \
			'this is not root'
		skip 'a user without permission is told other remedies' \
			'this is not root'
		skip 'a daemon of another user is not asked' 'this is not root'
		return
	fi
	cp "$tool" "$copy"
	fake "$some"
	chmod 755 "$tmp"
	chgrp 1 "$SPAWN_TEMPLATE_GUARD"
	chmod 660 "$SPAWN_TEMPLATE_GUARD"
	says 'a user without permission is told the group to join' 125 \
		"remedy: join the group $(getent group 1 | cut -d: -f1)" \
		"${as[@]}" "$copy" list
	chgrp 0 "$SPAWN_TEMPLATE_GUARD"
	says 'a user without permission is told other remedies' 1 \
		'denied .*remedy: run as root, or have' \
		"${as[@]}" "$copy" status
	stop_fake
	chmod 755 "$tmp/fake.py"
	mkdir "$tmp/theirs"
	chown 65534 "$tmp/theirs"
	"${as[@]}" "$python" "$tmp/fake.py" "$tmp/theirs/sock" "$some" \
		2> "$tmp/fake.err" &
	pids+=($!)
	until_true test -S "$tmp/theirs/sock"
	until_listening "$tmp/theirs/sock"
	says 'a daemon of another user is not asked' 125 \
		'the process that listens there is neither root nor you.*remedy' \
		"$tool" list --socket "$tmp/theirs/sock"
}

# ---- answers that no daemon should give

strange() {
	local list='type == 4 and'

	fake 'odd = lambda type, seq: full(header(type, seq, version=2))'
	says 'a daemon of another version is told with the remedy' 125 \
		'speaks version 2 of the protocol, this tool version 1.*remedy' \
		"$tool" list
	says 'status: a daemon of another version is not in force' 1 \
		'speaks version 2' "$tool" status
	fake 'odd = lambda type, seq: "close"'
	says 'a closed connection is explained by another version' 125 \
		'closed the connection, as it does with tools of another' \
		"$tool" list
	fake "odd = lambda type, seq: $list 'close' or None"
	says 'a connection that closes later is not explained by a version' 125 \
		'closed the connection$' \
		sh -c '"$0" list 2>&1 | tr -d "\n"; exit 125' "$tool"
	fake 'odd = lambda type, seq: full(header(type, seq, magic=7))'
	says 'a daemon with another protocol is refused' 125 'not a guard' \
		"$tool" list
	fake "odd = lambda type, seq: $list header(4, seq) or None"
	says 'a short message is refused' 125 'remedy: install' "$tool" list
	fake "odd = lambda type, seq: $list full(header(4, seq), 1600) or None"
	says 'a long message is refused' 125 'remedy: install' "$tool" list
	fake "odd = lambda type, seq: $list full(header(4, seq + 1)) or None"
	says 'an answer to another request is refused' 125 'cannot understand' \
		"$tool" list
	fake "odd = lambda type, seq: $list full(header(6, seq)) or None"
	says 'an answer of another type is refused' 125 'cannot understand' \
		"$tool" list
	fake "odd = lambda type, seq: $list full(header(4, seq, -5)) or None"
	says 'an error below zero is refused' 125 'cannot understand' "$tool" list
	fake "odd = lambda type, seq: $list full(header(4, seq, 12)) or None"
	says 'an error of the daemon is told' 125 'says: Cannot allocate' \
		"$tool" list
	fake 'items = [dict(id=1, comm=b"x" * 16)]'
	says 'a name without an end is refused' 125 'cannot understand' "$tool" list
	fake 'items = [dict(id=1, path=b"x" * 256)]'
	says 'a path without an end is refused' 125 'cannot understand' "$tool" list
	fake 'items = [dict(id=0)]'
	says 'a template without a number is refused' 125 'cannot understand' \
		"$tool" list
	fake 'facts = dict(version=b"1\x1b[31m")'
	says 'a version that is no text is refused' 1 \
		'cannot understand' "$tool" status
	fake "odd = lambda type, seq: $list 'hang' or None"
	says 'a daemon that does not answer is given up after 5 s' 125 \
		'did not answer within 5 s.*remedy' timeout 20 "$tool" list
	fake 'items = [dict(id=3), dict(id=2), dict(id=3, state=77, why=99)]'
	json 'templates that come twice are shown once, by number' \
		'[t["id"] for t in j] == [2, 3]' "$tool" list --json
	fake 'items = [dict(id=3, state=77), dict(id=4, state=2, why=99)]'
	json 'words of a newer daemon are shown as unknown' \
		'j[0]["state"] == "unknown" and j[1]["why"] == "unknown"' \
		"$tool" list --json
	fake 'items = [dict(id=i + 1) for i in range(4096)]'
	json '4,096 templates are listed' 'len(j) == 4096' "$tool" list --json
}

# ---- list

# Compares the ids of a table, in order.
order() { # expected, options of list
	local expected=$1 got

	shift
	got=$("$tool" list "$@" | awk 'NR > 1 { printf "%s ", $1 }')
	[ "$got" = "$expected " ] || echo "$*: $got, not $expected" >> "$tmp/log"
}

lists() {
	local columns bad=0

	fake "$some"
	says 'list tells all about each template' 0 \
		"5 +50 +root +node +/usr/bin/git \
+fresh +- +100 +0 +0 +<128us +<256us +denied +7 +40 +$(id -un 1) +build +/opt/.*\
stale +opened +20 +2 +0 +<64us +>35m +- +12 +60" "$tool" list
	"$tool" list | grep -q ' /opt/some/long/way/to/a/tool/of/many/letters/bin/'
	result $? 'list cuts nothing off in a pipe'
	for columns in 20 40 60 72 80 100 132 200; do
		script -qec "stty cols $columns; '$tool' list" /dev/null \
			< /dev/null | sed 's/\x1b\[[0-9;]*m//g' | tr -d '\r' \
			> "$tmp/out"
		grep -q LAUNCHES "$tmp/out" || bad=1
		# the number, the path and the launches take at least 50 columns
		awk -v c=$((columns < 50 ? 50 : columns)) 'length > c' \
			"$tmp/out" >> "$tmp/log"
	done
	[ "$bad" = 0 ] && [ ! -s "$tmp/log" ]
	result $? 'list fits the width of a terminal'
	script -qec "stty cols 80; '$tool' list" /dev/null < /dev/null |
		grep -q '\.\.\..*/bin/rustc'
	result $? 'list keeps the end of a path that it shortens'
	order '5 7 12'
	order '12 7 5' -r
	order '7 5 12' --sort pid
	order '7 5 12' --sort user
	order '12 7 5' --sort command
	order '7 5 12' --sort executable
	order '7 5 12' --sort state
	order '5 12 7' --sort launches
	order '7 5 12' --sort launches --reverse
	order '7 5 12' --sort stale
	order '12 5 7' --sort refused
	order '5 7 12' --sort p50
	order '7 5 12' --sort p99
	[ ! -s "$tmp/log" ]
	result $? 'list sorts by any field, both ways, and equals by number'
	says 'list refuses an unknown field to sort by' 125 'not one of id, pid' \
		"$tool" list --sort size
	json 'list --json tells all about each template' 'len(j) == 3
		and j[0]["id"] == 5 and j[0]["pid"] == 50
		and j[0]["user"] == "root" and j[0]["command"] == "node"
		and j[0]["executable"] == "/usr/bin/git"
		and j[0]["state"] == "fresh" and j[0]["why"] is None
		and j[0]["deny_write"] and not j[1]["deny_write"]
		and j[0]["launches"] == 100 and j[0]["write_denied"] == 2
		and j[0]["device"] == "8:1" and j[0]["ino"] == 77
		and j[0]["launch"]["p50_us"] == 128
		and j[0]["launch"]["p99_us"] == 256
		and j[0]["launch"]["log2_us"][6:8] == [90, 9]
		and j[1]["state"] == "stale" and j[1]["why"] == "opened"
		and j[1]["launch"]["p99_us"] is None
		and j[2]["last_why"] == "credentials"' "$tool" list --json
	fake ''
	says 'list of no templates prints the titles' 0 '^ID  PID' "$tool" list
	json 'list --json of no templates is an empty array' \
		'j == []' "$tool" list --json
}

hostile() {
	fake 'items = [dict(id=1, comm=b"a\x1b[2Jb\nc", path="/x/\u202e\x9b\r\t".encode()
		+ b"\xff\xc0\xaf\xed\xa0\x80 \xe6\x97\xa5")]'
	{
		"$tool" list
		"$tool" show 1
		"$tool" stats
		"$tool" stats --prom
		"$tool" top -b -n 1
	} > "$tmp/out"
	LC_ALL=C grep -anP '[\x00-\x09\x0b-\x1f\x7f]|\xe2\x80\xae|\xc2\x9b|\xff|\xc0' \
		"$tmp/out" > "$tmp/log"
	grep -q 'a?\[2Jb?c' "$tmp/out" || cat "$tmp/out" >> "$tmp/log"
	[ "$(grep -c '/x/?????.*日' "$tmp/out")" -ge 8 ] ||
		cat "$tmp/out" >> "$tmp/log"
	[ ! -s "$tmp/log" ]
	result $? 'names cannot send control characters to a terminal'
	for command in list 'show 1' stats 'top -n 1'; do
		# shellcheck disable=SC2086 # the command and its argument
		TERM=xterm script -qec "'$tool' $command --json" /dev/null \
			< /dev/null
	done > "$tmp/out"
	[ "$(grep -cF '/x/\u202e\u009b\r\t' "$tmp/out")" = 4 ] &&
		LC_ALL=C grep -anP '[^\x0a\x0d\x20-\x7e]' "$tmp/out" > "$tmp/log"
	[ $? = 1 ]
	result $? 'names in JSON cannot send control characters to a terminal'
	json 'names in JSON are unchanged' \
		'j[0]["command"] == "a\x1b[2Jb\nc"' "$tool" list --json
}

# ---- percentiles

# Compares percentiles of histograms.
percentiles() {
	fake 'items = [
	dict(id=1), dict(id=2, launch={0: 1}), dict(id=3, launch={10: 1}),
	dict(id=4, launch={31: 1}), dict(id=5, launch={30: 1}),
	dict(id=6, launch={1: 50, 2: 50}), dict(id=7, launch={1: 49, 2: 51}),
	dict(id=8, launch={1: 99, 5: 1}), dict(id=9, launch={1: 98, 5: 2}),
	dict(id=10, launch={1: 989, 5: 11}), dict(id=11, launch={1: 990, 5: 10}),
	dict(id=12, launch={3: 2**60, 4: 2**60 + 2, 31: 5}),
	dict(id=13, launch={0: 1, 4: 1, 8: 1})]'
	json 'percentiles are the upper bounds of their slots' '
		[(t["launch"]["p50_us"], t["launch"]["p99_us"]) for t in j] == [
		(None, None), (2, 2), (2048, 2048), (None, None),
		(2**31, 2**31), (4, 8), (8, 8), (4, 4), (4, 64), (4, 64), (4, 4),
		(32, 32), (32, 512)]' "$tool" list --json
	says 'tables show percentiles with their bounds' 0 \
		'2 .*<2us +<2us.* 3 .*<2.0ms +<2.0ms.* 4 .*>35m +>35m.* 5 .*<36m' \
		"$tool" list
}

# ---- show, stats, status, doctor

shows() {
	fake "$some"
	says 'show tells all about a template' 0 \
		'template 5 .*pid 50 \(node\), user root \(0\)\
.*executable +/usr/bin/git .*device 8:1, inode 77, generation 9, file system ext4\
.*fresh .*denied; 2 so far.*100 let through, 0 stale.*mean 90us, p50 <128us, p99 <256us\
.*mean 10ms.*64us to <128us +90 +#{40} .* 128us to <256us +9 +#{4} .*4.1ms to <8.2ms +1 +# \
.*8.2ms to <16ms +100 +#{40} ' "$tool" show 5
	says 'show tells why a template is stale' 0 \
		'stale: it was opened for writing.*\
makes it stale.*last failure +it was opened.*36m to more +1 +#' "$tool" show 7
	json 'show --json tells of a template' \
		'j["id"] == 7 and j["run"]["p50_us"] is None' \
		"$tool" show --json 7
	says 'show of a missing template fails with status 1' 1 \
		'no template 6, or it is not yours' \
		"$tool" show 6
	for id in x 0 -1 5x 99999999999999999999999 ''; do
		says "show refuses '$id' as the number of a template" 125 \
			'not the number|unknown' "$tool" show "$id"
	done
	says 'show without a number is refused' 125 \
		'name one template' "$tool" show
}

openmetrics() {
	"$tool" stats --prom > "$tmp/prom"
	"$python" - "$tmp/prom" <<- 'END' > "$tmp/log" 2>&1
	import re, sys
	text = open(sys.argv[1]).read()
	assert text.endswith("\n# EOF\n")
	types, seen, values = {}, set(), {}
	for line in text.splitlines()[:-1]:
	    m = re.fullmatch(r"# (TYPE|UNIT|HELP) ([a-z_]+) (.+)", line)
	    if m:
	        if m[1] == "TYPE":
	            assert m[2] not in types, line
	            types[m[2]] = m[3]
	            family = m[2]
	        continue
	    m = re.fullmatch(r'([a-z_]+)(\{([a-z]+="([^"\\]|\\.)*",?)+\})? '
	                     r'([0-9.]+|\+Inf)', line)
	    assert m, line
	    suffix = {"counter": "_total", "gauge": ""}[types[family]]
	    assert m[1] == family + suffix, line
	    key = m[1] + (m[2] or "")
	    assert key not in seen, line
	    seen.add(key)
	    values[key] = float(m[5])
	p = "spawn_template_"
	assert values[p + "guard_launches_total"] == 500
	assert values[p + "guard_proved"] == 1
	assert values[p + 'live_launches{executable="/usr/bin/git"}'] == 200
	assert values[p + 'live_templates{executable="/usr/bin/git"}'] == 2
	assert values[p + 'live_launch_seconds{executable="/usr/bin/git",'
	              'percent="50"}'] == 16e-6
	END
	result $? 'stats prints OpenMetrics text'
	fake 'items = [dict(id=1, path=b"/a\"b\\c"), dict(id=2, path=b"/x\x01"),
		dict(id=3, path=b"/x\x02")]'
	"$tool" stats --prom > "$tmp/log" &&
		grep -qF 'live_templates{executable="/a\"b\\c"} 1' "$tmp/log" &&
		grep -qF 'live_templates{executable="/x?"} 2' "$tmp/log"
	result $? 'OpenMetrics text escapes names and adds up equal ones'
}

sums() {
	fake "$some"
	says 'stats tells totals and adds up by executable' 0 \
		'launches +500 .*stale +4 .*refused +3 .*denied +2 .*lost +1 .*\
/usr/bin/git +2 +200 +0 +3 +2 +<16us +<256us .*rustc +1 +20' "$tool" stats
	json 'stats --json tells the totals' 'j["launches"] == 500
		and j["events_lost"] == 1
		and [e["executable"] for e in j["executables"]][0]
			== "/usr/bin/git"
		and j["executables"][0]["launch"]["log2_us"][3] == 100' \
		"$tool" stats --json
	says 'stats refuses two forms at a time' 125 \
		'two forms' "$tool" stats --json --prom
	openmetrics
}

states() {
	fake "$some"
	says 'status is 0 if all was proved' 0 \
		'is in force.*9\.8\.7, pid 4321, up \
1m [0-9]+s.*6\.1\.0-x.*LSM programs, loaded.*yes .*yes .*yes .*yes .*pins +all there.*\
5 of 4096; yours 4 of 256.*2 of 2048.*3072 KiB' "$tool" status
	"$tool" status | awk 'length > 80' > "$tmp/log"
	[ ! -s "$tmp/log" ]
	result $? 'status fits 80 columns'
	json 'status --json tells what was proved' 'j["running"]
		and j["in_force"] and j["attached"] == "lsm"
		and j["proved"] == dict(creator=True, identity=True,
			deny_write=True, ordinary=True)
		and j["templates_max"] == 4096 and j["version"] == "9.8.7"' \
		"$tool" status --json
	"$tool" doctor > "$tmp/log"
	grep -q '^  ok  *daemon  *spawn-templated 9.8.7, pid 4321' "$tmp/log" &&
		grep -q '^  ok  *enforcement  *creator, identity, deny' "$tmp/log" &&
		grep -q '^  ok  *pins' "$tmp/log"
	result $? 'doctor finds a daemon in force well'
	fake 'facts = dict(proved=11, attached=2, adopted=1)'
	says 'status is 1 if something was not proved' 1 \
		'not all was proved.*fmod_ret \
programs on the security functions, taken over.*no +no writing' "$tool" status
	json 'status --json tells that something was not proved' \
		'j["running"] and not j["in_force"]
		and not j["proved"]["deny_write"]' "$tool" status --json
	"$tool" doctor > "$tmp/log"
	grep -q '^  missing  *enforcement  *not proved: deny_write' "$tmp/log"
	result $? 'doctor tells that something was not proved'
	fake 'facts = dict(missing=2)'
	says 'status is 1 if pins are missing' 1 'pins +2 missing.*--unload' \
		"$tool" status
	"$tool" doctor > "$tmp/log"
	grep -q '^  missing  *pins  *2 are missing' "$tmp/log"
	result $? 'doctor tells that pins are missing'
	stop_fake
	"$tool" doctor > "$tmp/log"
	grep -q '^  missing  *daemon  *not running' "$tmp/log" &&
		grep -A 3 '^  missing  *daemon' "$tmp/log" |
		grep -q 'remedy: .*sudo spawn-templated'
	result $? 'doctor tells how to start a missing daemon'
}

# ---- top, one table after the other

busy='import time
begin = time.time()
class Items:
    def __iter__(self):
        t = int((time.time() - begin) * 100)
        yield dict(id=1, pid=30, launches=1000 + t, launch={3: 1}, path=b"/bin/busy")
        yield dict(id=2, pid=20, launches=9000, stale=1, launch={9: 1},
                   path=b"/bin/many")
        yield dict(id=3, pid=10, launches=5, stale=7, launch={20: 1},
                   path=b"/bin/slow")
items = Items()'

tops() {
	fake "$busy"
	"$tool" top -b -n 3 -d 0.3 > "$tmp/out" &&
		[ "$(grep -c '^ID ' "$tmp/out")" = 3 ] &&
		[ "$(grep -c 'guard 9.8.7 (lsm)' "$tmp/out")" = 3 ]
	result $? 'top prints one table after the other'
	awk '/bin\/busy/ { print $9 }' "$tmp/out" > "$tmp/log"
	awk 'NR == 1 && $1 != "-" { bad = 1 }
		NR > 1 && ($1 < 50 || $1 > 200) { bad = 1 }
		END { exit bad || NR != 3 }' "$tmp/log"
	result $? 'top shows the rate since the table before'
	"$tool" top --json -n 2 -d 0.2 > "$tmp/lines"
	[ "$(wc -l < "$tmp/lines")" = 2 ]
	result $? 'top --json prints a line for each table'
	json 'top --json has the rates, highest first' '
		j["templates"][0]["id"] == 1
		and 50 < j["templates"][0]["launches_per_s"] < 200
		and j["templates"][1]["launches_per_s"] == 0' \
		tail -n 1 "$tmp/lines"
	says 'top into a file is refused without -b' 125 \
		'not a terminal; -b' "$tool" top
	says 'a delay that is too short is refused' 125 'less than 0.1' \
		"$tool" top -d 0.01
	says 'a delay that is no duration is refused' 125 \
		'not a duration' "$tool" top -d x
	says 'a count of 0 is refused' 125 'not a number' "$tool" top -n 0
	"$tool" top -b -d 0.1 > "$tmp/out" 2> "$tmp/err" &
	pid=$!
	until_true grep -q busy "$tmp/out"
	stop_fake
	wait "$pid"
	[ $? = 125 ] && grep -q 'no guard is running\|closed the connection' "$tmp/err"
	result $? 'top ends with an error when the daemon ends'
	fake "$busy"
	timeout 20 "$tool" top -b -d 0.1 2> "$tmp/log" | head -n 1 > "$tmp/out"
	got=${PIPESTATUS[0]}
	echo "status $got" >> "$tmp/log"
	{ [ "$got" = 125 ] || [ "$got" = 141 ]; } && grep -q guard "$tmp/out"
	result $? 'top ends when nobody reads it'
}

# ---- top on a terminal

# Python that drives a terminal: start(), expect(pattern), send(keys) and more.
cat > "$tmp/terminal.py" << 'END'
import fcntl, os, pty, re, select, signal, struct, sys, termios, time
tool = sys.argv[1]
LEAVE = b"\x1b[?1049l"
seen = b""
pid = fd = first = None

def size(rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

def slave():
    "Open the shell's side of the terminal, which keeps its modes readable."
    n = struct.unpack("i", fcntl.ioctl(fd, 0x80045430, b"\0" * 4))[0] # TIOCGPTN
    return os.open("/dev/pts/%d" % n, os.O_RDWR | os.O_NOCTTY)

def modes():
    return termios.tcgetattr(fd)

def held(slave):
    "Tell whether the output is stopped: there is no room."
    return not select.select([], [slave], [], 0)[1]

def start(*argv, rows=24, columns=100):
    global pid, fd, seen, first
    ready, go = os.pipe()
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.read(ready, 1)
        os.execv(argv[0], argv)
    os.close(ready)
    size(rows, columns)
    first = modes()
    os.write(go, b"x")
    os.close(go)
    seen = b""

def take(wait):
    global seen
    if not select.select([fd], [], [], wait)[0]:
        return True
    try:
        data = os.read(fd, 65536)
    except OSError:
        return False
    seen += data
    return bool(data)

def expect(pattern, forget=True):
    global seen
    end = time.time() + 20
    while True:
        m = re.search(pattern, seen, re.S)
        if m:
            if forget:
                seen = seen[m.end():]
            return m
        if time.time() > end or not take(0.1):
            sys.exit("no %r in %r" % (pattern, seen[-3000:]))

def send(keys):
    os.write(fd, keys)

def frame():
    "Return the lines of the next whole frame, without escapes."
    global seen
    seen = b""
    text = expect(rb"\x1b\[H(.*?)\x1b\[J")[1]
    text = re.sub(rb"\x1b\[[?0-9;]*[A-Za-z]", b"", text).decode()
    return text.replace("\r", "").split("\n")

def ids(lines):
    "Return the ids in the rows of a frame."
    at = [i for i, l in enumerate(lines) if l.lstrip().startswith("ID ")][0]
    return [int(l.split()[0]) for l in lines[at + 1:-1]]

def until(what):
    end = time.time() + 20
    while not what():
        if time.time() > end:
            sys.exit("not in time; last: %r" % seen[-2000:])
        take(0.02)

def finish():
    "Read to the end, and return the wait status."
    while take(20):
        pass
    return os.waitpid(pid, 0)[1]

def check(what, *more):
    if not what:
        sys.exit("wrong: %r %r" % (more, seen[-2000:]))

def left():
    "Check that terminal, screen and cursor are as before."
    check(modes() == first, modes(), first)
    check(seen.rfind(LEAVE) > seen.rfind(b"\x1b[?1049h"), "screen")
    check(seen.rfind(b"\x1b[?25h") > seen.rfind(b"\x1b[?25l"), "cursor")
    check(seen.rfind(b"\x1b[?7h") > seen.rfind(b"\x1b[?7l"), "wrap")
END

on_a_terminal() { # name, program
	{ cat "$tmp/terminal.py" && cat; } > "$tmp/program.py"
	timeout 100 "$python" "$tmp/program.py" "$tool" > "$tmp/log" 2>&1
	result $? "$1"
}

keys() {
	fake "$busy"
	on_a_terminal 'top shows a table, and its keys sort it' <<- 'END'
	start(tool, "top", "-d", "0.2")
	expect(rb"\x1b\[\?1049h")
	until(lambda: ids(frame()) == [1, 2, 3])
	check("by rate" in frame()[-1])
	check(not modes()[3] & (termios.ICANON | termios.ECHO), "modes")
	for key, order in ((b"l", [2, 1, 3]), (b"9", [3, 2, 1]), (b"s", [3, 2, 1]),
	                   (b"p", [3, 2, 1]), (b"i", [1, 2, 3]), (b"r", [1, 2, 3]),
	                   (b"R", [2, 3, 1]), (b"R", [1, 2, 3]), (b"\x1b[A", [1, 2, 3])):
	    send(key)
	    until(lambda: ids(frame()) == order)
	rate = [l for l in frame() if "/bin/busy" in l][0]
	check(re.search(r" [0-9]+\.[0-9] +0 ", rate), rate)
	send(b"q")
	check(finish() == 0)
	END
	on_a_terminal 'space pauses top and lets it go on' <<- 'END'
	start(tool, "top", "-d", "0.1")
	frame()
	send(b" ")
	until(lambda: "paused" in frame()[0])
	seen = b""
	end = time.time() + 0.5
	while time.time() < end:
	    take(0.1)
	check(b"busy" not in seen, "refreshed")
	send(b"l")
	until(lambda: "by launches" in frame()[-1])
	send(b" ")
	until(lambda: "paused" not in frame()[0])
	send(b"q")
	check(finish() == 0)
	END
	on_a_terminal 'top ends after -n refreshes' <<- 'END'
	start(tool, "top", "-d", "0.1", "-n", "3")
	check(finish() == 0)
	END
}

sizes() {
	fake 'items = [dict(id=i + 1, path=b"/a/long/way/to/some/tool%d" % i)
		for i in range(200)]'
	on_a_terminal 'top fits the terminal, also when that changes its size' <<- 'END'
	def fits(rows, columns):
	    lines = frame()
	    return (len(lines) == rows and max(map(len, lines)) <= columns
	            and len(ids(lines)) == rows - 5)
	start(tool, "top", "-d", "0.2", rows=24, columns=100)
	until(lambda: fits(24, 100))
	for rows, columns in (40, 160), (10, 70), (24, 80):
	    size(rows, columns)
	    until(lambda: fits(rows, columns))
	size(3, 20)
	frame()
	send(b"q")
	check(finish() == 0)
	END
}

ends() {
	fake "$busy"
	on_a_terminal 'the terminal is put back when top ends by a key' <<- 'END'
	for keys in b"q", b"\x04":
	    start(tool, "top", "-d", "0.2")
	    frame()
	    hold = slave()
	    send(keys)
	    until(lambda: LEAVE in seen)
	    check(os.waitpid(pid, 0)[1] == 0)
	    left()
	    os.close(hold)
	    os.close(fd)
	END
	on_a_terminal 'the terminal is put back by any signal that top dies of' <<- 'END'
	import resource
	resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
	asan = "asan" in tool
	for name in ("HUP INT QUIT TERM USR1 USR2 ALRM SEGV BUS ABRT FPE ILL XCPU XFSZ "
	             "PIPE SYS TRAP VTALRM PROF").split():
	    sig = getattr(signal, "SIG" + name)
	    start(tool, "top", "-d", "0.2")
	    frame()
	    hold = slave()
	    os.kill(pid, sig)
	    until(lambda: LEAVE in seen)
	    status = os.waitpid(pid, 0)[1]
	    check(asan or os.WIFSIGNALED(status) and os.WTERMSIG(status) == sig,
	          name, status)
	    left()
	    os.close(hold)
	    os.close(fd)
	END
	on_a_terminal 'the terminal is put back while Ctrl-S holds the output' <<- 'END'
	for sig in signal.SIGTERM, signal.SIGSEGV, None:
	    start(tool, "top", "-d", "0.1")
	    frame()
	    hold = slave()
	    send(b"\x13")
	    until(lambda: held(hold))
	    time.sleep(0.3) # it draws, and waits
	    if sig:
	        os.kill(pid, sig)
	    else:
	        send(b"lq")
	    until(lambda: LEAVE in seen)
	    status = os.waitpid(pid, 0)[1]
	    check("asan" in tool or status & 0x7f == (sig or 0), status)
	    left()
	    os.close(hold)
	    os.close(fd)
	END
	on_a_terminal 'the terminal is put back while nobody reads it' <<- 'END'
	for sig in signal.SIGTERM, signal.SIGABRT:
	    start(tool, "top", "-d", "0.1", rows=200, columns=300)
	    hold = slave()
	    end = time.time() + 20
	    while not held(hold):
	        check(time.time() < end, "there is room")
	        send(b"lr") # each is a frame
	        time.sleep(0.01)
	    time.sleep(0.3)
	    os.kill(pid, sig)
	    end = time.time() + 10
	    while os.waitpid(pid, os.WNOHANG)[0] == 0:
	        check(time.time() < end, "still there")
	        time.sleep(0.05)
	    until(lambda: LEAVE in seen)
	    left()
	    os.close(hold)
	    os.close(fd)
	END
	fake 'items = [dict(id=1)]
odd = lambda type, seq: "hang" if type == 4 and seq > 5 else None'
	on_a_terminal 'the terminal is put back while the daemon does not answer' <<- 'END'
	start(tool, "top", "-d", "0.1")
	frame()
	hold = slave()
	time.sleep(0.5)
	begin = time.time()
	send(b"\x03")
	until(lambda: LEAVE in seen)
	check(os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGINT)
	check(time.time() - begin < 4, "waited")
	left()
	END
	fake "$busy"
	on_a_terminal 'top ends when the terminal goes away' <<- 'END'
	start(tool, "top", "-d", "0.1")
	frame()
	os.close(fd)
	end = time.time() + 10
	while os.waitpid(pid, os.WNOHANG)[0] == 0:
	    check(time.time() < end, "still there")
	    time.sleep(0.05)
	END
}

stops() {
	fake "$busy"
	on_a_terminal 'Ctrl-Z stops top with the terminal put back, and fg goes on' <<- 'END'
	os.environ.update(PS1="", TERM="xterm", HISTFILE="")
	start("/bin/bash", "--norc", "--noprofile", "+o", "emacs", "-i")
	send(b"stty -echo; echo rea''dy\n")
	expect(rb"ready")
	shell = modes()
	send(b"'" + tool.encode() + b"' top -d 0.2\n")
	for i in range(3):
	    expect(rb"\x1b\[\?1049h")
	    frame()
	    send(b"\x1a")
	    expect(re.escape(LEAVE) + rb".*Stopped")
	    until(lambda: modes() == shell)
	    send(b"fg\n")
	expect(rb"\x1b\[\?1049h")
	frame()
	check(not modes()[3] & termios.ICANON)
	# in the background top stops before it writes
	send(b"\x1a")
	expect(rb"Stopped")
	send(b"bg; sleep 0.5; echo en''d\n")
	expect(rb"end")
	check(b"\x1b[H" not in seen)
	send(b"fg\n")
	frame()
	# signals of others stop and continue top
	children = open("/proc/%d/task/%d/children" % (pid, pid)).read().split()
	os.kill(int(children[0]), signal.SIGCONT)
	frame()
	os.kill(int(children[0]), signal.SIGSTOP)
	expect(rb"Stopped")
	send(b"fg\n")
	frame()
	send(b"q")
	expect(re.escape(LEAVE))
	send(b"echo st-$?\n")
	expect(rb"st-0")
	until(lambda: modes() == shell)
	send(b"exit\n")
	END
	disown "$fake_pid" # bash prints no message when it ends
	on_a_terminal 'top waits for a daemon that went, and goes on with a new one' <<- END
	start(tool, "top", "-d", "0.1")
	check("/bin/busy" in "".join(frame()))
	os.kill($fake_pid, signal.SIGKILL)
	until(lambda: "no guard is running" in frame()[2])
	check("/bin/busy" in "".join(frame()))
	os.unlink("$SPAWN_TEMPLATE_GUARD")
	import subprocess
	daemon = subprocess.Popen([sys.executable, "$tmp/fake.py",
	    "$SPAWN_TEMPLATE_GUARD", "items = [dict(id=9, path=b'/bin/new')]"])
	until(lambda: "/bin/new" in "".join(frame()))
	check(frame()[2] == "")
	send(b"q")
	check(finish() == 0)
	daemon.kill()
	END
	fake_pid=
}

# ---- the real daemon, with maps in memory

real() {
	local daemon=$O/tests/fake-templated register=$O/tests/tools/guard_register
	local names=('list shows the templates that were registered'
		'list shows that a template became stale'
		'list shows no template of a client that ended'
		'list hides the templates of other users'
		'status understands the real daemon'
		'doctor finds the real daemon well') name

	stop_fake
	if [ ! -x "$daemon" ]; then
		for name in "${names[@]}"; do
			skip "$name" "$daemon is not built"
		done
		return
	fi
	rm -f "$SPAWN_TEMPLATE_GUARD"
	"$daemon" --socket "$SPAWN_TEMPLATE_GUARD" > "$tmp/daemon.log" 2>&1 &
	pids+=($!)
	until_true "$tool" status > /dev/null
	cp /bin/true "$tmp/one"
	cp /bin/true "$tmp/two"
	mkfifo "$tmp/hold"
	"$register" "$SPAWN_TEMPLATE_GUARD" "$tmp/one" -w "$tmp/two" \
		< "$tmp/hold" > "$tmp/ids" &
	exec 5> "$tmp/hold"
	until_true test -s "$tmp/ids"
	json "${names[0]}" '[t["executable"] for t in j] == ["'"$tmp/one"'",
		"'"$tmp/two"'"] and j[0]["command"] == "guard_register"
		and j[0]["pid"] == '$!' and j[0]["state"] == "fresh"
		and j[0]["ino"] == __import__("os").stat("'"$tmp/one"'").st_ino
		and not j[0]["deny_write"] and j[1]["deny_write"]
		and j[0]["id"] == '"$(sed 's/ .*//;q' "$tmp/ids")" \
		"$tool" list --json
	chmod 700 "$tmp/one"
	until_true sh -c '"$0" list | grep -q "one .* stale  *attributes"' "$tool"
	result $? "${names[1]}"
	says "${names[4]}" 0 'in force.*templates +2 of 4096' "$tool" status
	"$tool" doctor > "$tmp/log"
	grep -q '^  ok  *daemon  *spawn-templated ' "$tmp/log"
	result $? "${names[5]}"
	as_others "${names[3]}"
	exec 5>&-
	until_true sh -c '[ "$("$0" list --json)" = "[]" ]' "$tool"
	result $? "${names[2]}"
}

as_others() { # name
	if [ "$(id -u)" != 0 ]; then
		skip "$1" 'this is not root'
		return
	fi
	chmod 666 "$SPAWN_TEMPLATE_GUARD"
	cp "$tool" "$tmp/spawn-template"
	json "$1" 'j == []' setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$tmp/spawn-template" list --json
}

chmod 755 "$tmp"
absent
permission
strange
lists
hostile
percentiles
shows
sums
states
tops
keys
sizes
ends
stops
real

echo "1..$n"
exit "$failed"
