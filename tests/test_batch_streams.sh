#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# spawn-template batch: output as it comes, input later, terminals, deadlines that let a
# program go on, and lines that are for a program which runs or waits. docs/batch.md
# shows all of it: its programs run here, too.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh
# shellcheck source=tests/batch.sh
. tests/batch.sh

streams() {
	drive 'output comes while the program runs, and the result has none' <<- 'END'
	p = start()
	send(p, id="s", stream=True, argv=["sh", "-c",
	    "echo one; while [ ! -e %s/go ]; do sleep 0.02; done;"
	    "echo two >&2; exit 3" % tmp])
	x = receive(p)
	check(x == {"id": "s", "line": 1, "event": "out", "out": "one\n"}, x)
	open(tmp + "/go", "w").close()
	x = receive(p)
	check(x == {"id": "s", "line": 1, "event": "err", "err": "two\n"}, x)
	x = receive(p)
	check("event" not in x and x["code"] == 3 and "out" not in x and "err" not in x, x)
	check(x["out_total"] == 4 and x["err_total"] == 4, x)
	END
	drive 'streamed bytes are text or base64, and no character is cut in two' <<- 'END'
	p = start()
	text = "".join(chr(0x20ac + i % 500) + chr(0x1f600 + i % 50) for i in range(40000))
	with open(tmp + "/text", "w", encoding="utf-8") as f:
	    f.write(text)
	send(p, id="t", stream=True, argv=["dd", "if=" + tmp + "/text", "bs=997",
	    "status=none"])
	send(p, id="b", stream=True, argv=["printf", "\\377\\200ab"])
	send(p, id="e", stream=True, argv=["printf", "caf\\303"])
	got = {"t": "", "b": b"", "e": ""}
	ended = set()
	while len(ended) < 3:
	    x = receive(p)
	    if "event" not in x:
	        ended.add(x["id"])
	    elif x["id"] == "t":
	        got["t"] += x["out"]
	    elif x["id"] == "b":
	        got["b"] += base64.b64decode(x["out_base64"])
	    else:
	        got["e"] += x.get("out", "") + x.get("out_base64", "")
	check(got["t"] == text, len(got["t"]), len(text))
	check(got["b"] == b"\xff\x80ab" and got["e"] == "cafww==", got["b"], got["e"])
	END
	drive 'a reader that is slow stops the program, and no byte is lost' <<- 'END'
	p = start("--max-output", "64K")
	size = 30000000
	send(p, id=1, stream=True, argv=["sh", "-c",
	    "head -c %d /dev/zero | tr '\\0' x; : > %s/all" % (size, tmp)])
	x = receive(p)
	time.sleep(0.7)
	check(not os.path.exists(tmp + "/all"), "it has written all")
	n = len(x["out"])
	while x.get("event"):
	    x = receive(p)
	    n += len(x.get("out", ""))
	check(n == size == x["out_total"] and not x["out_truncated"], n, x)
	with open("/proc/%d/status" % p.pid) as f:
	    peak = [int(l.split()[1]) for l in f if l.startswith("VmHWM")][0]
	check(peak < 20000 or "SAN" in os.environ, peak)
	END
	drive 'a flood of output does not keep batch from its lines' <<- 'END'
	p = start()
	send(p, id="flood", stream=True, argv=["yes"])
	while receive(p)["event"] != "out":
	    pass
	send(p, id="other", argv=["echo", "here"])
	while True:
	    x = receive(p)
	    if x["id"] == "other":
	        break
	check(x["out"] == "here\n", x)
	send(p, cancel="flood")
	while x.get("event") != "cancel":
	    x = receive(p)
	while "event" in x:
	    x = receive(p)
	check(x["cancelled"] and x["signal"] == "SIGTERM", x)
	p.stdin.close()
	check(p.wait() == 0)
	gone()
	END
}

