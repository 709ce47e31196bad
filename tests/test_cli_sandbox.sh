#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Sandboxes of the command: run --ro, --rw and --no-net, with and without --capture,
# "sandbox" in the lines of batch, and what doctor tells of them.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh

# Linux 6.2 has version 3, without which the paths do not hold.
version=$("$python" -c '
import ctypes
print(ctypes.CDLL(None).syscall(444, None, 0, 1))')

files() {
	local dir=$tmp/here write

	mkdir -p "$dir/sub"
	# shellcheck disable=SC2016 # $1 and $2 are the shell's below
	write='echo x > "$1" || exit 7; echo y > "$2" && exit 8
		cat "$1"; echo z > /dev/null'
	is 'a program writes below --rw only' 'x[0]' run --ro / --rw "$dir" -- \
		sh -c "$write" sh "$dir/f" "$tmp/no"
	is 'paths count from --cwd' 'x[0]' run --cwd "$dir" --ro / --rw sub -- \
		sh -c "$write" sh sub/f ../no
	[ ! -e "$tmp/no" ] && [ ! -e "$dir/no" ]
	result $? 'nothing is written elsewhere'
	fails 'a program that no path leads to is not launched: 126' 126 \
		'add --ro /$' run --rw "$dir" -- true
	fails 'a path that is not there is named: 125' 125 \
		"$tmp/missing: No such file" run --ro / --rw "$tmp/missing" -- true
	run --capture --ro / --rw "$dir" -- sh -c "$write" sh "$dir/f" \
		"$tmp/no" > "$tmp/out" 2> "$tmp/err"
	json_lines 'a captured program is in its sandbox' '
		a[0]["code"] == 0 and a[0]["out"] == "x\n"
		and "Permission denied" in a[0]["err"]'
}

lines() {
	printf '%s\n' > "$tmp/in" \
		'{"id":"held","argv":["sh","-c","echo x > f; cat f; echo y > ../no"],
		"cwd":"HERE","sandbox":{"ro":["/"],"rw":["."],"net":false}}' \
		'{"id":"free","argv":["sh","-c","echo y > ../yes"],"cwd":"HERE"}' \
		'{"id":"empty","argv":["true"],"sandbox":{"ro":[]}}' \
		'{"id":"missing","argv":["true"],"sandbox":{"ro":["/","HERE/no"]}}'
	# a line for each request
	sed -e ':a' -e 'N' -e '$!ba' -e 's/,\n\t*/,/g' -e "s:HERE:$tmp/here:g" \
		"$tmp/in" | "$tool" batch > "$tmp/out" 2> "$tmp/err"
	json_lines 'a line of batch has a sandbox of its own' '
		{x["id"]: x for x in a}["held"]["out"] == "x\n"
		and {x["id"]: x for x in a}["held"]["code"] == 2
		and {x["id"]: x for x in a}["free"]["code"] == 0'
	[ ! -e "$tmp/no" ] && [ -e "$tmp/yes" ]
	result $? 'a line without one is free'
	json_lines 'a line whose sandbox cannot be is answered' '
		{x["id"]: x for x in a}["empty"]["error"]["name"] == "EACCES"
		and "--ro" in {x["id"]: x for x in a}["empty"]["error"]["remedy"]
		and "HERE/no: No such file".replace("HERE", "'"$tmp/here"'")
			in {x["id"]: x for x in a}["missing"]["error"]["message"]'
}

network() {
	local try='import socket
for family in (socket.AF_INET, socket.AF_NETLINK, socket.AF_UNIX):
    try:
        socket.socket(family, socket.SOCK_DGRAM)
        print("yes")
    except PermissionError:
        print("no")'

	is 'without a network there are Unix sockets only' "$(printf 'no\nno\nyes')[0]" \
		run --no-net -- "$python" -c "$try"
	is 'with --ro alone there is a network' "$(printf 'yes\nyes\nyes')[0]" \
		run --sandbox-best-effort --ro / -- "$python" -c "$try"
	is 'the program is under a filter, this tool is not' '2[0]' \
		run --no-net -- awk '/^Seccomp:/ { printf "%s", $2 }' /proc/self/status
}

# Prints who can be reached: a port to connect to, and one to bind.
reach='import os, socket, sys
def can(what):
    try:
        what()
        return "yes"
    except PermissionError:
        return "no"
server = socket.socket()
print(can(lambda: server.bind(("127.0.0.1", int(sys.argv[1])))), end=" ")
def connect():
    try:
        socket.socket().connect(("127.0.0.1", int(sys.argv[2])))
    except ConnectionRefusedError:
        pass
print(can(connect), can(lambda: os.kill(int(sys.argv[3]), 0)))'

