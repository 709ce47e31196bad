# SPDX-License-Identifier: BSD-2-Clause
"""The tools that the agents call: the demo's (demo/tools.c), in the
workspace that demo/workspace.sh makes. Each prints the same every time.
"""
import os
import shutil
import subprocess
from typing import Dict, List, NamedTuple

AWK = ('$3 == "north" { n++; sum += $4 } '
       'END { printf "%d rows, %.2f in all\\n", n, sum }')

PYTHON = """import json
total = {}
for record in json.load(open('data/records.json')):
    region = record['region']
    total[region] = total.get(region, 0) + record['amount']
for region in sorted(total):
    print(region, round(total[region], 2))
"""

NODE = """const records = JSON.parse(require('fs').readFileSync('data/records.json'));
const high = records.filter(r => r.amount > 75).map(r => r.id);
console.log(high.length, high.slice(0, 20).join(' '));
"""

BASH = ('for f in src/package_[0-3]/module_0.py; do '
        'while IFS= read -r line; do '
        '[[ $line == class* ]] && echo "$f: $line"; done < "$f"; done; exit 0')

GIT = ["git", "--no-optional-locks"]

# name: (directory below the workspace, command)
COMMANDS = {
    "rg": (".", ["rg", "--no-config", "--sort", "path", "--line-number",
                 "def [a-z]+_token_[0-9]", "src"]),
    "grep": (".", ["grep", "-rn", "--include=*.py", "raise ValueError.*queue",
                   "src"]),
    "sed": (".", ["sed", "-n", "20,60p", "src/package_3/module_2.py"]),
    "awk": (".", ["awk", "-F,", AWK, "data/table.csv"]),
    "cat": (".", ["cat", "src/package_1/module_0.py"]),
    "head": (".", ["head", "-n", "40", "data/app.log"]),
    "tail": (".", ["tail", "-n", "40", "data/app.log"]),
    "find": (".", ["find", "src", "-name", "module_[0-3].py", "-size", "+2k"]),
    "stat": (".", ["stat", "-c", "%n %s %A %U %Y %F", "src",
                   "data/table.csv"]),
    "ls": (".", ["ls", "-la", "--time-style=full-iso", "src/package_5"]),
    "git-status": ("repo", GIT + ["status", "--short", "--branch"]),
    "git-diff": ("repo", GIT + ["--no-pager", "diff"]),
    "python": (".", ["/usr/bin/python3", "-c", PYTHON]),
    "node": (".", ["node", "-e", NODE]),
    "sh": (".", ["sh", "-c", "cd src && wc -l package_2/*.py | tail -n 1"]),
    "bash": (".", ["bash", "-c", BASH]),
    # not part of the mix
    "true": (".", ["/bin/true"]),
}

ALL = [name for name in COMMANDS if name != "true"]
# Without the interpreters: their start-up takes longer than everything else.
LIGHT = [name for name in ALL if name not in ("python", "node")]


class Tool(NamedTuple):
    name: str
    argv: List[str]
    cwd: str
    code: int
    out: bytes
    err: bytes


def environment(workspace: str) -> Dict[str, str]:
    return {
        "HOME": workspace, "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LC_ALL": "C", "TZ": "UTC", "NO_COLOR": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0", "PYTHONDONTWRITEBYTECODE": "1",
    }


def load(workspace: str) -> Dict[str, Tool]:
    """Returns the installed tools, each with its output from a plain run."""
    env = environment(workspace)
    tools = {}
    for name, (directory, argv) in COMMANDS.items():
        if not shutil.which(argv[0], path=env["PATH"]):
            continue
        cwd = os.path.join(workspace, directory)
        run = subprocess.run(argv, cwd=cwd, env=env, capture_output=True,
                             stdin=subprocess.DEVNULL)
        if run.returncode or run.stderr or (name != "true" and not run.stdout):
            raise SystemExit("%s: exit %d: %s" % (
                name, run.returncode, run.stderr.decode(errors="replace")))
        tools[name] = Tool(name, argv, cwd, run.returncode, run.stdout,
                           run.stderr)
    return tools
