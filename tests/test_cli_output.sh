#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The output of captured runs: first and last bytes, files for all of it, the order of
# both streams, a terminal, and the end of a program that writes nothing.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh

# Keeps the JSON, the messages and the exit status of a captured run.
capture() {
	"$tool" run --capture "$@" > "$tmp/json" 2> "$tmp/json.err"
	echo $? > "$tmp/status"
}

# Checks a Python expression about that: j is the JSON.
json() { # name expression
	"$python" - "$tmp/json" > "$tmp/log" 2>&1 <<- END
	import base64, json, sys
	j = json.load(open(sys.argv[1]))
	if not ($2):
	    print(j)
	    sys.exit(1)
	END
	result $? "$1"
}

tails() {
	capture --max-output 10 --tail 4 -- seq 1000
	json '--tail keeps the first and the last bytes, and tells the gap' '
		j["out"] == "1\n2\n3\n000\n" and j["out_gap"] == 6
		and j["out_len"] == 10 and j["out_truncated"]
		and j["out_total"] == 3893 and "err_gap" not in j'
	capture --max-output 10 --tail 5 -- printf 'abcdéééééééééz'
	json 'a gap inside of characters does not make text base64' '
		j["out"] == "abcd\u00e9\u00e9z" and j["out_gap"] == 4
		and j["out_len"] == 9'
	capture --max-output 10 --tail 10 -- seq 1000
	json 'a tail may be all that is kept' \
		'j["out"] == "98\n999\n1000\n"[-10:] and j["out_gap"] == 0'
	capture --max-output 4 --tail 2 -- printf '\377\376ab\375\374'
	json 'bytes with a gap are base64' '
		base64.b64decode(j["out_base64"]) == b"\xff\xfe\xfd\xfc"
		and j["out_gap"] == 2'
	capture --tail 1K -- echo short
	json 'output that fits has no gap' \
		'j["out"] == "short\n" and "out_gap" not in j'
}

spills() {
	mkdir "$tmp/dir"
	capture --max-output 1K --spill "$tmp/dir" -- \
		sh -c 'seq 100000; echo short >&2'
	seq 100000 | cmp - "$tmp/dir/out" > "$tmp/log" 2>&1 &&
		[ ! -e "$tmp/dir/err" ]
	result $? '--spill writes output that is not kept to a file, all of it'
	json 'the result tells of files' \
		'j["spilled"] and len(j["out"]) == 1024 and j["err"] == "short\n"'
	capture --max-output 1K --spill "$tmp/dir" -- seq 100000
	json 'a file that is there is not written' 'not j["spilled"]'
	fails 'a directory that is not there is refused: 125' 125 \
		'--spill .*no: No such file' \
		"$tool" run --capture --spill "$tmp/no" -- true
}

terminals() {
	capture --pty=100x30 -- sh -c 'test -t 0 && test -t 1 && test -t 2 && stty size' \
		< /dev/null
	json '--pty gives a terminal of the size asked for' 'j["out"] == "30 100\r\n"'
	seq 20000 | capture --pty -- sh -c 'stty -echo; stty size; cat | wc -l'
	json 'the input of run reaches a program with a terminal' \
		'j["out"].endswith("24 80\r\n20000\r\n")'
	echo word | capture --pty -- cat
	json 'the end of the input ends that of the terminal' \
		'j["out"].count("word\r\n") == 2 and j["code"] == 0'
	capture --pty -- sh -c 'trap "exit 7" HUP; exec 0<&1; echo x'
	json 'the end of the program ends the run' 'j["code"] == 0 and "x" in j["out"]'
	fails 'a size that is none is refused: 125' 125 'COLUMNSxROWS' \
		"$tool" run --capture --pty=24 -- true
}

others() {
	capture --merge-stderr -- sh -c 'echo o; echo e >&2; echo o'
	json '--merge-stderr keeps the order of both streams' \
		'j["out"] == "o\ne\no\n" and j["err"] == ""'
	capture --idle-timeout 300ms -- sh -c 'echo x; sleep 300'
	json '--idle-timeout ends a program that writes nothing' \
		'j["idle"] and j["timed_out"] and j["out"] == "x\n"'
	[ "$(cat "$tmp/status")" = 124 ]
	result $? 'the status is that of a timeout: 124'
	for option in --pty --merge-stderr --tail=5 --spill=/ --idle-timeout=1; do
		"$tool" run "$option" -- true 2>> "$tmp/err2"
		[ $? = 125 ] || echo "$option" >> "$tmp/log"
	done
	[ ! -s "$tmp/log" ] && [ "$(grep -c 'need --capture' "$tmp/err2")" = 5 ]
	result $? 'options of captured output need --capture'
	fails 'a tail longer than the output is refused: 125' 125 'more than' \
		"$tool" run --max-output 1K --tail 2K -- true
}

tails
spills
terminals
others

echo "1..$n"
exit "$failed"
