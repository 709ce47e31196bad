#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What run --json, run --capture and batch print is what docs/result.schema.json says.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh

# Holds lines of JSON against the schema; with other words, checks that it knows them. The
# few words of JSON Schema that the file uses stand here, so that nothing has to be
# installed.
cat > "$tmp/check.py" << 'END'
import json, sys
TYPES = {"object": dict, "array": list, "string": str, "integer": int,
         "number": (int, float), "boolean": bool, "null": type(None)}
NOTES = {"$comment", "title", "deprecated"}

def is_type(value, name):
    return isinstance(value, TYPES[name]) and (
        name == "boolean" or not isinstance(value, bool))

def wrong(value, schema, at="line"):
    if set(schema) - NOTES - {"type", "properties", "additionalProperties", "required",
                              "items", "enum", "anyOf"}:
        sys.exit("unknown words in the schema: %s" % set(schema))
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_type(value, name) for name in types):
        return "%s: %r is not of type %s" % (at, value, types)
    if "enum" in schema and value not in schema["enum"]:
        return "%s: %r is none of %s" % (at, value, schema["enum"])
    if isinstance(value, dict):
        for key in schema.get("required", []):
            if key not in value:
                return "%s: %s is missing" % (at, key)
        for key, member in value.items():
            part = schema.get("properties", {}).get(key)
            if part is None and schema.get("additionalProperties", True) is False:
                return "%s: %s is not known" % (at, key)
            message = part and wrong(member, part, at + "." + key)
            if message:
                return message
    for i, member in enumerate(value if isinstance(value, list) else []):
        message = wrong(member, schema.get("items", {}), "%s[%d]" % (at, i))
        if message:
            return message
    parts = [wrong(value, part, at) for part in schema.get("anyOf", [])]
    return " and ".join(parts) if parts and all(parts) else None

with open("docs/result.schema.json") as f:
    schema = json.load(f)
old = {key for key, part in schema["properties"].items() if "deprecated" in part}
lines = [json.loads(text) for text in open(sys.argv[1])]
for line in lines:
    message = wrong(line, schema)
    if message:
        sys.exit("%s\n%s" % (message, line))
    for key in sys.argv[3:]:
        bad = dict(line)
        del bad[key]
        if not wrong(bad, schema):
            sys.exit("a line without %s is taken" % key)
    if not wrong(dict(line, more=1), schema):
        sys.exit("a line with another key is taken")
if len(lines) != int(sys.argv[2]):
    sys.exit("%d lines" % len(lines))
END

fits() { # name lines keys...; $tmp/out
	"$python" "$tmp/check.py" "$tmp/out" "${@:2}" > "$tmp/log" 2>&1
	result $? "$1"
}

"$tool" run --json -- sh -c 'exit 3' 2> "$tmp/out"
fits 'a report of run fits the schema, and needs its keys' 1 code signal usage total_ns
"$python" - "$tmp/out" > "$tmp/log" 2>&1 << 'END'
import json, sys
j = json.load(open(sys.argv[1]))
usage, old = j["usage"], j["rusage"]
sys.exit(not (j["code"] == j["exit_code"] == 3 and j["killed"] is j["tree_killed"] is False
              and usage["max_rss_kib"] == old["max_rss_kib"] > 0
              and usage["user_us"] == old["user_ns"] // 1000
              and usage["minor_faults"] == old["minor_faults"] > 0))
END
result $? 'keys by the names of 0.3 have the same values'
"$tool" run --timeout 0.1 --json -- sleep 300 2> "$tmp/out"
fits 'a report of a timeout fits the schema' 1 timed_out
"$tool" run --json -- /nonexistent 2> "$tmp/err"
tail -n 1 "$tmp/err" > "$tmp/out"
fits 'a report of a launch that failed fits the schema' 1 error
"$tool" run --capture --max-output 10 --tail 5 -- \
	sh -c 'seq 100; printf "\377" >&2' > "$tmp/out"
fits 'a captured run fits the schema' 1 pid usage
"$tool" run --capture -- /nonexistent > "$tmp/out" 2> /dev/null
fits 'a captured launch that failed fits the schema' 1 error
"$tool" batch > "$tmp/out" <<- 'END'
{"id": {"a": [1]}, "argv": ["sh", "-c", "echo o; echo e >&2"]}
{"argv": ["printf", "\\377"], "stream": true}
{"argv": ["sh", "-c", "echo x; sleep 0.5"], "timeout": 0.1, "detach": true}
{"argv": ["nonexistent"]}
{"argv": 5}
{"cancel": "nobody"}
END
fits 'all kinds of lines of batch fit the schema' 8
"$python" - "$tmp/out" > "$tmp/log" 2>&1 << 'END'
import json, sys
a = [json.loads(text) for text in open(sys.argv[1])]
ends = [x for x in a if "event" not in x and "error" not in x]
sys.exit(not (len(ends) == 3 and all(
    x["total_ms"] == round(x["total_ns"] / 1e6, 9) or
    abs(x["total_ms"] - x["total_ns"] / 1e6) < 1e-3 for x in ends)))
END
result $? 'times in ns and in ms are the same'

echo "1..$n"
exit "$failed"