inputs() {
	drive 'input comes later, as text and as bytes, until it is closed' <<- 'END'
	p = start()
	send(p, id="c", argv=["cat"], input="first ", open_input=True, stream=True)
	check(receive(p)["out"] == "first ")
	for key, value in ("data", "caf\u00e9"), ("data_base64", "/w=="), ("data", ""):
	    p.stdin.write(json.dumps({"write": "c", key: value}).encode() + b"\n")
	got, answers = b"", []
	while len(got) < 6 or len(answers) < 3:
	    x = receive(p)
	    if x["event"] == "write":
	        answers.append(x["line"])
	        check("error" not in x, x)
	    else:
	        got += x.get("out", "").encode() + base64.b64decode(x.get("out_base64", ""))
	check(got == "caf\u00e9".encode() + b"\xff" and answers == [2, 3, 4], got, answers)
	send(p, close_input="c")
	check(receive(p) == {"id": "c", "line": 5, "event": "close_input"})
	check(receive(p)["code"] == 0)
	END
	drive 'the answer to a write waits for a program that does not read' <<- 'END'
	p = start()
	send(p, id="w", open_input=True, argv=["sh", "-c",
	    "while [ ! -e %s/read ]; do sleep 0.02; done; wc -c" % tmp])
	send(p, write="w", data="x" * 3000000)
	send(p, write="w", data="y" * 10)
	send(p, write="w", data="z")
	send(p, id="other", argv=["true"])
	x = receive(p)
	check(x["line"] == 3 and x["error"]["name"] == "EAGAIN", x)
	x = receive(p)
	check(x["line"] == 4 and x["error"]["name"] == "EAGAIN", x)
	check(receive(p)["id"] == "other")
	check(silent(p, 0.3), "answered")
	open(tmp + "/read", "w").close()
	x = receive(p)
	check(x == {"id": "w", "line": 2, "event": "write"}, x)
	send(p, close_input="w")
	check(receive(p)["event"] == "close_input")
	check(receive(p)["out"].strip() == "3000000")
	END
	drive 'the end of input waits behind input, and delays no other line' <<- 'END'
	p = start()
	send(p, id="w", open_input=True, argv=["sh", "-c",
	    "while [ ! -e %s/go ]; do sleep 0.02; done; exec wc -c" % tmp])
	send(p, write="w", data="x" * 3000000)
	send(p, close_input="w")
	send(p, write="w", data="late")
	send(p, id="other", argv=["echo", "here"])
	answers = []
	while not any(x.get("out") == "here\n" for x in answers):
	    answers.append(receive(p))
	check(not any(x.get("event") == "close_input" for x in answers), answers)
	check([x["error"]["name"] for x in answers if "error" in x] == ["EPIPE"], answers)
	open(tmp + "/go", "w").close()
	while not any(x["id"] == "w" and "event" not in x for x in answers):
	    answers.append(receive(p))
	check([x["line"] for x in answers if x.get("event") == "close_input"] == [3], answers)
	check([x["out"].strip() for x in answers if "code" in x and x["id"] == "w"]
	    == ["3000000"], answers)
	END
	drive 'input that nobody reads is answered with EPIPE' <<- 'END'
	p = start()
	send(p, id="x", open_input=True, argv=["sh", "-c", "read x; exec <&-;"
	    ": > %s/closed; sleep 300" % tmp])
	# a line comes only when the launch is over, and batch has no copy of the end
	send(p, write="x", data="a\n")
	check(receive(p) == {"id": "x", "line": 2, "event": "write"})
	until(lambda: os.path.exists(tmp + "/closed"), "closed")
	send(p, write="x", data="a")
	x = receive(p)
	check(x["event"] == "write" and x["error"]["name"] == "EPIPE", x)
	send(p, cancel="x")
	check(receive(p)["event"] == "cancel")
	check(receive(p)["cancelled"])
	send(p, id="y", open_input=True, argv=["sh", "-c", "sleep 0.5"])
	send(p, write="y", data="a" * 3000000)
	x = receive(p)
	check(x["event"] == "write" and x["error"]["name"] == "EPIPE", x)
	check(receive(p)["code"] == 0)
	END
	drive 'at the end of the lines open input is closed' <<- 'END'
	p = start("-j", "1")
	for i in range(3):
	    send(p, id=i, argv=["cat"], open_input=True)
	    send(p, write=i, data="%d\n" % i)
	p.stdin.close()
	out = {}
	while len(out) < 3:
	    x = receive(p)
	    if "event" not in x:
	        out[x["id"]] = x["out"]
	check(out == {0: "0\n", 1: "1\n", 2: "2\n"}, out)
	check(p.wait() == 0)
	END
}

terminals() {
	drive 'a program has a terminal of the size asked for, which can change' <<- 'END'
	p = start()
	send(p, id="t", pty=True, rows=30, columns=90, open_input=True, stream=True,
	    echo=False, argv=["sh", "-c", "trap 'stty size' WINCH; stty size; test -t 2 &&"
	    "echo terminal; while ! read x; do :; done; echo got $x"])
	out = ""
	def wait_for(text):
	    global out
	    while text not in out:
	        x = receive(p)
	        check("error" not in x, x)
	        out += x.get("out", "")
	wait_for("terminal")
	check("30 90" in out, out)
	send(p, winsize="t", rows=40, columns=100)
	wait_for("40 100")
	send(p, write="t", data="word\n")
	wait_for("got word")
	check(out.count("word") == 1, out)
	send(p, id="i", pty=True, open_input=True, argv=["sleep", "300"])
	send(p, write="i", data="\x03")
	while True:
	    x = receive(p)
	    if x["id"] == "i" and "event" not in x:
	        break
	check(x["signal"] == "SIGINT", x)
	END
}

