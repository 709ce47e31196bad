# SPDX-License-Identifier: BSD-2-Clause
"""Drives a spawn-template mcp for tests/test_mcp*.sh, which read this before each case.

Server() starts one; Client() speaks to it, or connects to a socket. Everything that a
server started has a mark in its environment, by which gone() finds what lives.
"""
import atexit, base64, glob, json, os, re, select, signal, socket, subprocess, sys, time

tool, tmp, slow = sys.argv[1], sys.argv[2], float(sys.argv[3])
mark = "MCP_MARK=%d" % os.getpid()
env = dict([mark.split("=")], **os.environ)
META = "io.modelcontextprotocol/"
NEW = {META + "protocolVersion": "2026-07-28", META + "clientCapabilities": {}}
TASKS = {META + "protocolVersion": "2026-07-28",
         META + "clientCapabilities": {"extensions": {META + "tasks": {}}}}


def check(condition, *what):
    if not condition:
        sys.exit("wrong: %s" % (what,))


class Client:
    """One end of a connection, with the requests and answers of JSON-RPC."""

    def __init__(self, path=None, process=None, meta=NEW):
        self.meta, self.buffer, self.id, self.notes = meta, b"", 0, []
        if process:
            self.reads, self.writes = process.stdout.fileno(), process.stdin.fileno()
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(path)
            self.reads = self.writes = self.socket.fileno()

    def raw(self, data):
        while data:
            data = data[os.write(self.writes, data):]

    def send(self, method, params=None, id=None):
        message = {"jsonrpc": "2.0", "method": method, "params": dict(params or {})}
        if self.meta:
            message["params"]["_meta"] = dict(self.meta, **message["params"].get(
                "_meta", {}))
        if id is not None:
            message["id"] = id
        self.raw(json.dumps(message).encode() + b"\n")

    def receive(self, timeout=20):
        end, parts = time.time() + timeout * slow, [self.buffer]
        while b"\n" not in parts[-1]:
            if not select.select([self.reads], [], [], max(0, end - time.time()))[0]:
                sys.exit("no answer in time")
            parts.append(os.read(self.reads, 65536))
            if not parts[-1]:
                sys.exit("end of answers: %r" % b"".join(parts)[:1000])
        self.buffer = b"".join(parts)
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def answer(self, id, timeout=20):
        while True:
            x = self.receive(timeout)
            if x.get("id") == id and "method" not in x:
                return x
            self.notes.append(x)

    def ask(self, method, params=None, timeout=20):
        self.id += 1
        self.send(method, params, self.id)
        return self.answer(self.id, timeout)

    def call(self, tool, **arguments):
        x = self.ask("tools/call", {"name": tool, "arguments": arguments})
        check("result" in x, x)
        if x["result"].get("resultType") != "task":
            check(json.loads(x["result"]["content"][0]["text"]) ==
                  x["result"]["structuredContent"], x)
            return x["result"]["structuredContent"]
        return x["result"]

    def silent(self, seconds):
        return not self.buffer and not select.select([self.reads], [], [], seconds)[0]

    def initialize(self, version):
        self.meta = None
        return self.ask("initialize", {"protocolVersion": version, "capabilities": {},
                                       "clientInfo": {"name": "t", "version": "1"}})


class Server(Client):
    """A server of its own on a pipe; with path, at a socket."""

    def __init__(self, *options, path=None, meta=NEW, pass_fds=()):
        def before():
            for s in (signal.SIGINT, signal.SIGQUIT):
                signal.signal(s, signal.SIG_DFL)
        if path:
            options += ("--socket", path)
        self.process = subprocess.Popen([tool, "mcp", *options], env=env, bufsize=0,
            preexec_fn=before, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if path:
            until(lambda: listens(path), "listens")
        super().__init__(process=self.process, meta=meta)

    def end(self, timeout=20):
        self.process.stdin.close()
        return self.process.wait(timeout * slow)


def listens(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


def marked():
    found = {}
    for name in glob.glob("/proc/[0-9]*"):
        try:
            if mark.encode() in open(name + "/environ", "rb").read() \
                    and open(name + "/stat").read().rpartition(")")[2].split()[0] != "Z":
                found[int(name[6:])] = open(name + "/cmdline").read()
        except OSError:
            pass
    return found


def runs(what):
    """The processes that a server has started whose command line has the words."""
    return [pid for pid, line in marked().items()
            if what in line and "\0mcp" not in line]


def opens(pid, path):
    """Tells whether the process has this file open. Its threads may close others meanwhile."""
    for link in glob.glob("/proc/%d/fd/*" % pid):
        try:
            if os.readlink(link) == path:
                return True
        except OSError:
            pass
    return False


def clean_up():
    for pid in marked():
        os.kill(pid, signal.SIGKILL)


atexit.register(clean_up)


def until(condition, what, seconds=10):
    end = time.time() + seconds * slow
    while not condition():
        if time.time() > end:
            sys.exit("not in time: %s; left: %s" % (what, marked()))
        time.sleep(0.01)
