#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# spawn-template mcp: clients that send what is no message, that never read, or that go
# away; and clients at a socket.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh
# shellcheck source=tests/mcp.sh
. tests/mcp.sh

drive 'what is no message is answered with an error, and the next one is served' <<- 'END'
s = Server()
for line, code in [(b"{", -32700), (b"nothing", -32700), (b'"\xff"', -32700),
        (b'{"jsonrpc":"2.0","id":1' + b"0" * 400 + b',"method":"x"}', -32700),
        (b"[" * 100000, -32700), (b'{"a":' * 5000 + b"1" + b"}" * 5000, -32700),
        (b'{"id":1,"id":2}', -32700), (b'{"jsonrpc":"2.0","id":1e999,"method":"x"}', -32700),
        (b"1", -32600), (b"null", -32600), (b"[]", -32600), (b"{}", -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":"' + b"x" * 2000 + b'","method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":5}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}', -32600),
        (b"x" * (17 << 20), -32700)]:
    s.raw(line + b"\n")
    x = s.receive()
    check(x["error"]["code"] == code, line[:80], x)
    check(len(json.dumps(x)) < 2000, line[:80])
s.raw(b' \t\r\n\n{"jsonrpc":"2.0","id":9,"result":{}}\n{"jsonrpc":"2.0","method":"x"}\n')
check(s.ask("server/discover")["result"])
check(s.end() == 0)
END

drive 'half lines wait for their rest, and half a line at the end is answered' <<- 'END'
s = Server()
line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"_meta": NEW,
    "name": "run", "arguments": {"argv": ["echo", "x\u20ac"]}}}).encode() + b"\n"
for i in range(0, len(line), 7):
    check(s.silent(0))
    s.raw(line[i:i + 7])
    time.sleep(0.001)
check(s.receive()["result"]["structuredContent"]["out"] == "x\u20ac\n")
s.raw(line[:50])
s.process.stdin.close()
check(s.receive()["error"]["code"] == -32700)
check(s.process.wait(20 * slow) == 0)
END

drive 'two requests with one id under way have one answer and one error' <<- 'END'
s = Server()
for i in range(2):
    s.send("tools/call", {"name": "run", "arguments": {"command":
        "while [ ! -e %s/go ]; do sleep 0.02; done; echo x" % tmp}}, 1)
check(s.receive()["error"]["code"] == -32600)
open(tmp + "/go", "w").close()
check(s.receive()["result"]["structuredContent"]["out"] == "x\n")
check(s.silent(0.3))
until(lambda: not runs("go"), "no second one")
END

drive 'a request with an id in use does nothing to the run that it names' <<- 'END'
s = Server()
other = s.call("start", argv=["sleep", "65"])["handle"]
h = s.call("start", argv=["cat"], open_input=True)["handle"]
s.send("tools/call", {"name": "wait", "arguments": {"handle": other}}, "w")
for name, more in [("read", {}), ("wait", {}), ("stop", {}), ("write", {"data": "x"})]:
    s.send("tools/call", {"name": name, "arguments": dict(more, handle=h)}, "w")
    check(s.receive()["error"]["code"] == -32600, name)
s.call("write", handle=h, data="y", close=True)
x = s.call("wait", handle=h)
check((x["code"], x["out"]) == (0, "y"), x)
END

drive 'calls without an answer are bounded, and so are runs' <<- 'END'
s = Server("--jobs", "2")
for i in range(300):
    s.send("tools/call", {"name": "run", "arguments": {"argv": ["sleep", "65"]}}, i)
errors = [s.receive() for i in range(44)]
check(all(x["error"]["code"] == -32600 for x in errors), errors[0])
check(s.silent(0.2))
check(len(runs("sleep\0" "65")) <= 2, runs("sleep\0" "65"), marked())
for i in range(256):
    s.send("notifications/cancelled", {"requestId": i})