deadlines() {
	drive 'a program without output for idle_timeout ends, one with output goes on' <<- 'END'
	p = start("--idle-timeout", "%ds" % (60 * slow))
	send(p, id="quiet", argv=["sh", "-c", "echo x; sleep 300"], idle_timeout=0.3)
	x = receive(p)
	check(x["idle"] and x["timed_out"] and x["out"] == "x\n", x)
	send(p, id="busy", idle_timeout=2 * slow, argv=["sh", "-c",
	    "for i in 1 2 3 4 5 6; do echo $i; sleep 0.4; done"])
	x = receive(p)
	check(not x["idle"] and x["code"] == 0, x)
	p.stdin.close()
	check(p.wait() == 0)
	p = start("--idle-timeout", "300ms")
	send(p, argv=["sleep", "300"])
	check(receive(p)["idle"])
	END
	drive 'a detached program is told, goes on and can be fed' <<- 'END'
	p = start()
	send(p, id="d", timeout=0.3, detach=True, detached_timeout=0, open_input=True,
	    argv=["sh", "-c", "echo before; cat"])
	x = receive(p)
	check(x["event"] == "detached" and x["detached"] and x["timed_out"], x)
	check(x["out"] == "before\n" and x["code"] is None, x)
	send(p, write="d", data="after\n")
	check(receive(p)["event"] == "write")
	send(p, close_input="d")
	check(receive(p)["event"] == "close_input")
	x = receive(p)
	check(x["code"] == 0 and x["out"] == "before\nafter\n", x)
	check(x["detached"] and not x["timed_out"], x)
	send(p, id="e", timeout=0.2, detach=True, detached_timeout="300ms",
	    argv=["sleep", "300"])
	check(receive(p)["event"] == "detached")
	x = receive(p)
	check(x["timed_out"] and x["signal"] == "SIGTERM", x)
	END
}

# ---- lines for programs

