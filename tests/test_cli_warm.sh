#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Prepared launches by the command: what 'warm' tells of programs, and that each way of
# launching gives the same result.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh
tools=${tool%/*}/tests/tools

if [ "$(uname -m)" != x86_64 ]; then
	echo 1..1
	skip 'launches are prepared' 'this is not an x86-64 machine'
	[ "$failed" = 0 ] || exit 1
	exit 77
fi

# Checks a Python expression about a file of JSON, which is j.
json() { # name file expression
	"$python" - "$2" > "$tmp/log" 2>&1 <<- END
	import json, sys
	j = json.load(open(sys.argv[1]))
	if not ($3):
	    print(json.dumps(j, indent=1))
	    sys.exit(1)
	END
	result $? "$1"
}

# shellcheck disable=SC2317 # it is called by cannot()
# Runs a command under a seccomp filter that refuses these system calls by EPERM.
refused() { # numbers, "--", command...
	"$python" -c '
import ctypes, os, struct, sys
cut = sys.argv.index("--")
numbers, command = [int(x) for x in sys.argv[1:cut]], sys.argv[cut + 1:]
code = struct.pack("HBBI", 0x20, 0, 0, 0)
for i, number in enumerate(numbers):
    code += struct.pack("HBBI", 0x15, len(numbers) - i, 0, number)
code += struct.pack("HBBI", 0x06, 0, 0, 0x7fff0000)
code += struct.pack("HBBI", 0x06, 0, 0, 0x00050001)
text = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(text))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program):
    sys.exit(99)
os.execv(command[0], command)' "$@"
}
ptrace=101

# Tells whether this machine allows to prepare launches at all.
allowed() {
	"$tool" warm --rounds 1 true > /dev/null 2> "$tmp/why"
}

# ---- warm

measured() {
	"$tool" warm --rounds 5 --json true dash > "$tmp/json" 2> "$tmp/log"
	result $? 'warm ends with status 0 if all programs can be prepared'
	json 'warm measures each way, and tells why launches were cold' \
		"$tmp/json" '
		[x["name"] for x in j] == ["true", "dash"]
		and all(x["prepared"] and x["reason"] is None
			and x["rounds"] == 5 and x["ended_by_itself"]
			and x["command"][1:] == ["--version"]
			and x["cold"]["to_exit"]["p50_ns"] > 0 for x in j)
		and all(w["prepared"] and w["warm"] >= 1
			and w["warm"] + w["cold"] == 7
			and w["cold"] == sum(w["cold_reasons"].values())
			and w["cold_reasons"]["first"] == 1
			and 0 < w["blocked"]["p50_ns"] < w["to_exit"]["p50_ns"]
			and w["to_exit"]["ratio_interval"][0]
			<= w["to_exit"]["ratio_to_cold"]
			<= w["to_exit"]["ratio_interval"][1]
			for x in j for w in (x["once"], x["fork"]))'
	json 'warm tells the memory of the processes that wait' "$tmp/json" '
		all(0 < w["private_bytes"] <= w["pss_bytes"] < 4 << 20
			and 1 <= w["processes"] <= 2
			for x in j for w in (x["once"], x["fork"]))'
	"$tool" warm --rounds 3 true > "$tmp/out" 2> "$tmp/log" &&
		[ ! -s "$tmp/log" ] && awk '
			$2 == "cold" && $1 == "true" { cold = 1 }
			$1 == "once" && $3 ~ /^[0-9.]+$/ { once = 1 }
			$1 == "fork" && $NF == "KiB" { forked = 1 }
			END { exit !(cold && once && forked) }' "$tmp/out"
	result $? 'warm prints a row for each way, and no progress to a file'
	TERM=xterm script -qec "'$tool' warm --rounds 20 true" /dev/null \
		< /dev/null > "$tmp/tty"
	grep -q '\[#* *\].* % *true' "$tmp/tty"
	result $? 'warm shows its progress on a terminal'
}

arguments() {
	# shellcheck disable=SC2016 # for the other shell
	"$tool" warm --rounds 1 --json --arg -c --arg 'exit 7' dash \
		> "$tmp/json" 2> "$tmp/log"
	json 'warm launches with the arguments that are given' "$tmp/json" '
		j[0]["command"] == ["dash", "-c", "exit 7"]
		and j[0]["exit_code"] == 7'
	"$tool" warm --rounds 1 --json --no-args true > "$tmp/json" 2> "$tmp/log"
	json 'warm launches without arguments' "$tmp/json" \
		'j[0]["command"] == ["true"] and j[0]["exit_code"] == 0'
	"$tool" warm --json --arg 60 sleep > "$tmp/json" 2> "$tmp/log"
	[ $? = 1 ]
	result $? 'a program that does not end has warm exit with status 1'
	json 'warm kills a program that does not end, and says so' "$tmp/json" '
		not j[0]["prepared"] and j[0]["reason"] == "slow"
		and not j[0]["ended_by_itself"] and "--arg" in j[0]["remedy"]
		and j[0]["signal"] == "SIGKILL"'
	"$tool" warm 2> "$tmp/log"
	[ $? = 125 ] && grep -q 'name at least one program' "$tmp/log"
	result $? 'warm without a program is refused: 125'
	"$tool" warm --rounds 0 true 2> "$tmp/log"
	[ $? = 125 ]
	result $? 'no rounds are refused: 125'
}

# ---- programs that cannot be prepared

cannot() { # name, reason, word of the message, command...
	"${@:4}" > "$tmp/json" 2> "$tmp/err"
	json "$1" "$tmp/json" "$? == 1"' and not j[0]["prepared"]
		and j[0]["reason"] == "'"$2"'"
		and "'"$3"'" in (j[0]["message"] + str(j[0]["remedy"]))
		and all(not w["prepared"] and w["warm"] == 0
			for w in (j[0]["once"], j[0]["fork"], j[0]["session"]) if w)'
}

reasons() {
	local warm=("$tool" warm --json)

	printf '#!/bin/sh\nexit 0\n' > "$tmp/script"
	cp "$(type -P true)" "$tmp/other"
	chmod 755 "$tmp" "$tmp/script" "$tmp/other"
	cannot 'warm tells why it cannot prepare a script' script /bin/sh \
		"${warm[@]}" "$tmp/script"
	cannot 'warm tells why it cannot prepare a static program' \
		static linker \
		"${warm[@]}" --no-args "$tools/probe-static"
	if [ -x "$tools/probe-musl" ]; then
		cannot 'warm tells why it cannot prepare a program for musl' \
			linker glibc \
			"${warm[@]}" --no-args "$tools/probe-musl"
	else
		skip 'warm tells why it cannot prepare a program for musl' \
			'musl is not installed'
	fi
	cannot 'warm tells of a variable of the dynamic linker' \
		environment LD_ \
		env LD_LIBRARY_PATH=/nonexistent "${warm[@]}" true
	if [ "$(id -u)" = 0 ] && chown 65534 "$tmp/other"; then
		chmod 4755 "$tmp/other"
		cannot 'warm tells why it cannot prepare a set-id program' \
			secure set-id "${warm[@]}" "$tmp/other"
	else
		skip 'warm tells why it cannot prepare a set-id program' \
			'this is not root'
	fi
	"$tool" warm "$tmp/script" > "$tmp/out" 2> "$tmp/log"
	[ $? = 1 ] && grep -q 'cannot be prepared: it is a script' "$tmp/log" &&
		grep -q 'remedy: launch its interpreter' "$tmp/log" &&
		grep -q "script *cold only" "$tmp/out"
	result $? 'warm says the reason and the remedy to people'
	cannot 'warm tells of a sandbox without ptrace' machine ptrace \
		refused $ptrace -- "${warm[@]}" true
}

profiles() {
	echo 'f() { echo "$1"; }; for i in $(seq 300); do eval "g$i() { :; }"; done' \
		> "$tmp/profile"
	"$tool" warm --rounds 3 --json --profile "$tmp/profile" --arg -c \
		--arg 'f a >/dev/null || exit 5' bash dash > "$tmp/json" 2> "$tmp/log"
	json 'warm measures session shells' "$tmp/json" '
		all(x["prepared"] and x["once"] is None and x["fork"] is None
			and x["python"] is None and x["exit_code"] == 0
			and x["session"]["warm"] >= 1
			and x["session"]["pss_bytes"] > 0
			and x["session"]["to_exit"]["ratio_to_cold"] > 0
			and x["command"][1:] == ["-c", "f a >/dev/null || exit 5"]
			for x in j)'
	(cd "$tmp" && "$tool" warm --rounds 1 --profile profile bash) \
		> "$tmp/out" 2> "$tmp/log" && grep -q '^ *session' "$tmp/out"
	result $? 'a profile may be named by a relative path'
	echo 'echo printed' > "$tmp/prints"
	cannot 'warm tells that a profile that prints cannot be prepared' \
		profile prints "$tool" warm --json --profile "$tmp/prints" bash
	"$tool" warm --profile "$tmp/profile" --arg x bash 2> "$tmp/log"
	[ $? = 125 ] && grep -q -e '--arg -c --arg COMMAND' "$tmp/log"
	result $? 'a profile without a command is refused: 125'
	[ "$("$tool" run --profile "$tmp/profile" -- bash -c 'f sourced')" = sourced ]
	result $? 'run has a shell read a profile before the command'
	"$tool" run --warm --profile "$tmp/profile" -- bash -c : 2> "$tmp/log"
	[ $? = 125 ] && grep -q 'excludes --warm' "$tmp/log"
	result $? 'run with a profile and another way is refused: 125'
}

failures() {
	"$tool" warm --rounds 1 --json true nosuchcommand > "$tmp/json" \
		2> "$tmp/log"
	[ $? = 127 ] && grep -q 'not found' "$tmp/log"
	result $? 'warm of a missing program is refused: 127'
	json 'warm measures the others, and tells the error' "$tmp/json" '
		j[0]["name"] == "true" and j[1]["error"]["name"] == "ENOENT"'
	: > "$tmp/empty"
	"$tool" warm "$tmp/empty" > /dev/null 2> "$tmp/log"
	[ $? = 126 ]
	result $? 'warm of a file that cannot be launched is refused: 126'
}

# ---- run, batch and bench: the same result whichever way a program is launched

run_once() {
	"$tool" run --warm --json -- sh -c 'exit 7' 2> "$tmp/json"
	json 'run --warm tells that nothing keeps such a launch cold' \
		"$tmp/json" "$? == 7"' and not j["launch"]["warm"]
		and j["launch"]["cold_reason"] == "first"'
	"$tool" run --warm=once --inherit-fds --capture -- echo a > "$tmp/json"
	json 'run --warm tells what keeps such a launch cold' "$tmp/json" '
		j["launch"]["cold_reason"] == "flags" and j["out"] == "a\n"
		and not j["warm"]'
	"$tool" run --json -- true 2> "$tmp/json"
	json 'run without --warm tells nothing of it' "$tmp/json" \
		'"cold_reason" not in j["launch"]'
	for command in 'run --warm=x true' 'batch --warm=x' 'bench --warm=x'; do
		# shellcheck disable=SC2086 # a list of words
		"$tool" $command < /dev/null > "$tmp/out" 2> "$tmp/err"
		[ $? = 125 ] && grep -q 'neither once, fork nor python' "$tmp/err" ||
			echo "$command" >> "$tmp/log"
	done
	[ ! -s "$tmp/log" ]
	result $? 'another word for a way is refused: 125'
}

# Feeds batch with lines that wait for each other, so that processes can be prepared.
# Prints the answers without what differs from launch to launch.
slow_lines() { # options of batch; the ways are read from standard input
	"$python" -c '
import json, subprocess, sys, time
ways = [json.loads(line) for line in sys.stdin]
p = subprocess.Popen(sys.argv[1:], stdin=-1, stdout=-1, text=True, bufsize=1)
answers = []
for way in ways:
    line = {"argv": ["sh", "-c", "echo $A; cat; pwd; umask; echo e >&2; exit 3"],
            "setenv": {"A": "b"}, "input": "given", "cwd": "/usr",
            **({} if way is None else {"warm": way})}
    for i in range(8):
        print(json.dumps(line), file=p.stdin, flush=True)
        answers.append(json.loads(p.stdout.readline()))
        time.sleep(0.05)
p.stdin.close()
json.dump([answers, p.wait()], sys.stdout)' "$tool" batch -j 1 "$@"
}

batches() {
	printf '%s\n' false true '"once"' '"fork"' | slow_lines > "$tmp/json"
	json 'batch gives the same answers by all ways' "$tmp/json" '
		j[1] == 0 and len({json.dumps([a[k] for k in ("code", "signal",
			"out", "err", "timed_out", "pipe_held")])
			for a in j[0]}) == 1 and j[0][0]["code"] == 3
		and j[0][0]["out"] == "b\ngiven/usr\n0022\n"
		and not any(a["warm"] for a in j[0][:8])'
	json 'batch launches later lines from prepared processes' "$tmp/json" '
		[any(a["warm"] for a in j[0][i:i + 8]) for i in (8, 16, 24)]
		== [True, True, True]'
	printf '%s\n' null false | slow_lines --warm > "$tmp/json"
	json 'a line without a way is launched as the option says' \
		"$tmp/json" 'j[1] == 0 and {a["code"] for a in j[0]} == {3}
		and any(a["warm"] for a in j[0][:8])
		and not any(a["warm"] for a in j[0][8:])'
	echo '{"argv": ["true"], "warm": 7}' | "$tool" batch > "$tmp/json"
	json 'batch refuses another value of warm' "$tmp/json" \
		'"\"warm\" is neither" in j["error"]["message"]'
}

# ---- Pythons

# Feeds batch with lines for a Python that wait for each other, and have what the argument
# adds; prints the answers.
python_lines() { # JSON [OPTION ...]
	"$python" -c '
import json, subprocess, sys, time
p = subprocess.Popen(sys.argv[2:], stdin=-1, stdout=-1, text=True, bufsize=1)
answers = []
for i in range(30):
    line = {"argv": ["/usr/bin/python3", "-c",
                     "import sys; print(\"_json\" in sys.modules, sys.argv[1:])", "a"],
            **json.loads(sys.argv[1])}
    print(json.dumps(line), file=p.stdin, flush=True)
    answers.append(json.loads(p.stdout.readline()))
    if answers[-1].get("warm") or "error" in answers[-1]:
        break
    time.sleep(0.2)
p.stdin.close()
json.dump([answers, p.wait()], sys.stdout)' "$1" "$tool" batch -j 1 "${@:2}"
}

# Modules that cannot be imported ahead: the message names the module and the reason.
bad_modules() {
	local module text

	mkdir -p "$tmp/modules"
	echo 'import threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()' \
		> "$tmp/modules/threads.py"
	echo 'f = open("/dev/null")' > "$tmp/modules/opens.py"
	echo 'print("hello")' > "$tmp/modules/prints.py"
	printf '%s\n' 'raise ValueError("no \33[1m way")' > "$tmp/modules/raises.py"
	echo 'import os, time
if os.fork() == 0: time.sleep(5)' > "$tmp/modules/forks.py"
	while read -r module text; do
		PYTHONPATH=$tmp/modules "$tool" warm --rounds 1 --json \
			--modules "json,$module" /usr/bin/python3 > "$tmp/json" \
			2> "$tmp/log"
		json "warm tells that a module $module" "$tmp/json" "$? == 1"' and
			j[0]["prepared"] and not j[0]["python"]["prepared"]
			and j[0]["reason"] == "modules"
			and "'"$text"'" in j[0]["message"]
			and "--modules" in j[0]["remedy"]'
	done <<-END
		threads threads starts a thread
		opens opens keeps a descriptor open
		prints a module prints
		raises raises cannot be imported: ValueError: no ?[1m way
		forks forks leaves a process behind
	END
	PYTHONPATH=$tmp/modules "$tool" warm --rounds 1 --modules threads \
		/usr/bin/python3 > "$tmp/out" 2> "$tmp/log"
	[ $? = 1 ] && grep -q 'remedy: .*OPENBLAS_NUM_THREADS=1' "$tmp/log" &&
		grep -q 'cannot import these modules ahead: threads' "$tmp/log"
	result $? 'warm tells people what to do about a library with threads'
	PYTHONPATH=relative "$tool" warm --rounds 1 --json --modules json \
		/usr/bin/python3 > "$tmp/json" 2> "$tmp/log"
	json 'warm blames no modules that can be imported' "$tmp/json" '
		not j[0]["python"]["prepared"] and j[0]["reason"] is None'
}

pythons() {
	if [ ! -x /usr/bin/python3 ]; then
		skip 'Pythons are prepared' 'there is no /usr/bin/python3'
		return
	fi
	"$tool" warm --rounds 2 --modules json --json /usr/bin/python3 true \
		> "$tmp/json" 2> "$tmp/log"
	json 'warm measures a third way for Pythons, and for no others' \
		"$tmp/json" '
		j[0]["command"][1:] == ["-c", "pass"] and j[0]["exit_code"] == 0
		and j[0]["python"]["prepared"] and j[0]["python"]["warm"] >= 1
		and j[0]["python"]["to_exit"]["ratio_to_cold"] < 1
		and 0 < j[0]["python"]["private_bytes"]
		and j[0]["python"]["processes"] in (1, 2)
		and j[0]["fork"]["processes"] in (1, 2)
		and j[1]["python"] is None'
	bad_modules
	"$tool" run --warm --modules json --json -- /usr/bin/python3 -c pass \
		2> "$tmp/json"
	json 'run --warm tells that a Python can be prepared' "$tmp/json" \
		'j["launch"]["cold_reason"] == "first"'
	"$tool" run --warm --json -- /usr/bin/python3 -v -c pass 2>&1 > "$tmp/out" |
		tail -n 1 > "$tmp/json"
	json 'run --warm tells that options of Python show its start' \
		"$tmp/json" 'j["launch"]["cold_reason"] == "command"'
	python_lines '{"modules": ["json", "re"]}' > "$tmp/json"
	json 'batch has a Python import modules ahead for a line' "$tmp/json" '
		j[1] == 0 and j[0][-1]["warm"] and j[0][-1]["code"] == 0
		and j[0][-1]["out"] == "True [\x27a\x27]\n"
		and j[0][0]["out"] == "False [\x27a\x27]\n"'
	python_lines '{}' --warm --modules json > "$tmp/json"
	json 'batch does so for all lines, if an option says that' \
		"$tmp/json" 'j[1] == 0 and j[0][-1]["warm"]
		and j[0][-1]["out"] == "True [\x27a\x27]\n"'
	printf '%s\n' '{"argv": ["true"], "modules": ["json"]}' \
		'{"argv": ["/usr/bin/python3"], "modules": "json"}' \
		'{"argv": ["/usr/bin/python3"], "modules": ["a b"]}' \
		'{"argv": ["/usr/bin/python3"], "modules": ["a"], "warm": "fork"}' |
		"$tool" batch -j 1 > "$tmp/lines"
	"$python" -c 'import json, sys
json.dump([json.loads(line) for line in sys.stdin], sys.stdout)' \
		< "$tmp/lines" > "$tmp/json"
	json 'batch refuses modules that cannot be' "$tmp/json" '
		["is no Python" in j[0]["error"]["message"],
		 "no list" in j[1]["error"]["message"],
		 "no list" in j[2]["error"]["message"],
		 "another way" in j[3]["error"]["message"]] == [True] * 4'
	"$tool" run --warm --modules 'a b' true 2> "$tmp/err"
	[ $? = 125 ] && grep -q 'no list of modules' "$tmp/err"
	result $? 'run refuses a list of modules that is none: 125'
	for way in --json --warm=fork; do
		"$tool" run $way --modules json true 2> "$tmp/err"
		[ $? = 125 ] && grep -q 'modules needs --warm' "$tmp/err" ||
			echo "$way" >> "$tmp/log"
	done
	[ ! -s "$tmp/log" ]
	result $? 'run refuses modules that no way would import: 125'
}

# Feeds batch with commands for bash, each when the last one has its answer.
session_lines() { # FILE [OPTION ...]; commands are read from standard input
	"$python" -c '
import json, subprocess, sys, time
p = subprocess.Popen(sys.argv[2:], stdin=-1, stdout=-1, text=True, bufsize=1)
answers = []
for command in sys.stdin.read().splitlines():
    line = {"argv": ["bash", "-c", command, "name", "you"], "profile": sys.argv[1]}
    print(json.dumps(line), file=p.stdin, flush=True)
    answers.append(json.loads(p.stdout.readline()))
    time.sleep(0.2)
p.stdin.close()
json.dump([answers, p.wait()], sys.stdout)' "$1" "$tool" batch "${@:2}"
}

sessions() {
	printf '%s\n' 'greet() { echo "hello $1"; }' 'export FROM=file' \
		"alias hey='greet hey'" 'shopt -s expand_aliases' > "$tmp/profile"
	printf '%s\n' : : : 'greet $1; hey; echo $FROM' \
		'greet() { false; }; FROM=x; unalias hey' \
		'greet $1; hey; echo $FROM' ': last' |
		session_lines "$tmp/profile" > "$tmp/json"
	json 'batch has a shell source a file once for many lines' "$tmp/json" '
		j[1] == 0 and [j[0][i]["out"] for i in (3, 5)]
			== ["hello you\nhello hey\nfile\n"] * 2
		and any(a["warm"] for a in j[0]) and not j[0][0]["warm"]'
	(
		ulimit -S -n 1000
		printf '%s\n' : : : 'ulimit -n' 'ulimit -n' |
			session_lines "$tmp/profile" -j 100 > "$tmp/json"
	)
	json 'batch does so if it has raised its own limit, too' "$tmp/json" '
		{a["out"] for a in j[0][3:]} == {"1000\n"}
		and any(a["warm"] for a in j[0])'
	printf '%s\n' '{"argv": ["bash", "-c", ":"], "profile": "relative"}' \
		'{"argv": ["bash", "-c", ":"], "profile": "/none"}' \
		'{"argv": ["bash"], "profile": "/none", "warm": true}' |
		"$tool" batch -j 1 > "$tmp/lines"
	"$python" -c 'import json, sys
json.dump([json.loads(line) for line in sys.stdin], sys.stdout)' \
		< "$tmp/lines" > "$tmp/json"
	json 'batch refuses a profile that cannot be' "$tmp/json" '
		"no absolute path" in j[0]["error"]["message"]
		and j[1]["error"]["name"] == "ENOENT"
		and "/none" in j[1]["error"]["message"]
		and "same line" in j[2]["error"]["message"]'
}

benches() {
	"$tool" bench --warm=once --rounds 5 --json -- true > "$tmp/json" \
		2> "$tmp/log"
	json 'bench --warm measures a fifth way' "$tmp/json" '
		set(j["methods"]) == {"fork", "vfork", "posix_spawn",
			"template", "warm once"}
		and 0 < j["methods"]["warm once"]["blocked"]["p50_ns"]
			< j["methods"]["warm once"]["to_exit"]["p50_ns"]'
	"$tool" bench --warm --rounds 2 > "$tmp/out" 2> "$tmp/log" &&
		grep -q '^warm fork  *[0-9]' "$tmp/out"
	result $? 'bench --warm prints a fifth row'
	"$tool" bench --warm --rounds 2 "$tmp/script" > "$tmp/out" 2> "$tmp/log"
	[ $? = 125 ] && grep -q 'cannot be prepared' "$tmp/log" &&
		grep -q "remedy: 'spawn-template warm'" "$tmp/log"
	result $? 'bench --warm of a script is refused: 125'
}

# ---- top --pools

# shellcheck disable=SC2317 # until_true calls the functions in it
pools() {
	local pid

	"$tool" warm --rounds 1000000 --seconds 60 dash > "$tmp/out" \
		2> "$tmp/err" &
	pid=$!
	both() {
		"$tool" top --pools --json -n 1 > "$tmp/json" &&
			"$python" -c 'import json, sys
found = {x["way"] for x in json.load(open(sys.argv[1]))["pools"]
         if x["pid"] == int(sys.argv[2])}
sys.exit(found != {"once", "fork"})' "$tmp/json" "$pid"
	}
	until_true both
	json 'top --pools tells the pools of a process' "$tmp/json" '
		[(x["way"], x["command"], x["uid"]) for x in sorted((x
			for x in j["pools"] if x["pid"] == '"$pid"'),
			key=lambda x: x["way"])]
		== [(way, "spawn-template", '"$(id -u)"')
			for way in ("fork", "once")]
		and all(x["program"].endswith("/dash") and x["waiting"] in (1, 2)
			and 0 < x["private_bytes"] <= x["pss_bytes"]
			and 0 <= x["age_ms"] < 60000
			for x in j["pools"] if x["pid"] == '"$pid"')
		and j["waiting"] >= 2'
	"$tool" top --pools -b -n 1 > "$tmp/out" 2> "$tmp/log"
	grep -q '^[0-9:]*  [1-9][0-9]* prepared processes in ' "$tmp/out" &&
		grep -qE "^ *$pid .*/dash +(once|fork) +[12] .* KiB " "$tmp/out"
	result $? 'top --pools prints a row for each pool'
	kill "$pid"
	wait "$pid" 2> /dev/null
	none() {
		"$tool" top --pools -b -n 1 > "$tmp/log"
		! grep -qE "^ *$pid " "$tmp/log"
	}
	until_true none
	result $? 'a pool ends with the process that keeps it'
}

if allowed; then
	measured
	arguments
	reasons
	profiles
	failures
	run_once
	umask 022
	batches
	pythons
	sessions
	benches
	pools
else
	skip 'launches are prepared' "this machine does not: $(head -n 1 "$tmp/why")"
fi

echo "1..$n"
exit "$failed"
