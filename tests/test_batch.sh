#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# spawn-template batch: the lines it reads, its answers and when they come, how
# trees end, and how it behaves when its input, its output or the tool itself ends.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh
# shellcheck source=tests/batch.sh
. tests/batch.sh

# ---- answers

order() {
	feed <<- 'END'
	{"id": "late", "argv": ["sh", "-c", "sleep 1.5; echo late"]}
	{"id": "soon", "argv": ["sh", "-c", "sleep 0.7; echo soon"]}
	{"id": "now", "argv": ["echo", "now"]}
	END
	status 'the status is 0 after all lines were answered' 0
	answers 'answers come in the order in which programs end' '
		ids == ["now", "soon", "late"]
		and [x["out"] for x in a] == ["now\n", "soon\n", "late\n"]
		and [x["line"] for x in a] == [3, 2, 1]'
	feed -j 1 <<- 'END'
	{"id": 1, "argv": ["sleep", "0.2"]}
	{"id": 2, "argv": ["true"]}
	END
	answers 'with one job at a time answers come in the order of the lines' 'ids == [1, 2]'
}

ids() {
	feed -j 1 <<- 'END'
	{"argv": ["true"], "id": {"a": [1, null, "\u00e9"], "b": {}}}
	{"argv": ["true"], "id": null}
	{"argv": ["true"], "id": 9223372036854775807}
	{"argv": ["true"], "id": 0.1}
	{"argv": ["true"], "id": 1e300}
	{"argv": ["true"], "id": "\u0000\ud83d\ude00\"\\"}
	{"argv": ["true"], "id": [[[]]]}
	{"argv": ["true"], "id": false}
	{"argv": ["true"]}
	END
	answers 'any id comes back unchanged, and a line without one gets its number' '
		ids == [{"a": [1, None, "\u00e9"], "b": {}}, None,
			9223372036854775807, 0.1, 1e300,
			"\0\U0001f600\"\\", [[[]]], False, 9]
		and [x["line"] for x in a] == list(range(1, 10))'
	"$python" - > "$tmp/in" <<- 'END'
	for text in ("9223372036854775808", "-1e999", "1.10", "12345678901234567890" * 5,
	             '"\\udce9 \\u0041"', '{"a" : [1,  {"b":1.0}], "a": 2}', "[" * 400 + "]" * 400,
	             '"caf\u00e9"'):
	    print('{"argv": ["true"], "id" : %s }' % text)
	END
	feed -j 1 < "$tmp/in"
	answers 'an id comes back byte for byte, as it was written' '
		[x.partition(b",\"line\":")[0] for x in lines[:-1]]
			== [b"{\"id\":" + x.partition(b"\"id\" : ")[2][:-2]
				for x in open("'"$tmp"'/in", "rb").read().splitlines()]
		and all(x["code"] == 0 for x in a)'
	cat > "$tmp/in" <<- 'END'
	{"id": "cut off", "argv": ["tr
	{"id": "half a character", "argv": ["\udce9"]}
	{"id": 18446744073709551616, "argv": 5}
	{"id": 1, "argv": ["true"], "id": 2}
	{"id": 12
	{"id": "\ud8", "argv": ["true"]}
	{"id": 01, "argv": ["true"]}
	{"argv": ["true"] "id": 8}
	{"\u0069d": "escaped name", "argv": ["echo"]}
	END
	printf '{"id": "\377", "argv": ["true"]}\n' >> "$tmp/in"
	feed -j 1 < "$tmp/in"
	answers 'a wrong line is answered with its id wherever that can be told' '
		ids == ["cut off", "half a character", 18446744073709551616,
			None, None, None, None, None, "escaped name", None]
		and sum("error" in x for x in a) == 9'
}

ends() {
	feed -j 1 <<- 'END'
	{"id": "code", "argv": ["sh", "-c", "echo o; echo e >&2; exit 7"]}
	{"id": "signal", "argv": ["sh", "-c", "kill -TERM $$"]}
	{"id": "merged", "argv": ["sh", "-c", "echo o; echo e >&2"],
	END
	status 'the status is 0 after a line that was cut off' 0
	answers 'answers tell exit status, signal, output and usage' '
		by["code"]["code"] == 7 and by["code"]["signal"] is None
		and by["code"]["out"] == "o\n" and by["code"]["err"] == "e\n"
		and by["code"]["out_len"] == 2 and by["code"]["pid"] > 1
		and not any(by["code"][k] for k in ("timed_out",
			"tree_killed", "not_killed", "pipe_held", "status_lost", "cgroup",
			"out_truncated", "err_truncated"))
		and by["code"]["usage"]["max_rss_kib"] > 0
		and by["code"]["usage"]["user_s"] >= 0
		and 0 < by["code"]["spawn_ms"] <= by["code"]["total_ms"]
		and by["signal"]["code"] is None
		and by["signal"]["signal"] == "SIGTERM"
		and by["signal"]["signal_number"] == 15
		and errors("EINVAL", "merged")'
	feed <<- 'END'
	{"argv": ["sh", "-c", "echo o; echo e >&2; echo o"], "merge_stderr": true}
	END
	answers 'merge_stderr keeps both streams in order' '
		a[0]["out"] == "o\ne\no\n" and a[0]["err"] == ""'
	feed <<- 'END'
	{"argv": ["sh", "-c", "sleep 3 & echo done"], "keep_leftovers": true}
	END
	answers 'a child that holds the output does not delay the answer' '
		a[0]["pipe_held"] and a[0]["out"] == "done\n"
		and a[0]["leftovers"] == 0
		and a[0]["total_ms"] < 2500 * '"$slow"
	feed <<- 'END'
	{"argv": ["sh", "-c", "sleep 300 & sleep 300 & echo done"]}
	END
	answers 'processes that are left behind end with their program' '
		a[0]["leftovers"] == 2 and a[0]["out"] == "done\n"
		and not a[0]["pipe_held"] and a[0]["code"] == 0'
	feed --keep-leftovers <<- 'END'
	{"id": 1, "argv": ["sh", "-c", "sleep 3 & echo done"]}
	{"id": 2, "argv": ["sh", "-c", "sleep 3 & echo"], "keep_leftovers": false}
	{"id": 3, "argv": ["true"], "keep_leftovers": 1}
	END
	answers 'a line decides over --keep-leftovers' '
		{x["id"]: x.get("leftovers") for x in a} == {1: 0, 2: 1, 3: None}'
	feed --held-quiet 5s --held-most 10s <<- 'END'
	{"argv": ["sh", "-c", "(sleep 0.3; echo late) & echo done"]}
	END
	answers '--held-quiet and --held-most wait for late output' '
		not a[0]["pipe_held"] and a[0]["out"] == "done\nlate\n"'
}

# ---- lines

bad_lines() {
	{
		echo '{"id": 1, "argv": ["echo", "first"]}'
		echo 'nonsense'
		echo '[1]'
		echo '{"id": "keys", "argv": ["true"], "timeuot": 1}'
		echo '{"id": "twice", "argv": ["true"], "argv": ["false"]}'
		echo '{"id": "none"}'
		echo '{"id": "empty", "argv": []}'
		echo '{"id": "object", "argv": {}}'
		echo '{"id": "number", "argv": ["echo", 1]}'
		echo '{"id": "nul", "argv": ["echo", "a\u0000b"]}'
		echo '{"id": "cwd", "argv": ["true"], "cwd": 5}'
		echo '{"id": "env", "argv": ["true"], "env": ["A=1"]}'
		echo '{"id": "null", "argv": ["true"], "env": {"A": null}}'
		echo '{"id": "name", "argv": ["true"], "env": {"A=B": "1"}}'
		echo '{"id": "value", "argv": ["true"], "setenv": {"A": 1}}'
		echo '{"id": "in", "argv": ["true"], "input": 1}'
		echo '{"id": "b64", "argv": ["true"], "input_base64": "A==="}'
		echo '{"id": "b65", "argv": ["true"], "input_base64": "A b="}'
		echo '{"id": "two", "argv": ["cat"], "input": "",
			"input_base64": ""}' | tr -d '\n'
		echo
		echo '{"id": "time", "argv": ["true"], "timeout": -1}'
		echo '{"id": "unit", "argv": ["true"], "timeout": "1x"}'
		echo '{"id": "merge", "argv": ["true"], "merge_stderr": 1}'
		echo '{"id": "bytes", "argv": ["true"], "x": "'$'\xff''"}'
		echo '{"id": 24, "argv": ["echo", "last"]}'
		head -c 100000 /dev/zero | tr '\0' '['
	} > "$tmp/in"
	feed < "$tmp/in"
	status 'the status is 0 after bad lines' 0
	answers 'bad lines get an error each and do not stop the others' '
		len(a) == 25 and by["1"]["out"] == "first\n"
		and by["24"]["out"] == "last\n"
		and errors("EINVAL", "keys", "none", "empty", "object",
			"number", "nul", "cwd", "env", "null", "name",
			"value", "in", "b64", "b65", "two", "time", "unit",
			"merge")
		and [x["line"] for x in a if x["id"] is None
			and x["error"]["name"] == "EINVAL"]
			== [2, 3, 25] and errors("EINVAL", "twice", "bytes")'
	answers 'errors tell the id, if it can be read, and the number of the line' '
		sorted(x["line"] for x in a) == list(range(1, 26))
		and by["keys"]["line"] == 4 and by["merge"]["line"] == 22
		and all(x["error"]["message"] and x["error"]["errno"] == 22
			for x in a if "error" in x)
		and "timeuot" in by["keys"]["error"]["message"]'
	printf '\n  \n\t\r\n{"argv": ["true"]}\r\n\n' | feed
	answers 'empty lines are counted, but not answered' \
		'len(a) == 1 and a[0]["line"] == 4 and a[0]["code"] == 0'
	printf '{"argv": ["echo", "x"]}' | feed
	answers 'a last line without a newline is run' 'a[0]["out"] == "x\n"'
	feed < /dev/null
	answers 'no lines get no answers' 'not a'
	status 'the status is 0 after no lines' 0
}

long_lines() {
	{
		echo '{"argv": ["echo", "before"]}'
		printf '{"argv": ["true"], "input": "'
		head -c 70000000 /dev/zero | tr '\0' 'x'
		echo '"}'
		echo '{"argv": ["echo", "after"]}'
		printf '{"id": "wc", "argv": ["wc", "-c"], "input": "'
		head -c 20000000 /dev/zero | tr '\0' 'y'
		echo '"}'
		head -c 70000000 /dev/zero | tr '\0' 'z'
	} | feed
	status 'the status is 0 after lines that are too long' 0
	answers 'lines that are too long are refused, and the others run' '
		{x["line"]: x.get("out") for x in a} == {1: "before\n",
			2: None, 3: "after\n", 4: "20000000\n", 5: None}
		and sum(x.get("error", {}).get("name") == "E2BIG"
			and x["id"] is None for x in a) == 2'
}

# ---- programs: input and output, environment, signals, descriptors

bytes() {
	"$python" - > "$tmp/in" <<- 'END'
	import base64, json
	every = bytes(range(256)) * 300
	print(json.dumps({"id": "all", "argv": ["cat"],
	    "input_base64": base64.b64encode(every).decode()}))
	for n in range(4):
	    print(json.dumps({"id": n, "argv": ["cat"],
	        "input_base64": base64.b64encode(b"\xff" * n).decode()}))
	text = "caf\u00e9 \U0001f600 \0 \u2028 end\n"
	print(json.dumps({"id": "text", "argv": ["cat"], "input": text}))
	print(json.dumps({"id": "none", "argv": ["cat"]}))
	print(json.dumps({"id": "err", "argv": ["sh", "-c", "cat >&2"],
	    "input_base64": "gA=="}))
	END
	feed < "$tmp/in"
	answers 'bytes that are not UTF-8 pass both ways as base64' '
		base64.b64decode(by["all"]["out_base64"])
			== bytes(range(256)) * 300
		and by["all"]["out_len"] == 76800 and "out" not in by["all"]
		and by["0"]["out"] == "" and [base64.b64decode(
			by[str(n)]["out_base64"]) for n in (1, 2, 3)]
			== [b"\xff", b"\xff\xff", b"\xff\xff\xff"]
		and base64.b64decode(by["err"]["err_base64"]) == b"\x80"'
	answers 'text passes unchanged, with NUL bytes, and no input is an empty one' '
		by["text"]["out"]
			== "caf\u00e9 \U0001f600 \0 \u2028 end\n"
		and by["text"]["out_len"] == 21 and by["none"]["out"] == ""
		and by["none"]["out_len"] == 0'
	feed --max-output 5 <<- 'END'
	{"id": "cut", "argv": ["printf", "abc\\303\\251\\303\\251"]}
	{"id": "in", "argv": ["printf", "abcd\\303\\251"]}
	{"id": "in4", "argv": ["printf", "ab\\360\\237\\230\\200"]}
	{"id": "bad", "argv": ["printf", "\\377abcd\\303\\251"]}
	{"id": "fits", "argv": ["printf", "abcd\\303"]}
	END
	answers 'a character cut off at the limit does not make text base64' '
		by["cut"]["out"] == "abc\u00e9" and by["in"]["out"] == "abcd"
		and by["in"]["out_len"] == 4 and by["in"]["out_truncated"]
		and by["in4"]["out"] == "ab" and by["in4"]["out_len"] == 2
		and by["bad"]["out_len"] == 5 and "out_base64" in by["bad"]
		and by["fits"]["out_base64"] == "YWJjZMM="
		and not by["fits"]["out_truncated"]'
}

# Names and variables that are not UTF-8.
other_bytes() {
	local odd=$'caf\xe9' odd64=Y2Fm6Q== dir

	mkdir -p "$tmp/$odd"
	echo inside > "$tmp/$odd/file"
	printf '#!/bin/sh\necho odd\n' > "$tmp/$odd/$odd"
	chmod 755 "$tmp/$odd/$odd"
	dir=$(printf %s "$tmp/$odd" | base64 -w 0)
	cat > "$tmp/in" <<- END
	{"id": "argv", "argv_base64": ["cHJpbnRm", "JXM=", "$odd64"]}
	{"id": "cwd", "argv": ["cat", "file"], "cwd_base64": "$dir"}
	{"id": "name", "argv_base64": ["$(printf ./%s "$odd" | base64)"],
	 "cwd_base64": "$dir"}
	{"id": "env", "argv": ["sh", "-c", "printf %s \"\$A\$B\$C\""],
	 "env": {"A": "no", "B": "b"},
	 "setenv": {"A": "no", "C": "c"}, "setenv_base64": {"A": "$odd64"}}
	{"id": "missing", "argv_base64": ["$odd64"]}
	{"id": "both", "argv": ["true"], "argv_base64": ["$odd64"]}
	{"id": "both2", "argv_base64": ["$odd64"], "argv": ["true"]}
	{"id": "both3", "argv": ["true"], "cwd": "/", "cwd_base64": "Lw=="}
	{"id": "nul", "argv_base64": ["YQBi"]}
	{"id": "text", "argv_base64": ["tru"]}
	{"id": "number", "argv_base64": [1]}
	{"id": "none", "argv_base64": []}
	{"id": "object", "argv_base64": {"a": "Lw=="}}
	{"id": "nowhere", "argv": ["true"], "cwd_base64": ""}
	{"id": "list", "argv": ["true"], "setenv_base64": ["Lw=="]}
	{"id": "null", "argv": ["true"], "setenv_base64": {"A": null}}
	{"id": "name=", "argv": ["true"], "setenv_base64": {"A=": "Lw=="}}
	END
	tr '\n' ' ' < "$tmp/in" | sed 's/} {"id"/}\n{"id"/g' > "$tmp/in2"
	feed < "$tmp/in2"
	answers 'arguments, directory and variables may have bytes that are not UTF-8' '
		by["argv"]["out_base64"] == "'"$odd64"'"
		and by["cwd"]["out"] == "inside\n" and by["name"]["out"] == "odd\n"
		and base64.b64decode(by["env"]["out_base64"]) == b"caf\xe9bc"
		and errors("ENOENT", "missing")
		and by["missing"]["error"]["detail"] == "caf\ufffd: not found on PATH"'
	answers 'base64 that no program can be given is refused' '
		errors("EINVAL", "both", "both2", "both3", "nul", "text", "number",
			"none", "object", "nowhere", "list", "null", "name=")'
}

# A search path is made of PATH and cwd; neither makes the other grow without a bound.
long_path() {
	"$python" - > "$tmp/in" <<- 'END'
	import json
	for name in ("nosuch", "/bin/true"):
	    print(json.dumps({"argv": [name], "cwd": "/" + "a" * 4000,
	                      "setenv": {"PATH": ":" * 100000}}))
	print(json.dumps({"argv": ["nosuch"], "setenv": {"PATH": "/x:" * 40000}}))
	print(json.dumps({"argv": ["nosuch"], "cwd": "/", "setenv": {"PATH": "x:" * 20000}}))
	print(json.dumps({"argv": ["/bin/echo"], "cwd": "/", "setenv": {"PATH": ":" * 100000}}))
	END
	feed -j 1 < "$tmp/in"
	answers 'a search path that is too long with cwd in it is refused' '
		errors("E2BIG", "1") and "128 KiB" in by["1"]["error"]["message"]
		and errors("ENAMETOOLONG", "2") and errors("ENOENT", "3", "4")
		and by["5"]["out"] == "\n"'
	answers 'the answer to a failed launch does not repeat PATH' '
		all(len(x) < 1000 for i, x in enumerate(lines) if i != 1)
		and "add its directory to PATH" in by["3"]["error"]["remedy"]'
}

environment() {
	export CLI_OUTER=outer
	mkdir -p "$tmp/bin" "$tmp/work/sub"
	printf '#!/bin/sh\necho tool in bin\n' > "$tmp/bin/some-tool"
	printf '#!/bin/sh\necho tool in sub\n' > "$tmp/work/sub/some-tool"
	chmod 755 "$tmp/bin/some-tool" "$tmp/work/sub/some-tool"
	cat > "$tmp/in" <<- END
	{"id": "cwd", "argv": ["pwd"], "cwd": "$tmp/work"}
	{"id": "inherit", "argv": ["sh", "-c", "echo \$CLI_OUTER"]}
	{"id": "replace", "argv": ["/usr/bin/env"], "env": {"A": "1", "B": ""}}
	{"id": "nothing", "argv": ["/usr/bin/env"], "env": {}}
	{"id": "set", "argv": ["sh", "-c", "echo \$A \$CLI_OUTER"],
	 "setenv": {"A": "2"}}
	{"id": "change", "argv": ["sh", "-c", "echo \$CLI_OUTER"],
	 "setenv": {"CLI_OUTER": "new"}}
	{"id": "unset", "argv": ["sh", "-c", "echo \${CLI_OUTER-none}"],
	 "setenv": {"CLI_OUTER": null}}
	{"id": "both", "argv": ["/usr/bin/env"], "env": {"A": "1", "B": "2"},
	 "setenv": {"A": "3", "B": null}}
	{"id": "path", "argv": ["some-tool"], "setenv": {"PATH": "$tmp/bin"}}
	{"id": "path2", "argv": ["some-tool"], "env": {"PATH": "/x:$tmp/bin"}}
	{"id": "no path", "argv": ["sh", "-c", "echo found"], "env": {}}
	{"id": "not here", "argv": ["some-tool"]}
	{"id": "relative", "argv": ["sub/some-tool"], "cwd": "$tmp/work"}
	{"id": "relative PATH", "argv": ["some-tool"], "cwd": "$tmp/work",
	 "setenv": {"PATH": "nothing:sub:$tmp/bin"}}
	{"id": "empty PATH", "argv": ["some-tool"], "cwd": "$tmp/work/sub",
	 "setenv": {"PATH": "/x::$tmp/bin"}}
	{"id": "no cwd", "argv": ["true"], "cwd": "$tmp/nosuch"}
	{"id": "no cwd, relative", "argv": ["./tool"], "cwd": "$tmp/nosuch"}
	{"id": "name", "argv": ["sh", "-c", "echo \$0"]}
	END
	# batch wants each object on one line
	tr '\n' ' ' < "$tmp/in" | sed 's/} {"id"/}\n{"id"/g' > "$tmp/in2"
	feed < "$tmp/in2"
	answers 'directory and environment are set' '
		by["cwd"]["out"] == "'"$tmp"'/work\n"
		and by["inherit"]["out"] == "outer\n"
		and by["replace"]["out"] == "A=1\nB=\n"
		and by["nothing"]["out"] == ""
		and by["set"]["out"] == "2 outer\n"
		and by["change"]["out"] == "new\n"
		and by["unset"]["out"] == "none\n"
		and by["both"]["out"] == "A=3\n"
		and by["name"]["out"] == "sh\n"'
	answers 'programs are looked for with the environment they will have' '
		by["path"]["out"] == by["path2"]["out"] == "tool in bin\n"
		and by["no path"]["out"] == "found\n"
		and errors("ENOENT", "not here")'
	answers 'relative programs are looked for from the directory they start in' '
		by["relative"]["out"] == by["relative PATH"]["out"]
			== by["empty PATH"]["out"] == "tool in sub\n"'
	answers 'a missing directory is reported as an error of its action' '
		errors("ENOENT", "no cwd")
		and by["no cwd"]["error"]["stage"] == "action"
		and by["no cwd"]["error"]["action"]
			== {"index": 0, "what": "cwd"}'
	answers 'a missing directory is named' '
		all("cannot start in '"$tmp"'/nosuch: No such file"
			in by[id]["error"]["detail"]
			for id in ("no cwd", "no cwd, relative"))
		and errors("ENOENT", "no cwd, relative")'
}

errors() {
	printf '#!/nonexistent/sh\n' > "$tmp/orphan"
	printf 'plain\n' > "$tmp/plain"
	chmod 755 "$tmp/orphan" "$tmp/plain"
	echo > "$tmp/closed"
	cat > "$tmp/in" <<- END
	{"id": "unknown", "argv": ["nosuchcommand"]}
	{"id": "file", "argv": ["$tmp/nosuch"]}
	{"id": "empty", "argv": [""]}
	{"id": "orphan", "argv": ["$tmp/orphan"]}
	{"id": "plain", "argv": ["$tmp/plain"]}
	{"id": "closed", "argv": ["$tmp/closed"]}
	{"id": "directory", "argv": ["$tmp"]}
	{"id": "long", "argv": ["true", "$(head -c 140000 /dev/zero | tr '\0' x)"]}
	{"id": "good", "argv": ["true"]}
	END
	feed < "$tmp/in"
	status 'the status is 0 after launches that fail' 0
	[ ! -s "$tmp/err" ]
	result $? 'launches that fail leave standard error empty'
	answers 'the answer to a failed launch tells stage and remedy' '
		errors("ENOENT", "unknown", "file", "empty", "orphan")
		and errors("ENOEXEC", "plain")
		and errors("EACCES", "closed", "directory")
		and by["unknown"]["error"]["stage"] == "args"
		and by["unknown"]["error"]["errno"] == 2
		and "add its directory to PATH"
			in by["unknown"]["error"]["remedy"]
		and by["unknown"]["error"]["detail"]
			== "nosuchcommand: not found on PATH"
		and by["orphan"]["error"]["stage"] == "exec"
		and "/nonexistent/sh" in by["orphan"]["error"]["detail"]
		and "is a directory" in by["directory"]["error"]["detail"]
		and by["good"]["code"] == 0'
	answers 'an argument that is too long is told with the limit' '
		errors("E2BIG", "long")
		and by["long"]["error"]["stage"] == "exec"
		and "128 KiB" in by["long"]["error"]["remedy"]'
}

signals_of_programs() {
	"$python" -c '
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
for sig in signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ:
    signal.signal(sig, signal.SIG_DFL)
os.execv(sys.argv[1], [sys.argv[1], "batch"])' "$tool" > "$tmp/out" <<- 'END'
	{"argv": ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]}
	END
	answers 'programs start with the signals that batch was started with' '
		[int(x, 16) & 0x7fffffff for x in a[0]["out"].split()[1::2]]
			== [1 << 9, 1 << 0 | 1 << 11]'
}

descriptors() {
	feed <<- 'END'
	{"argv": ["ls", "/proc/self/fd"]}
	END
	answers 'programs have no other descriptors' \
		'a[0]["out"] == "0\n1\n2\n3\n"' # 3: the directory
	(
		ulimit -Sn 128
		for ((i = 0; i < 40; i++)); do
			echo '{"argv": ["sh", "-c", "sleep 0.3; ulimit -Sn"]}'
		done | feed -j 40
	)
	answers 'the limit of open files is raised for batch, not for programs' \
		'[x["out"] for x in a] == ["128\n"] * 40'
	(
		ulimit -n 120
		for ((i = 0; i < 40; i++)); do
			echo '{"argv": ["sh", "-c", "sleep 0.1; ulimit -Hn"]}'
		done | feed -j 40
	)
	answers 'where the limit cannot be raised fewer programs run at a time' \
		'[x["out"] for x in a] == ["120\n"] * 40'
	grep -q 'only . jobs at a time' "$tmp/err"
	result $? 'batch tells on standard error that fewer run'
}

# ---- templates

templates() {
	drive 'a program that is replaced or removed is noticed' <<- 'END'
	path = tmp + "/bin"
	os.makedirs(path, exist_ok=True)
	def install(text):
	    with open(path + "/new", "w") as f:
	        f.write("#!/bin/sh\necho %s\n" % text)
	    os.chmod(path + "/new", 0o755)
	    os.rename(path + "/new", path + "/changing")
	env["PATH"] = path + ":" + env["PATH"]
	p = start()
	def out():
	    send(p, argv=["changing"])
	    x = receive(p)
	    return x.get("out") or x["error"]["name"]
	install("one")
	check(out() == "one\n")
	check(out() == "one\n")
	install("two")
	check(out() == "two\n")
	os.unlink(path + "/changing")
	check(out() == "ENOENT")
	install("three")
	check(out() == "three\n")
	os.chmod(path + "/changing", 0o644)
	check(out() == "EACCES")
	END
	drive 'a program earlier on PATH is taken as soon as it is there' <<- 'END'
	for name in "early", "late":
	    os.makedirs(tmp + "/" + name, exist_ok=True)
	def install(folder):
	    path = "%s/%s/somewhere" % (tmp, folder)
	    with open(path, "w") as f:
	        f.write("#!/bin/sh\necho %s\n" % folder)
	    os.chmod(path, 0o755)
	    return path
	env["PATH"] = "%s/early:%s/late:%s" % (tmp, tmp, env["PATH"])
	p = start()
	def out():
	    send(p, argv=["somewhere"])
	    return receive(p)["out"]
	install("late")
	check(out() == "late\n")
	path = install("early")
	check(out() == "early\n")
	os.unlink(path)
	check(out() == "late\n")
	END
	if unshare -m mount -t tmpfs none "$tmp" 2> /dev/null; then
		drive 'a mount is free when its program has been answered for' <<- 'END'
		import ctypes
		libc = ctypes.CDLL(None, use_errno=True)
		top = (tmp + "/mounted").encode()
		os.makedirs(top)
		check(libc.unshare(0x20000) == 0)  # CLONE_NEWNS
		check(libc.mount(b"none", b"/", None, 0x44000, None) == 0)
		check(libc.mount(b"none", top, b"tmpfs", 0, None) == 0)
		with open(b"/bin/true", "rb") as f, open(top + b"/t", "wb") as to:
		    to.write(f.read())
		os.chmod(top + b"/t", 0o755)
		p = start(cwd="/")
		for i in range(3):
		    send(p, argv=[os.fsdecode(top) + "/t"])
		    check(receive(p)["code"] == 0)
		check(libc.umount(top) == 0, os.strerror(ctypes.get_errno()))
		END
	else
		skip 'a mount is free when its program has been answered for' \
			'there can be no mount'
	fi
	mkdir -p "$tmp/many"
	"$python" - "$tmp/many" > "$tmp/in" <<- 'END'
	import json, os, sys
	for i in range(600):
	    name = "%s/t%d" % (sys.argv[1], i)
	    os.symlink("/bin/echo", name)
	for again in range(2):
	    for i in range(600):
	        print(json.dumps({"argv": ["%s/t%d" % (sys.argv[1], i), str(i)]}))
	END
	feed < "$tmp/in"
	answers 'more programs can be launched than templates are kept' '
		sorted(int(x["out"]) for x in a)
			== sorted(list(range(600)) * 2)'
}

# ---- timeouts and trees

timeouts() {
	drive 'a timeout ends the whole tree' <<- 'END'
	deep = "sleep 300 & sh -c 'sleep 300 & setsid sleep 300 & wait' & wait"
	p = start("--timeout", "600ms")
	t = time.time()
	send(p, id=1, argv=["sh", "-c", deep])
	send(p, id=2, argv=["sh", "-c", deep], timeout=0.3)
	send(p, id=3, argv=["sh", "-c", deep], timeout="400ms")
	send(p, id=4, argv=["sleep", "0.9"], timeout=0)
	got = {}
	for i in range(4):
	    x = receive(p)
	    got[x["id"]] = x
	check(all(got[i]["timed_out"] for i in (1, 2, 3)), got)
	check(not got[4]["timed_out"] and got[4]["code"] == 0, got)
	check(got[2]["signal"] == "SIGTERM" and not got[2]["tree_killed"], got)
	check(300 <= got[2]["total_ms"] < 5000 * slow, got)
	p.stdin.close()
	check(p.wait() == 0)
	gone()
	END
	drive 'a timeout below a nanosecond still ends the program' <<- 'END'
	p = start()
	for t in (1e-10, "0.0000001ms"):
	    send(p, argv=["sleep", "300"], timeout=t)
	    x = receive(p)
	    # the timeout may end before the program is executed
	    check(x.get("timed_out") or x["error"]["name"] == "ETIMEDOUT", x)
	p.stdin.close()
	check(p.wait() == 0)
	gone()
	END
	drive 'a tree that ignores TERM is killed after --kill-after' <<- 'END'
	p = start("--timeout", "1s", "--kill-after", "300ms")
	send(p, argv=["sh", "-c", "trap '' TERM; sleep 300 & sleep 300; sleep 300"])
	x = receive(p)
	check(x["timed_out"] and x["tree_killed"] and x["signal"] == "SIGKILL", x)
	check(1300 <= x["total_ms"] < 10000 * slow, x)
	p.stdin.close()
	check(p.wait() == 0)
	gone()
	END
}

cgroups() {
	local mount dir='' name='with --cgroup-tree no process gets away'

	mount=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	[ -z "$mount" ] || dir=$mount/spawn-template-test.$$
	if [ -z "$dir" ] || ! mkdir "$dir" 2> /dev/null; then
		skip "$name" 'no cgroup v2 directory can be made here'
		skip '--cgroup-tree leaves no cgroup' 'no cgroup v2 directory can be made here'
		skip 'with --supervise all processes end when batch is killed' \
			'no cgroup v2 directory can be made here'
		return
	fi
	drive "$name" "$dir" <<- 'END'
	where = sys.argv[4]
	p = start("--cgroup-tree=" + where, "--timeout", "1s")
	daemon = "(setsid sh -c 'sleep 300 & sleep 300' > /dev/null 2>&1 &); "
	send(p, id=1, argv=["sh", "-c", daemon + "grep ^0:: /proc/self/cgroup;"
	    "sleep 300"])
	x = receive(p)
	check(x["timed_out"] and x["cgroup"], x)
	check(os.path.basename(where) in x["out"], x)
	left = [m for m in marked().values() if "sleep" in m]
	check(not left, left)
	p.stdin.close()
	check(p.wait() == 0)
	END
	find "$dir" -mindepth 1 -type d > "$tmp/log"
	[ ! -s "$tmp/log" ]
	result $? '--cgroup-tree leaves no cgroup'
	drive 'with --supervise all processes end when batch is killed' <<- 'END'
	p = start("--supervise")
	send(p, argv=started("(setsid sleep 300 > /dev/null 2>&1 &); sleep 300"))
	ready(1)
	until(lambda: sum("sleep" in m for m in marked().values()) >= 2, "both sleep")
	p.kill()
	p.wait()
	gone()
	END
	rmdir "$dir" 2>> "$tmp/log"
}

# ---- many

many() {
	local i start

	for ((i = 0; i < 2000; i++)); do
		echo '{"argv": ["/bin/true"]}'
	done > "$tmp/in"
	start=$SECONDS
	feed < "$tmp/in"
	answers '2,000 lines are answered once each, by runs of their own' '
		sorted(ids) == list(range(1, 2001))
		and all(x["code"] == 0 for x in a)
		and len({x["pid"] for x in a}) > 1600'
	[ $((SECONDS - start)) -lt $((30 * slow)) ]
	result $? '2,000 lines are answered within 30 s'
	for ((i = 0; i < 3000; i++)); do
		echo '{"id": "x", "argv": ["/nonexistent"]}'
	done | feed
	answers '3,000 failed launches are answered once each' 'ids == ["x"] * 3000'
}

bound() {
	local most i nap

	mkdir "$tmp/here"
	for most in 1 3 20; do
		nap=0.1
		[ "$most" -lt 20 ] || nap=0.8 # until the last has begun
		for ((i = 0; i < 10 + 2 * most; i++)); do
			echo '{"argv": ["sh", "-c", "mkdir $D/$$; ls $D | wc -l;' \
				'sleep '"$nap"'; rmdir $D/$$"],' \
				'"setenv": {"D": "'"$tmp/here"'"}}'
		done | feed -j "$most"
		answers "-j $most runs $most programs at a time and no more" \
			'len(a) == 10 + 2 * '"$most"'
			and max(int(x["out"]) for x in a) == '"$most"
	done
}

big_output() {
	drive 'of 100 MB of output only --max-output is kept' <<- 'END'
	p = start("--max-output", "4K")
	for i in range(2):
	    send(p, argv=["sh", "-c", "head -c 100000000 /dev/zero | tr '\\0' x;"
	        "echo end >&2"])
	for i in range(2):
	    x = receive(p, 60)
	    check(x["out"] == "x" * 4096 and x["out_len"] == 4096
	        and x["out_truncated"] and x["err"] == "end\n"
	        and not x["err_truncated"] and x["code"] == 0, x)
	with open("/proc/%d/status" % p.pid) as f:
	    peak = [int(l.split()[1]) for l in f if l.startswith("VmHWM")][0]
	check(peak < 40000 or "SAN" in os.environ, peak)
	END
}

# ---- the pipe

interactive() {
	drive 'an answer comes while the input is idle' <<- 'END'
	p = start()
	for i in range(20):
	    t = time.time()
	    send(p, id=i, argv=["echo", str(i)])
	    x = receive(p)
	    check(x["id"] == i and x["out"] == "%d\n" % i, x)
	    check(time.time() - t < 5 * slow, time.time() - t)
	send(p, argv=["sleep", "0.5"])
	check(receive(p)["code"] == 0)
	p.stdin.write(b'{"id": 1, "argv"')
	check(silent(p, 0.3), "half a line")
	p.stdin.write(b': ["echo", "whole"]}\n{"id": 2')
	check(receive(p)["out"] == "whole\n")
	check(silent(p, 0.2), "half a line")
	p.stdin.write(b', "argv": ["true"]}')
	check(silent(p, 0.2), "no newline yet")
	p.stdin.close()
	check(receive(p)["id"] == 2)
	check(p.wait() == 0)
	END
	drive 'programs that run at the end of the input are finished' <<- 'END'
	p = start()
	for i in range(3):
	    send(p, id=i, argv=["sh", "-c", "sleep 0.5; echo done"])
	p.stdin.close()
	check([receive(p)["out"] for i in range(3)] == ["done\n"] * 3)
	check(p.wait() == 0)
	check(p.stdout.read() == b"")
	END
	drive 'batch reads no more lines than it can run' <<- 'END'
	p = start("-j", "2")
	fcntl.fcntl(p.stdin, fcntl.F_SETFL, os.O_NONBLOCK)
	line = json.dumps({"argv": ["sleep", "300"], "input": "x" * 900}) + "\n"
	written = 0
	quiet = 0
	while quiet < 30 and written < 10000:
	    if p.stdin.write(line.encode()):
	        written += 1
	        quiet = 0
	    else:
	        time.sleep(0.01)
	        quiet += 1
	check(quiet == 30 and written < 300, written)
	def ticks():
	    with open("/proc/%d/stat" % p.pid) as f:
	        return sum(map(int, f.read().rpartition(")")[2].split()[11:13]))
	before = ticks()
	time.sleep(1)
	check(ticks() - before < 20, "busy while it waits")
	p.send_signal(signal.SIGTERM)
	check(p.wait() == -signal.SIGTERM)
	gone()
	END
	drive 'batch works over sockets and non-blocking pipes' <<- 'END'
	ours, its = socket.socketpair()
	p = start(stdin=its, stdout=its)
	its.close()
	ours.sendall(b'{"argv": ["head", "-c", "5000000", "/dev/zero"]}\n' * 2)
	ours.shutdown(socket.SHUT_WR)
	got = []
	while not got or got[-1]:
	    got.append(ours.recv(1 << 20))
	a = [json.loads(x) for x in b"".join(got).splitlines()]
	check([x["out_len"] for x in a] == [5000000] * 2)
	check(p.wait() == 0)
	r, w = os.pipe()
	fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
	p = start(stdout=w)
	os.close(w)
	send(p, argv=["head", "-c", "3000000", "/dev/zero"])
	time.sleep(0.3)
	p.stdin.close()
	with os.fdopen(r, "rb") as f:
	    check(json.loads(f.read())["out_len"] == 3000000)
	check(p.wait() == 0)
	END
}

# ---- the end of the tool

stopped() {
	local sig

	for sig in HUP INT QUIT TERM; do
		drive "SIG$sig ends batch and leaves no process" "$sig" <<- 'END'
		sig = getattr(signal, "SIG" + sys.argv[4])
		p = start("-j", "8")
		for i in range(8):
		    send(p, argv=started("sleep 300 & setsid sleep 300 & wait"))
		ready(8)
		until(lambda: sum("sleep" in m for m in marked().values()) >= 16, "sleep")
		p.send_signal(sig)
		check(p.wait() == -sig, p.returncode)
		gone()
		END
	done
	drive 'a signal ignored from the start stays ignored' <<- 'END'
	p = subprocess.Popen([tool, "batch"], env=env, bufsize=0, **default,
	    preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
	send(p, argv=started("sleep 0.5; echo done"))
	ready(1)
	p.send_signal(signal.SIGHUP)
	check(receive(p)["out"] == "done\n")
	p.stdin.close()
	check(p.wait() == 0)
	END
	drive 'a signal gives programs time to end; a second one does not' <<- 'END'
	p = start("--kill-after", "30s")
	cleaning = "trap 'sleep 0.4; echo > %s/cleaned; exit' TERM; " % tmp
	send(p, argv=started(cleaning + "sleep 300 & wait"))
	ready(1)
	p.send_signal(signal.SIGTERM)
	check(p.wait() == -signal.SIGTERM)
	check(os.path.exists(tmp + "/cleaned"))
	gone()
	p = start("--kill-after", "100s")
	send(p, argv=started("trap : TERM; while :; do sleep 0.1; done"))
	ready(2)
	p.send_signal(signal.SIGTERM)
	time.sleep(0.5)
	check(p.poll() is None, "waits")
	p.send_signal(signal.SIGTERM)
	t = time.time()
	check(p.wait() == -signal.SIGTERM)
	check(time.time() - t < 10 * slow)
	gone()
	END
	drive 'a signal ends batch while nobody reads the answers' <<- 'END'
	p = start()
	send(p, argv=["head", "-c", "10000000", "/dev/zero"])
	send(p, argv=started("sleep 300"))
	ready(1)
	until(lambda: select.select([p.stdout], [], [], 0)[0], "answer")
	time.sleep(0.3)
	p.send_signal(signal.SIGTERM)
	check(p.wait() == -signal.SIGTERM)
	gone()
	END
	drive 'no process is left after a signal or a lost reader during launches' <<- 'END'
	tree = ["sh", "-c", "sleep 300 & setsid sleep 300 & wait"]
	for i in range(60):
	    p = start("-j", "8")
	    for j in range(8):
	        send(p, argv=tree)
	    time.sleep(i % 30 * 0.0004)
	    if i < 30:
	        p.send_signal(signal.SIGTERM)
	    else:
	        p.stdout.close()
	    p.wait()
	    gone()
	END
	drive 'programs die when batch is killed by KILL' <<- 'END'
	p = start()
	for i in range(4):
	    send(p, argv=started("exec sleep 300"))
	ready(4)
	p.kill()
	p.wait()
	gone()
	END
}

process_1() {
	local i

	if ! unshare -pf --mount-proc true 2> /dev/null; then
		skip 'as process 1 batch reaps what programs leave behind' \
			'no pid namespace can be made'
		skip 'a signal to batch as process 1 ends it' 'no pid namespace can be made'
		return
	fi
	{
		for i in 1 2 3 4 5; do
			echo '{"argv": ["sh", "-c", "(setsid sleep 0.1 > /dev/null 2>&1 &)"]}'
		done
		sleep $((1 * slow))
		echo '{"id": "z", "argv": ["sh", "-c", "cat /proc/[0-9]*/stat"]}'
	} | unshare -pf --mount-proc "$tool" batch > "$tmp/out" 2> "$tmp/err"
	answers 'as process 1 batch reaps what programs leave behind' '
		len(a) == 6 and all(x["code"] == 0 for x in a if x["id"] != "z")
		and "(spawn-template)" in by["z"]["out"]
		and not any(x.rpartition(")")[2].split()[:1] == ["Z"]
			for x in by["z"]["out"].splitlines())'
	drive 'a signal to batch as process 1 ends it' <<- 'END'
	p = subprocess.Popen(["unshare", "-pf", "--mount-proc", tool, "batch"], env=env,
	    bufsize=0, **default)
	send(p, argv=started("trap '' INT; exec sleep 300"))
	ready(1)
	with open("/proc/%d/task/%d/children" % (p.pid, p.pid)) as f:
	    init = int(f.read())
	os.kill(init, signal.SIGTERM)
	check(p.wait() == 143, p.returncode)
	gone()
	END
}

reader_gone() {
	drive 'all processes end when the reader of the answers goes away' <<- 'END'
	p = start("--kill-after", "300ms")
	send(p, argv=started("trap '' TERM; sleep 300 & sleep 300; sleep 300"))
	ready(1)
	t = time.time()
	p.stdout.close()
	check(p.wait() == -signal.SIGPIPE, p.returncode)
	check(0.3 <= time.time() - t < 10 * slow)
	gone()
	p = start("--kill-after", "100s")
	send(p, argv=started("trap '' TERM; sleep 300 & sleep 300; sleep 300"))
	ready(2)
	p.stdout.close()
	time.sleep(0.3)
	check(p.poll() is None, "waits")
	p.send_signal(signal.SIGTERM)
	t = time.time()
	check(p.wait() == -signal.SIGTERM, p.returncode)
	check(time.time() - t < 10 * slow)
	gone()
	END
	drive 'all processes end when the reader goes away in mid-answer' <<- 'END'
	p = start(stderr=subprocess.PIPE)
	send(p, argv=started("sleep 300"))
	send(p, argv=["head", "-c", "10000000", "/dev/zero"])
	ready(1)
	check(os.read(p.stdout.fileno(), 100))
	p.stdout.close()
	check(p.wait() == -signal.SIGPIPE, p.returncode)
	check(p.stderr.read() == b"")
	gone()
	END
	drive 'a lost reader gives status 125 if SIGPIPE is ignored' <<- 'END'
	p = subprocess.Popen([tool, "batch"], env=env, bufsize=0,
	    restore_signals=False, preexec_fn=lambda: signal.signal(
	        signal.SIGPIPE, signal.SIG_IGN), **default)
	send(p, argv=started("sleep 300"))
	ready(1)
	p.stdout.close()
	check(p.wait() == 125, p.returncode)
	gone()
	END
	echo '{"argv": ["true"]}' | batch > /dev/full 2> "$tmp/log"
	[ $? = 125 ] && grep -q 'cannot write the output' "$tmp/log"
	result $? 'a full disk is reported: 125'
	echo '{"argv": ["true"]}' | batch >&- 2> "$tmp/log"
	[ $? = 125 ] && grep -q 'cannot write the output' "$tmp/log"
	result $? 'a closed standard output is reported: 125'
	batch < "$tmp" > "$tmp/out" 2> "$tmp/log"
	[ $? = 125 ] && grep -q 'cannot read the input' "$tmp/log"
	result $? 'input that cannot be read is reported: 125'
	batch <&- > "$tmp/out" 2> "$tmp/log"
	[ $? = 125 ] && grep -q 'cannot read the input' "$tmp/log"
	result $? 'a closed standard input is reported: 125'
}

usage() {
	local bad=0 options

	for options in '-j 0' '-j 1025' '-j x' '--max-output 0' \
		'--max-output 5T' '--timeout -1' '--cgroup-tree=/nonexistent' \
		'true'; do
		# shellcheck disable=SC2086 # $options are words
		batch $options < /dev/null > /dev/null 2> "$tmp/err"
		[ $? = 125 ] && [ -s "$tmp/err" ] && continue
		bad=1
		echo "$options" >> "$tmp/log"
	done
	result "$bad" 'bad options are refused: 125'
	batch --json -j 1024 --max-output 1G --timeout 1h --kill-after 0 --cgroup \
		< /dev/null > "$tmp/out" 2> "$tmp/log"
	result $? 'good options are taken'
}

chmod 755 "$tmp"
order
ids
ends
bad_lines
long_lines
bytes
other_bytes
long_path
environment
errors
signals_of_programs
descriptors
templates
timeouts
cgroups
many
bound
big_output
interactive
stopped
process_1
reader_gone
usage

echo "1..$n"
exit "$failed"