ports() {
	is 'programs reach the ports of --tcp-connect and --tcp-bind only' 'yes yes yes[0]' \
		run --tcp-connect 7 --tcp-connect 9 --tcp-bind 0 -- \
		"$python" -c "$reach" 0 9 $$
	is 'no other port is reached' 'no no yes[0]' run --tcp-connect 7 --tcp-bind 7 -- \
		"$python" -c "$reach" 0 9 $$
	echo '{"argv":["'"$python"'","-c","import sys; exec(sys.stdin.read())","0","9","'$$'"],
		"sandbox":{"connect":[9],"bind":[]},"input":' | tr -d '\n' > "$tmp/in"
	printf %s "$reach" | "$python" -c 'import json, sys
print(json.dumps(sys.stdin.read()) + "}")' >> "$tmp/in"
	"$tool" batch < "$tmp/in" > "$tmp/out"
	json_lines 'a line of batch has ports of its own' 'a[0]["out"] == "no yes yes\n"'
}

scopes() {
	is 'with --no-signals none reaches processes outside' 'no no no[0]' \
		run --no-signals --tcp-connect 7 --tcp-bind 7 -- \
		"$python" -c "$reach" 0 9 $$
	echo '{"argv":["sh","-c","kill -0 $0","'$$'"],"sandbox":{"signals":false}}' |
		"$tool" batch > "$tmp/out"
	json_lines 'nor do those of a line of batch' '
		a[0]["code"] != 0 and "not permitted" in a[0]["err"]'
	"$python" -c '
import socket, subprocess, sys
s = socket.socket(socket.AF_UNIX)
s.bind("\0spawn-template-test-%s" % sys.argv[2])
s.listen()
code = "import socket; socket.socket(socket.AF_UNIX).connect(%r)" % s.getsockname().decode()
for option, want in ([], 0), (["--no-abstract"], 1):
    got = subprocess.run([sys.argv[1], "run", "--no-signals", *option, "--", sys.executable,
                          "-c", code], stderr=subprocess.DEVNULL).returncode
    if got != want:
        sys.exit("%s: %d" % (option, got))' "$tool" $$ > "$tmp/log" 2>&1
	result $? 'with --no-abstract no abstract socket outside is reached'
}

devices() {
	is 'with --no-devices there is no /dev/null' 'no[0]' \
		run --no-devices --ro /usr --ro /lib --ro /lib64 --ro /bin -- \
		sh -c 'if (: > /dev/null) 2>&-; then echo yes; else echo no; fi'
}

bad() {
	local value

	fails 'a best effort at nothing is refused: 125' 125 'needs --ro' \
		run --sandbox-best-effort -- true
	for value in 1 '[]' '{"r":1}' '{"ro":"/"}' '{"ro":[1]}' '{"rw":[""]}' \
		'{"net":0}' '{"net":false,"best_effort":1}' '{"connect":80}' \
		'{"connect":[65536]}' '{"bind":["80"]}' '{"signals":1}' \
		'{"devices":false}' '{"best_effort":true}'; do
		echo '{"argv":["true"],"sandbox":'"$value"'}'
	done | "$tool" batch > "$tmp/out"
	json_lines 'a malformed sandbox is refused' '
		len(a) == 14 and all(x["error"]["name"] == "EINVAL"
			and "\"sandbox\"" in x["error"]["message"] for x in a)'
	echo '{"argv":["true"],"sandbox":{"net":false,"bind":[80]}}' |
		"$tool" batch > "$tmp/out"
	json_lines 'a line with ports and without a network is refused' \
		'"no TCP ports" in a[0]["error"]["message"]'
	fails 'a port that is none is refused: 125' 125 'not a port' \
		run --tcp-bind 65536 -- true
	fails 'ports without a network are refused: 125' 125 'no TCP ports' \
		run --no-net --tcp-bind 80 -- true
}

doctor() {
	"$tool" doctor --json | "$python" -c 'import json, sys
print(json.dumps({x["id"]: x for x in json.load(sys.stdin)["features"]}))' \
		> "$tmp/out"
	json_lines 'doctor tells the version of Landlock' '
		a[0]["landlock"]["detail"].split(";")[0] == "version '"$version"'"
			if '"$version"' > 0
			else a[0]["landlock"]["status"] != "ok"'
	json_lines 'doctor tells what is lost' '
		("ioctls" in a[0]["landlock"]["detail"]) == (0 < '"$version"' < 5)
		and ("by path" in a[0]["landlock"]["detail"])
			== (0 < '"$version"' < 9)'
}

if [ "$version" -ge 3 ]; then
	files
	lines
else
	skip 'a program writes below --rw only' 'Landlock is not there, or too old'
fi
if [ "$version" -ge 4 ]; then
	ports
else
	skip 'programs reach the ports of --tcp-connect and --tcp-bind only' \
		'Landlock is not there, or too old'
fi
if [ "$version" -ge 6 ]; then
	scopes
	devices
else
	skip 'with --no-signals none reaches processes outside' \
		'Landlock is not there, or too old'
fi
network
bad
doctor

echo "1..$n"
exit "$failed"