control() {
	drive 'lines for programs are served while all of them run' <<- 'END'
	p = start("-j", "2")
	for i in range(2):
	    send(p, id=i, argv=started("exec cat"), open_input=True)
	ready(2)
	for i in range(2, 30):
	    send(p, id=i, argv=["echo", str(i)])
	send(p, write=0, data="zero")
	check(receive(p) == {"id": 0, "line": 31, "event": "write"})
	send(p, cancel=20)
	check(receive(p) == {"id": 20, "line": 32, "event": "cancel"})
	x = receive(p)
	check(x["id"] == 20 and x["line"] == 21 and x["error"]["name"] == "ECANCELED", x)
	send(p, cancel=1)
	check(receive(p)["event"] == "cancel")
	ids = []
	while len(ids) < 28:
	    ids.append(receive(p)["id"])
	check(sorted(ids) == sorted(set(range(1, 30)) - {20}), ids)
	send(p, close_input=0)
	check(receive(p)["event"] == "close_input")
	check(receive(p)["out"] == "zero")
	END
	drive 'input, size and end reach a program that waits for its turn' <<- 'END'
	p = start("-j", "1")
	send(p, id="first", argv=["cat"], open_input=True)
	send(p, id="next", argv=["cat"], open_input=True)
	send(p, id="terminal", argv=["stty", "size"], pty=True)
	send(p, write="next", data="early")
	send(p, close_input="next")
	send(p, write="next", data="late")
	send(p, winsize="terminal", rows=11, columns=22)
	x = receive(p)
	check(x["line"] == 6 and x["error"]["name"] == "EPIPE", x)
	check(receive(p) == {"id": "terminal", "line": 7, "event": "winsize"})
	send(p, cancel="first")
	check(receive(p)["event"] == "cancel")
	check(receive(p)["id"] == "first")
	check(receive(p) == {"id": "next", "line": 4, "event": "write"})
	check(receive(p) == {"id": "next", "line": 5, "event": "close_input"})
	check(receive(p)["out"] == "early")
	check(receive(p)["out"] == "11 22\r\n")
	END
	drive 'cancel ends the whole tree' <<- 'END'
	p = start()
	send(p, id=[1, {"a": None}], argv=started("sleep 300 & setsid sleep 300 & wait"))
	ready(1)
	until(lambda: sum("sleep" in m for m in marked().values()) >= 2, "sleep")
	p.stdin.write(b'{"cancel": [1,{"a":null}]}\n')
	x = receive(p)
	check(x == {"id": [1, {"a": None}], "line": 2, "event": "cancel"}, x)
	x = receive(p)
	check(x["cancelled"] and not x["timed_out"] and x["signal"] == "SIGTERM", x)
	p.stdin.close()
	check(p.wait() == 0)
	gone()
	END
	drive 'a line for no program, or for several, is refused and loses nothing' <<- 'END'
	p = start()
	send(p, argv=["cat"], open_input=True)
	send(p, id="twin", argv=["sleep", "300"])
	send(p, id="twin", argv=["sleep", "300"])
	send(p, id="plain", argv=["sleep", "300"])
	wrong = [({"cancel": "nobody"}, "ENOENT"), ({"write": 99, "data": "x"}, "ENOENT"),
	    ({"cancel": "twin"}, "ENOTUNIQ"), ({"write": "plain", "data": "x"}, "EINVAL"),
	    ({"close_input": "plain"}, "EINVAL"),
	    ({"winsize": "plain", "rows": 1, "columns": 1}, "EINVAL"),
	    ({"winsize": 1, "rows": 1}, "EINVAL"), ({"write": 1}, "EINVAL"),
	    ({"winsize": 1, "rows": 0, "columns": 70000}, "EINVAL"),
	    ({"write": 1, "data": 5}, "EINVAL"), ({"write": 1, "data_base64": "A"}, "EINVAL"),
	    ({"write": 1, "data": "x", "data_base64": "eA=="}, "EINVAL"),
	    ({"cancel": 1, "argv": ["true"]}, "EINVAL"), ({"cancel": 1, "soon": 1}, "EINVAL"),
	    ({"cancel": 1, "write": 1}, "EINVAL")]
	for line, name in wrong:
	    send(p, **line)
	    x = receive(p)
	    check(x["event"] in line and x["error"]["name"] == name, line, x)
	    check(x["id"] in line.values() and x["error"]["message"], line, x)
	p.stdin.write(b'{"write": 1, "data": "x\n')
	check(receive(p)["event"] == "write")
	p.stdin.write(b'{"write": 1\n')
	x = receive(p)
	check(x["id"] is None and x["error"]["name"] == "EINVAL", x)
	send(p, write=1, data="whole")
	check("error" not in receive(p))
	send(p, close_input=1)
	check("error" not in receive(p))
	check(receive(p)["out"] == "whole")
	p.send_signal(signal.SIGTERM)
	p.wait()
	gone()
	END
	feed -j 4 <<- 'END'
	{"id": "rows", "argv": ["true"], "rows": 5}
	{"id": "echo", "argv": ["true"], "echo": false}
	{"id": "detach", "argv": ["true"], "detach": true}
	{"id": "detached", "argv": ["true"], "timeout": 1, "detached_timeout": 1}
	{"id": "idle", "argv": ["true"], "idle_timeout": "x"}
	{"id": "stream", "argv": ["true"], "stream": 1}
	{"id": "data", "argv": ["true"], "data": "x"}
	{"id": "most", "argv": ["true"], "max_output": 0}
	{"id": "less", "argv": ["echo", "word"], "max_output": 2}
	{"id": "size", "argv": ["echo", "word"], "max_output": "1K"}
	{"id": "half", "argv": ["true"], "pty": true, "rows": 5}
	{"id": "long", "argv": ["true"], "max_output": 5, "tail": 6}
	{"id": "both", "argv": ["true"], "stream": true, "tail": 6}
	{"id": "nowhere", "argv": ["true"], "spill": "/nonexistent"}
	{"id": "tail", "argv": ["seq", "1000"], "max_output": 10, "tail": 4}
	END
	answers 'keys that need others, or make no sense, are refused' '
		errors("EINVAL", "rows", "echo", "detach", "detached", "idle", "stream",
			"data", "most", "half", "long", "both") and len(a) == 15
		and errors("ENOENT", "nowhere") and by["tail"]["out"] == "1\n2\n3\n000\n"
		and by["tail"]["out_gap"] == 6
		and by["less"]["out"] == "wo" and by["less"]["out_truncated"]
		and by["less"]["out_total"] == 5 and by["size"]["out"] == "word\n"'
}

