# SPDX-License-Identifier: BSD-2-Clause
"""Validates the answers of spawn-template mcp against the schemas of each version.

The arguments are the command and the folder with VERSION/schema.json.
"""
import json
import subprocess
import sys

import jsonschema

META = "io.modelcontextprotocol/"
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
NOTIFICATIONS = {"notifications/progress": "ProgressNotification",
                 ACKNOWLEDGED: "SubscriptionsAcknowledgedNotification"}


class Server:
    def __init__(self, version):
        with open("%s/%s/schema.json" % (sys.argv[2], version)) as f:
            self.schema = json.load(f)
        self.place = "$defs" if "$defs" in self.schema else "definitions"
        self.version, self.id, self.tools, self.meta = version, 0, {}, {}
        self.notified = set()
        self.process = subprocess.Popen([sys.argv[1], "mcp"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, method, **params):
        self.id += 1
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": self.id,
            "method": method, "params": dict(params, **self.meta)}) + "\n")
        self.process.stdin.flush()
        while True:
            x = json.loads(self.process.stdout.readline())
            self.check(x, "JSONRPCMessage")
            if "method" not in x:
                return x
            self.check(x, NOTIFICATIONS[x["method"]])
            self.notified.add(x["method"])

    def check(self, value, name):
        part = dict(self.schema, **{"$ref": "#/%s/%s" % (self.place, name)})
        jsonschema.validators.validator_for(self.schema)(part).validate(value)

    def call(self, tool, **arguments):
        x = self.ask("tools/call", name=tool, arguments=arguments)["result"]
        self.check(x, "CallToolResult")
        jsonschema.validate(x["structuredContent"], self.tools[tool]["outputSchema"])
        return x["structuredContent"]

    def begin(self):
        if self.version == "2026-07-28":
            self.meta = {"_meta": {META + "protocolVersion": self.version,
                                   META + "clientCapabilities": {}}}
            self.check(self.ask("server/discover")["result"], "DiscoverResult")
        else:
            self.check(self.ask("initialize", protocolVersion=self.version,
                capabilities={}, clientInfo={"name": "t", "version": "1"})["result"],
                "InitializeResult")

    def progress(self):
        """The server tells of it each second."""
        meta = dict(self.meta.get("_meta", {}), progressToken=1)
        saved, self.meta = self.meta, {"_meta": meta}
        self.call("run", argv=["sleep", "1.3"])
        self.meta = saved
        if "notifications/progress" not in self.notified:
            sys.exit("no progress")

    def listen(self):
        """Nothing answers this request, so another one is sent behind it."""
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": "l",
            "method": "subscriptions/listen",
            "params": dict({"notifications": {}}, **self.meta)}) + "\n")
        self.call("list")
        if ACKNOWLEDGED not in self.notified:
            sys.exit("no acknowledgement")

    def drive(self):
        self.begin()
        x = self.ask("tools/list")["result"]
        self.check(x, "ListToolsResult")
        self.tools = {tool["name"]: tool for tool in x["tools"]}
        for tool in self.tools.values():
            for which in ("inputSchema", "outputSchema"):
                jsonschema.Draft202012Validator.check_schema(tool[which])
        self.call("run", argv=["echo", "x"])
        self.call("run", argv=["/nonesuch"])
        self.call("run", bogus=1)
        self.call("batch", runs=[{"argv": ["true"]}, {"argv": ["/nonesuch"]}])
        handle = self.call("start", argv=["cat"], open_input=True)["handle"]
        self.call("write", handle=handle, data="x")
        self.call("read", handle=handle, wait=1)
        self.call("resize", handle=handle, rows=1, columns=1)
        self.call("list")
        self.call("wait", handle=handle, wait=0)
        self.call("stop", handle=handle)
        name = "JSONRPCError"
        if name not in self.schema[self.place]:
            name = "JSONRPCErrorResponse"
        self.check(self.ask("nope"), name)
        self.progress()
        if self.meta:
            self.listen()
        self.process.stdin.close()
        if self.process.wait(20):
            sys.exit("the server has failed")


for version in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"):
    Server(version).drive()
