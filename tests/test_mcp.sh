#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# spawn-template mcp: both ways of the protocol, and each tool.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh
# shellcheck source=tests/mcp.sh
. tests/mcp.sh

protocol() {
	drive 'initialize agrees on each version that has it' <<- 'END'
	for asked, agreed in [(v, v) for v in ("2024-11-05", "2025-03-26", "2025-06-18",
	        "2025-11-25")] + [("2026-07-28", "2025-11-25"), ("1900-01-01", "2025-11-25")]:
	    s = Server()
	    x = s.initialize(asked)["result"]
	    check(x["protocolVersion"] == agreed and x["capabilities"] == {"tools": {}}, x)
	    check(x["serverInfo"]["name"] == "spawn-template", x)
	    s.send("notifications/initialized")
	    check(s.ask("ping")["result"] == {}, asked)
	    x = s.ask("tools/list")["result"]
	    check(list(x) == ["tools"], list(x))
	    x = s.ask("tools/call", {"name": "run", "arguments": {"argv": ["echo", "a"]}})
	    check(set(x["result"]) == {"content", "structuredContent", "isError"}, x)
	    check(s.ask("server/discover")["error"]["code"] == -32601)
	    check(s.end() == 0)
	END
	drive 'requests that name 2026-07-28 need no initialize, and others are refused' <<- 'END'
	s = Server()
	x = s.ask("server/discover")["result"]
	check(x["supportedVersions"] == ["2026-07-28"] and x["resultType"] == "complete", x)
	check("ttlMs" in x and x["cacheScope"] == "private", x)
	check(x["capabilities"]["extensions"] == {META + "tasks": {}}, x)
	check(x["_meta"][META + "serverInfo"]["name"] == "spawn-template", x)
	x = s.ask("tools/list")["result"]
	check(x["resultType"] == "complete" and "ttlMs" in x, x)
	check([t["name"] for t in x["tools"]] == ["run", "batch", "start", "read", "write",
	    "wait", "resize", "stop", "list"], x)
	check(s.ask("tools/list", {"cursor": "x"})["error"]["code"] == -32602)
	check(s.ask("ping")["error"]["code"] == -32601)
	check(s.ask("resources/list")["error"]["code"] == -32601)
	s.meta = dict(NEW, **{META + "protocolVersion": "2030-01-01"})
	x = s.ask("tools/list")["error"]
	check(x["code"] == -32022 and x["data"] == {"supported": ["2026-07-28"],
	    "requested": "2030-01-01"}, x)
	s.meta = {META + "protocolVersion": "2026-07-28"}
	check(s.ask("tools/list")["error"]["code"] == -32602)
	s.meta = None
	check(s.ask("tools/list")["error"]["code"] == -32602)
	check(s.ask("server/discover")["error"]["code"] == -32602)
	check(s.end() == 0)
	END
	drive 'a list of messages is served before 2025-06-18, and refused later' <<- 'END'
	s = Server()
	s.initialize("2025-03-26")
	two = [{"jsonrpc": "2.0", "id": i, "method": "ping"} for i in (7, 8)]
	s.raw(json.dumps(two).encode() + b"\n")
	check([s.receive()["id"], s.receive()["id"]] == [7, 8])
	s.initialize("2025-06-18")
	s.raw(json.dumps(two).encode() + b"\n")
	check(s.receive()["error"]["code"] == -32600)
	END
	drive 'progress is told, and grows, until the answer' <<- 'END'
	s = Server()
	s.send("tools/call", {"name": "run", "_meta": {"progressToken": "p"}, "arguments":
	    {"command": "sleep 2.5; echo x"}}, 1)
	x = s.answer(1)
	told = [n["params"] for n in s.notes]
	check(len(told) >= 2, s.notes)
	check(all(p["progressToken"] == "p" for p in told), told)
	check([p["progress"] for p in told] == sorted({p["progress"] for p in told}), told)
	END
	drive 'a subscription is acknowledged, and lasts until it is cancelled' <<- 'END'
	s = Server()
	s.send("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, "l")
	x = s.receive()
	check(x["method"] == "notifications/subscriptions/acknowledged" and x["params"] == {
	    "_meta": {META + "subscriptionId": "l"}, "notifications": {}}, x)
	s.send("subscriptions/listen", {"notifications": {}}, "l")
	check(s.receive()["error"]["code"] == -32600)
	s.send("notifications/cancelled", {"requestId": "l"})
	s.send("subscriptions/listen", {"notifications": {}}, "l")
	check("method" in s.receive())
	END
}

tools() {
	drive 'run tells output, exit code and signal' <<- 'END'
	s = Server()
	x = s.call("run", argv=["sh", "-c", "echo out; echo err >&2; exit 3"])
	check((x["out"], x["err"], x["code"], x["signal"]) == ("out\n", "err\n", 3, None), x)
	check(x["running"] is False and "handle" not in x and x["timed_out"] is False, x)
	x = s.call("run", command="cat; echo $A; pwd; kill -9 $$", input="in\n", cwd="/",
	    env={"A": "b", "PATH": os.environ["PATH"]})
	check((x["out"], x["code"], x["signal"]) == ("in\nb\n/\n", None, "SIGKILL"), x)
	x = s.call("run", argv=["printf", "\\377a"])
	check(x["out"] == "\ufffda" and x["out_replaced"] and x["out_total"] == 2, x)
	x = s.call("run", argv=["printf", "\\377a"], base64=True)
	check(base64.b64decode(x["out_base64"]) == b"\xffa" and "out" not in x, x)
	x = s.call("run", argv=["sh", "-c", "echo err >&2"], merge_stderr=True)
	check((x["out"], x["err"]) == ("err\n", ""), x)
	END
	drive 'a command of words runs without a shell, and another one in a shell' <<- 'END'
	s = Server()
	x = s.call("run", command="env -i A='b  c' D=\"e\"")
	check((x["out"], x["code"]) == ("A=b  c\nD=e\n", 0), x)
	x = s.ask("tools/call", {"name": "run", "arguments": {"command": "nonesuch-program x"}})
	check(x["result"]["structuredContent"]["error"]["name"] == "ENOENT", x)
	x = s.call("run", command="nonesuch-program x; exit 5")
	check(x["code"] == 5 and "not found" in x["err"], x)
	x = s.call("run", command="nonesuch-program x", shell="/bin/sh")
	check(x["code"] == 127, x)
	check(s.call("run", command="printenv PWD", cwd="/usr")["out"] == "/usr\n")
	x = s.call("run", command="printenv PWD", cwd="/usr", setenv={"PWD": "x"})
	check(x["out"] == "x\n", x)
	END
	drive 'a call that is wrong, or whose program cannot start, says why' <<- 'END'
	s = Server()
	x = s.ask("tools/call", {"name": "run", "arguments": {"argv": ["/nonesuch"]}})["result"]
	check(x["isError"] and x["structuredContent"]["error"]["name"] == "ENOENT", x)
	for wrong, why in [({"argv": ["true"], "bogus": 1}, "bogus"), ({"argv": "true"}, "argv"),
	        ({}, "argv"), ({"argv": ["true"], "command": "true"}, "either"),
	        ({"argv": ["true"], "timeout": 0}, "timeout"),
	        ({"argv": ["true"], "timeout": "25h"}, "timeout"),
	        ({"argv": ["true"], "stream": True}, "stream"),
	        ({"argv": ["true"], "id": 1}, "id"), ({"argv": ["true"], "cancel": 1}, "cancel"),
	        ({"argv": ["true"], "max_output": "17M"}, "max_output"),
	        ({"argv": ["true"], "spill": "relative"}, "spill"),
	        ({"argv": ["true"], "env": {"A": None}}, "env"),
	        ({"argv": ["tr\0ue"]}, "NUL")]:
	    x = s.ask("tools/call", {"name": "run", "arguments": wrong})["result"]
	    check(x["isError"], wrong)
	    check(why in x["structuredContent"]["error"]["message"], wrong, x)
	check(s.ask("tools/call", {"name": "nope"})["error"]["code"] == -32602)
	check(s.ask("tools/call", {"name": "list", "arguments": 1})["error"]["code"] == -32602)
	check("handle" in s.call("read", handle="0" * 32)["error"]["message"])
	END
	drive 'a run that outlasts its wait goes on, and is read to its end later' <<- 'END'
	s = Server()
	x = s.call("run", command="echo one; while [ ! -e %s/go ]; do sleep 0.02; done; "
	    "echo two" % tmp, wait=0.3)
	check(x["running"] and len(x["handle"]) == 32 and "code" not in x, x)
	h = x["handle"]
	check(s.call("read", handle=h, wait=10)["text"] == "one\n")
	check([r["handle"] for r in s.call("list")["runs"]] == [h])
	s.send("tools/call", {"name": "read", "arguments": {"handle": h, "cursor": 4,
	    "wait": 10}}, "r")
	check(s.silent(0.3))
	open(tmp + "/go", "w").close()
	x = s.answer("r")["result"]["structuredContent"]
	check((x["text"], x["cursor"], x["lost"]) == ("two\n", 8, 0), x)
	x = s.call("wait", handle=h)
	check((x["out"], x["code"], x["running"]) == ("one\ntwo\n", 0, False), x)
	check(s.call("read", handle=h, cursor=100)["text"] == "")
	os.unlink(tmp + "/go")
	END
	drive 'output beyond the bound keeps head and tail, and all of it goes to a file' <<- 'END'
	s = Server()
	x = s.call("run", argv=["seq", "200000"], max_output=1000, tail=300, spill=tmp)
	full = "".join("%d\n" % i for i in range(1, 200001))
	head, gap, tail = x["out"].partition("\n[... %d bytes are left out ...]\n" % (
	    len(full) - 1000))
	check(head == full[:700] and tail == full[-300:], x)
	check(x["out_total"] == len(full) and x["out_omitted"] == len(full) - 1000, x)
	check(open(x["out_spill"]).read() == full, x["out_spill"])
	check(os.stat(x["out_spill"]).st_mode & 0o777 == 0o600)
	h = s.call("start", argv=["seq", "200000"], max_output=1000, tail=300, spill=tmp)[
	    "handle"]
	spilled = s.call("wait", handle=h)["out_spill"]
	check(not opens(s.process.pid, spilled), spilled)
	check(s.call("read", handle=h, max_bytes=100)["text"] == full[:100])
	x = s.call("read", handle=h, cursor=700)
	check(x["text"] == full[-300:] and x["lost"] == len(full) - 1000, x)
	x = s.call("read", handle=h, cursor=len(full) - 10)
	check(x["text"] == full[-10:] and x["lost"] == 0, x)
	END
	drive 'an answer without room for all output tells, and read and the file have it' <<- 'END'
	full = 6 << 20
	script = "head -c %d /dev/zero | tr '\\0' '\\1'" % full
	s = Server()
	def call(tool, **arguments):
	    x = s.ask("tools/call", {"name": tool, "arguments": arguments}, 60)
	    return x["result"]["structuredContent"]
	x = call("batch", runs=[{"command": script, "max_output": full, "spill": tmp},
	    {"argv": ["echo", "a"]}])["results"]
	check(x[1]["out"] == "a\n" and "out_shortened" not in x[1], x[1])
	x = x[0]
	check(x["out_shortened"] and x["out_total"] == full, list(x))
	head, gap, tail = x["out"].partition(
	    "\n[... %d bytes are left out ...]\n" % x["out_omitted"])
	check(gap and set(head + tail) == {"\1"}, len(x["out"]))
	check(len(head) > full / 4 and len(tail) > full / 4, len(head), len(tail))
	check(len(head + tail) + x["out_omitted"] == full, x["out_omitted"])
	check(6 * len(head + tail) <= 32 << 20, len(head + tail))
	check(os.path.getsize(x["out_spill"]) == full)
	check(not opens(s.process.pid, x["out_spill"]))
	part = call("read", handle=x["handle"], max_bytes=full)
	check(part["lost"] == 0 and part["cursor"] == len(part["text"]), part["cursor"])
	check(full / 4 < part["cursor"] <= (32 << 20) // 6, part["cursor"])
	part = call("read", handle=x["handle"], cursor=part["cursor"], max_bytes=full)
	check(part["cursor"] == full, part["cursor"])
	x = s.call("run", argv=["head", "-c", "%d" % full, "/dev/zero"], max_output=full,
	    base64=True)
	check(base64.b64decode(x["out_base64"]) == bytes(full) and "handle" not in x)
	END
	drive 'cleaned output is what a terminal would show, and read has the bytes' <<- 'END'
	s = Server()
	raw = "\x1b[31mred\x1b[0m\n10%\r50%\r100%\n"
	x = s.call("run", argv=["printf", "%s", raw], clean=True)
	check(x["out"] == "red\n100%\n" and x["out_total"] == len(raw), x)
	h = s.call("start", argv=["printf", "%s", raw], clean=True)["handle"]
	check(s.call("wait", handle=h)["out"] == "red\n100%\n")
	check(s.call("read", handle=h)["text"] == raw)
	x = s.call("run", argv=["printf", "\\377\\377\\377"], clean=True)
	check(x["out"] == "\ufffd" * 3, x)
	check("clean" in s.call("run", argv=["true"], clean=True, base64=True)["error"][
	    "message"])
	END
	drive 'input is written, a terminal resized, and a run stopped with its tree' <<- 'END'
	s = Server()
	h = s.call("start", argv=["cat"], open_input=True)["handle"]
	s.call("write", handle=h, data="a\n")
	s.call("write", handle=h, data_base64="Ygo=", close=True)
	check(s.call("wait", handle=h)["out"] == "a\nb\n")
	check("ended" in s.call("write", handle=h, data="x")["error"]["message"])
	h = s.call("start", argv=["sleep", "65"], open_input=True)["handle"]
	start = time.time()
	check(s.call("write", handle=h, data="x")["running"])
	check(time.time() - start < 30, "a program that says nothing to it")
	h = s.call("start", command="trap 'stty size' WINCH; echo up; while :; do sleep 0.05; "
	    "done", pty=True, rows=10, columns=20)["handle"]
	check("up" in s.call("read", handle=h, wait=10)["text"])
	check("open_input" in s.call("write", handle=h, data="x")["error"]["message"])
	s.call("resize", handle=h, rows=30, columns=90)
	check("30 90" in s.call("read", handle=h, cursor=4, wait=10)["text"])
	check(runs("stty"))
	x = s.call("stop", handle=h)
	check(x["cancelled"] and x["running"] is False, x)
	until(lambda: not runs("stty"), "ended")
	END
	drive 'a batch runs many, in the order of the request or of the ends' <<- 'END'
	s = Server()
	jobs = [{"command": "sleep %s; echo %d" % (1 - i * 0.4, i)} for i in range(3)]
	x = s.call("batch", runs=jobs)["results"]
	check([(r["index"], r["out"]) for r in x] == [(0, "0\n"), (1, "1\n"), (2, "2\n")], x)
	x = s.call("batch", runs=jobs, order="end")["results"]
	check([r["index"] for r in x] == [2, 1, 0], x)
	x = s.call("batch", runs=[{"argv": ["sleep", "60"]}, {"argv": ["echo"]}], wait=1)
	check(x["results"][0]["running"] and "handle" in x["results"][0], x)
	check(x["results"][1]["code"] == 0, x)
	s.call("stop", handle=x["results"][0]["handle"])
	x = s.call("batch", runs=[{"argv": ["sleep", "61"]}, {"argv": []}])
	check("[1]" in x["error"]["message"], x)
	until(lambda: not runs("61"), "all or none")
	x = s.call("batch", runs=[{"argv": ["true"]}, {"argv": ["/nonesuch"]}])["results"]
	check(x[0]["code"] == 0 and x[1]["error"]["name"] == "ENOENT", x)
	END
	drive 'a program that is called again is launched from a prepared process' <<- 'END'
	s = Server()
	until(lambda: s.call("run", argv=["true"])["warm"], "warm", 20)
	c = Server("--cold")
	for i in range(5):
	    check(not c.call("run", argv=["true"])["warm"])
	    time.sleep(0.1)
	END
}

lives() {
	drive 'each run has a deadline, and one that has ended is forgotten' <<- 'END'
	s = Server("--timeout", "1", "--max-timeout", "2", "--keep", "1")
	h = s.call("start", argv=["sleep", "60"])["handle"]
	x = s.call("wait", handle=h)
	check(x["timed_out"] and x["signal"] == "SIGTERM", x)
	until(lambda: not s.call("list")["runs"], "forgotten")
	check("error" in s.call("wait", handle=h))
	check("error" in s.call("start", argv=["sleep", "60"], timeout=3))
	END
	drive 'a cancelled call ends its tree and has no answer; unknown ones are ignored' <<- 'END'
	s = Server()
	s.send("tools/call", {"name": "run", "arguments": {"command":
	    "sleep 62 & sleep 62"}}, "c")
	s.send("tools/call", {"name": "batch", "arguments": {"runs": [
	    {"argv": ["sleep", "62"]}] * 3}}, 5)
	until(lambda: len(runs("sleep\0" "62")) == 5, "started")
	for id in ("c", "nope", 77, None, 5, [1], {"a": 1}):
	    s.send("notifications/cancelled", {"requestId": id})
	s.send("notifications/cancelled", {})
	until(lambda: not runs("62"), "ended")
	check(s.call("run", argv=["echo", "x"])["out"] == "x\n")
	check(not s.notes and s.silent(0.3), s.notes)
	END
	drive 'a run that outlasts its wait is a task for clients that know tasks' <<- 'END'
	s = Server(meta=TASKS)
	x = s.call("run", command="sleep 1; echo done", wait=0.1)
	check(x["resultType"] == "task" and x["status"] == "working", x)
	check(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", x["createdAt"]), x)
	task = x["taskId"]
	check("ttlMs" in x and s.ask("tasks/get", {"taskId": task})["result"]["status"])
	def state():
	    return s.ask("tasks/get", {"taskId": task})["result"]
	until(lambda: state()["status"] == "completed", "completed")
	x = state()
	check(x["resultType"] == "complete", x)
	check(x["result"]["structuredContent"]["out"] == "done\n", x)
	task = s.call("run", argv=["sleep", "63"], wait=0)["taskId"]
	x = s.ask("tasks/cancel", {"taskId": task})["result"]
	check(x["resultType"] == "complete" and "taskId" not in x, x)
	until(lambda: state()["status"] == "cancelled", "cancelled")
	check(s.ask("tasks/update", {"taskId": task, "inputResponses": {}})["result"])
	check(s.ask("tasks/get", {"taskId": "x"})["error"]["code"] == -32602)
	check(s.ask("tasks/result", {"taskId": task})["error"]["code"] == -32601)
	s.meta = NEW
	x = s.ask("tasks/get", {"taskId": task})["error"]
	check(x["code"] == -32021 and "extensions" in x["data"]["requiredCapabilities"], x)
	END
	drive 'the end of the input ends all runs, after answers that come soon' <<- 'END'
	s = Server()
	s.call("start", argv=["sleep", "64"])
	s.send("tools/call", {"name": "run", "arguments": {"argv": ["echo", "last"]}}, "l")
	s.send("tools/call", {"name": "run", "arguments": {"argv": ["sleep", "64"]}}, "m")
	check(s.end() == 0)
	check(s.answer("l")["result"]["structuredContent"]["out"] == "last\n")
	check(not runs("64"), marked())
	s = Server()
	s.call("start", argv=["sleep", "64"])
	s.process.send_signal(signal.SIGTERM)
	check(s.process.wait(20 * slow) == -signal.SIGTERM)
	check(not marked(), marked())
	END
}

protocol
tools
lives

echo "1..$n"
[ "$failed" = 0 ]