spills() {
	mkdir "$tmp/spill"
	drive 'output that is not kept goes to files in a directory' <<- 'END'
	p = start()
	send(p, argv=["seq", "100000"], max_output=100, spill="spill", cwd=tmp)
	x = receive(p)
	check(x["spilled"] and x["out_len"] == 100, x)
	with open(tmp + "/spill/out") as f:
	    check(f.read() == "".join("%d\n" % i for i in range(1, 100001)))
	def links():
	    found = []
	    for fd in os.listdir("/proc/%d/fd" % p.pid):
	        try:
	            found.append(os.readlink("/proc/%d/fd/%s" % (p.pid, fd)))
	        except OSError:
	            pass
	    return found
	until(lambda: not any("/spill" in name for name in links()), "all closed")
	END
}

# ---- how many

jobs() {
	drive 'by default 64 programs run at a time' <<- 'END'
	p = start("--max-output", "1M")
	for i in range(70):
	    send(p, id=i, argv=started("exec sleep 300"))
	ready(64)
	time.sleep(0.3)
	ready(64)
	for i in range(6):
	    send(p, cancel=i)
	ready(70)
	p.send_signal(signal.SIGTERM)
	check(p.wait() == -signal.SIGTERM)
	gone()
	END
	drive 'by default fewer run where memory or files are short, without a word' <<- 'END'
	import resource
	def count(limit, value):
	    def before():
	        resource.setrlimit(limit, (value, value))
	    p = subprocess.Popen([tool, "batch"], env=env, bufsize=0, preexec_fn=before,
	        stderr=subprocess.PIPE, **default)
	    for i in range(70):
	        send(p, argv=started("exec sleep 300"))
	    until(lambda: os.listdir(tmp + "/ready"), "one")
	    time.sleep(1)
	    n = len(os.listdir(tmp + "/ready"))
	    p.send_signal(signal.SIGTERM)
	    p.wait()
	    check(p.stderr.read() == b"", "it said something")
	    gone()
	    for name in os.listdir(tmp + "/ready"):
	        os.unlink(tmp + "/ready/" + name)
	    return n
	check(1 <= count(resource.RLIMIT_NOFILE, 150) < 20)
	if "SAN" not in os.environ:
	    check(1 <= count(resource.RLIMIT_AS, 1 << 30) <= 16)
	END
}

# ---- the document

document() {
	local bin=$tmp/bin

	mkdir -p "$bin"
	ln -s "$tool" "$bin/spawn-template"
	awk '/^```/ { file = "" } file { print > file }
		/^```python$/ { file = "'"$tmp"'/example.py" }
		/^```bash$/ { file = "'"$tmp"'/example.bash" }
		/^```js$/ { file = "'"$tmp"'/example.js" }' docs/batch.md
	PATH=$bin:$PATH timeout $((20 * slow)) "$python" "$tmp/example.py" \
		> "$tmp/out" 2> "$tmp/log"
	cat >> "$tmp/log" "$tmp/out"
	grep -q '^build writes begun$' "$tmp/out" &&
		grep -q '^build writes done$' "$tmp/out" &&
		grep -q "^sort has ended: 0 None \['apple', 'pear'\]\$" "$tmp/out" &&
		grep -q '^stuck has ended: None SIGTERM' "$tmp/out"
	result $? 'the Python program of docs/batch.md works'
	PATH=$bin:$PATH timeout $((20 * slow)) bash "$tmp/example.bash" \
		> "$tmp/out" 2> "$tmp/log"
	cat >> "$tmp/log" "$tmp/out"
	sort "$tmp/out" | diff - <(sort <<- 'END'
	["build","out","begun\n"]
	["build","out","done\n"]
	["build",0,null,null]
	["sort",0,null,"apple\npear\n"]
	["stuck",null,"SIGTERM",""]
	END
	) >> "$tmp/log"
	result $? 'the bash program of docs/batch.md works'
	if ! command -v node > /dev/null; then
		skip 'the Node program of docs/batch.md works' 'there is no node'
		return
	fi
	PATH=$bin:$PATH timeout $((20 * slow)) node "$tmp/example.js" \
		> "$tmp/out" 2> "$tmp/log"
	cat >> "$tmp/log" "$tmp/out"
	diff - "$tmp/out" >> "$tmp/log" <<- 'END'
	build writes begun
	build writes done
	build has ended: 0
	idle for too long: true
	END
	result $? 'the Node program of docs/batch.md works'
}

chmod 755 "$tmp"
streams
inputs
terminals
deadlines
control
spills
jobs
document

echo "1..$n"
exit "$failed"