until(lambda: not runs("65"), "ended")
handles = [s.call("start", argv=["sleep", "66"]) for i in range(1030)]
check("handle" in handles[0] and handles[-1]["error"]["name"] == "EAGAIN", handles[-1])
n = len({h["handle"] for h in handles if "handle" in h})
check(1000 < n <= 1024, n)
END

drive 'input of many short parts is bounded, as is that of many bytes' <<- 'END'
s = Server()
h = s.call("start", argv=["sleep", "65"], open_input=True)["handle"]
for i in range(2):
    s.send("tools/call", {"name": "write", "arguments": {"handle": h, "data": "x" * 999999}}, "w")
    check(s.silent(0.3) or "error" not in s.receive())
s.raw(b"".join(json.dumps({"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {
    "_meta": NEW, "name": "write", "arguments": {"handle": h, "data": ""}}}).encode() + b"\n" +
    json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {
    "requestId": i}}).encode() + b"\n" for i in range(16500)))
x = s.call("write", handle=h, data="")
check(x["error"]["name"] == "EAGAIN", x)
END

drive 'the words of runs that are remembered cost bounded memory' <<- 'END'
s = Server("--cold")
def size():
    return int(re.search(r"VmRSS:\s+(\d+)", open("/proc/%d/status" % s.process.pid).read())[1])
long = ["x" * 100000] * 100
for i in range(3):
    s.call("start", argv=["true"] + long)
before = size()
for i in range(6):
    s.call("start", argv=["true"] + long)
check(size() - before < 30000 or os.environ.get("SAN"), before, size())
for x in s.call("list")["runs"]:
    check(x["argv"][0] == "true" and len("".join(x["argv"])) <= 1024, x)
s.call("start", command="true " + "\u20ac" * 2000)
x = s.call("list")["runs"][0]["command"]
check(x.startswith("true \u20ac") and 1000 < len(x.encode()) <= 1024 and "\ufffd" not in x, x)
END

drive 'a client that never reads costs bounded memory, and others are served' <<- 'END'
path = tmp + "/socket"
server = Server(path=path)
bad, good = Client(path), Client(path)
bad.socket.setblocking(False)
sent = 0
end = time.time() + 2
line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list",
    "params": {"_meta": NEW}}).encode() + b"\n"
while time.time() < end:
    try:
        sent += bad.socket.send(line * 50)
    except BlockingIOError:
        time.sleep(0.01)
check(sent > 10000, sent)
h = good.call("start", argv=["yes"])["handle"]
for i in range(20):
    check(good.call("run", argv=["echo", "x"])["out"] == "x\n")
size = int(re.search(r"VmRSS:\s+(\d+)", open("/proc/%d/status" % server.process.pid).read())[1])
check(good.call("stop", handle=h)["out_total"] > 1 << 20)
check(size < 64 << 10 or os.environ.get("SAN"), size)
END

drive 'answers that can all be written at once are, and none waits for another event' <<- 'END'
out = open(tmp + "/answers", "wb")
p = subprocess.Popen([tool, "mcp"], env=env, stdin=subprocess.PIPE, stdout=out, bufsize=0)
def answers():
    return [json.loads(x) for x in open(tmp + "/answers").read().split("\n")[:-1]]
def send(id, name, **arguments):
    p.stdin.write(json.dumps({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
        "_meta": NEW, "name": name, "arguments": arguments}}).encode() + b"\n")
send(0, "start", command="head -c 200000 /dev/zero; cat", open_input=True)
until(answers, "started")
h = answers()[0]["result"]["structuredContent"]["handle"]
for i in range(4):
    send(1 + i, "wait", handle=h)
start = time.time()
send(5, "write", handle=h, close=True)
until(lambda: len(answers()) == 6, "all answers")
check(time.time() - start < 30, time.time() - start)
p.kill()
END

drive 'calls are answered when another client ends their run' <<- 'END'
path = tmp + "/ends"
server = Server("--jobs", "1", path=path)
old, new = Client(path), Client(path)
old.call("start", argv=["sleep", "69"])
h = old.call("start", argv=["sleep", "70"])["handle"]
new.send("tools/call", {"name": "wait", "arguments": {"handle": h}}, "w")
check(new.silent(0.3))
start = time.time()
old.call("stop", handle=h)
check(new.answer("w")["result"]["structuredContent"]["cancelled"])
check(time.time() - start < 30, time.time() - start)
END

drive 'a list of messages is served as its answers are read' <<- 'END'
path = tmp + "/list"
server = Server(path=path)
c = Client(path)
c.initialize("2025-03-26")
h = c.call("start", command="head -c 100000 /dev/zero")["handle"]
c.call("wait", handle=h)
def size():
    return int(re.search(r"VmRSS:\s+(\d+)", open("/proc/%d/status" % server.process.pid).read())[1])
before = size()
c.raw(json.dumps([{"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {
    "name": "wait", "arguments": {"handle": h}}} for i in range(1000, 1060)]).encode() + b"\n")
time.sleep(0.5)
check(size() - before < 40000 or os.environ.get("SAN"), before, size())
check([c.receive()["id"] for i in range(60)] == list(range(1000, 1060)))
END

drive 'runs with a handle outlive the connection, and others end with it' <<- 'END'
path = tmp + "/socket"
server = Server(path=path)
check(os.stat(path).st_mode & 0o777 == 0o700, oct(os.stat(path).st_mode))
a = Client(path)
h = a.call("start", command="echo up; sleep 67")["handle"]
a.send("tools/call", {"name": "run", "arguments": {"argv": ["sleep", "68"]}}, "r")
until(lambda: runs("68"), "started")
a.socket.close()
until(lambda: not runs("68"), "ended")
b = Client(path)
check(b.call("read", handle=h, wait=5)["text"] == "up\n")
check(runs("67"))
check(b.call("stop", handle=h)["cancelled"])
again = subprocess.run([tool, "mcp", "--socket", path], stdin=subprocess.DEVNULL,
    stderr=subprocess.PIPE)
check(again.returncode == 125 and b"in use" in again.stderr, again)
server.process.kill()
server.process.wait()
server = Server(path=path)
check(Client(path).call("run", argv=["echo", "x"])["out"] == "x\n")
server.process.terminate()
server.process.wait(20 * slow)
check(not os.path.exists(path))
open(path, "w").close()
again = subprocess.run([tool, "mcp", "--socket", path], stderr=subprocess.PIPE)
check(again.returncode == 125 and os.path.exists(path), again)
END

drive 'a client that cannot be accepted for want of descriptors waits, at no cost' <<- 'END'
import resource
path = tmp + "/full"
server = Server(path=path)
pid = server.process.pid
before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
used = {int(f) for f in os.listdir("/proc/%d/fd" % pid)}
free = min(set(range(len(used) + 1)) - used)
resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, before[1]))
def ticks():
    return sum(map(int, open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()[11:13]))
c = Client(path)
start = ticks()
time.sleep(1)
check(ticks() - start < 0.2 * os.sysconf("SC_CLK_TCK"), ticks() - start)
resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
check(c.call("run", argv=["echo", "x"])["out"] == "x\n")
END

if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
	drive 'another user is let go, whatever the mode of the socket' <<- 'END'
	path = "/tmp/mcp-test-%d" % os.getpid()
	server = Server(path=path)
	os.chmod(path, 0o777)
	script = ("import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
	    "sys.exit(s.recv(1) != b'')")
	x = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", sys.executable,
	    "-c", script, path], stderr=subprocess.PIPE)
	check(x.returncode == 0 or b"reset" in x.stderr.lower(), x)
	check(Client(path).call("run", argv=["echo", "x"])["out"] == "x\n")
	server.process.terminate()
	server.process.wait(20 * slow)
	END
else
	skip 'another user is let go, whatever the mode of the socket' 'needs root'
fi

echo "1..$n"
[ "$failed" = 0 ]
