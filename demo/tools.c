/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command lines of the demo: an agent runs such tools to look around,
 * search, read and check. Each prints the same every time: sorted if the tool
 * can sort, without times of access, without locks that write.
 */
#include "demo.h"

#define AWK_PROGRAM                           \
	"$3 == \"north\" { n++; sum += $4 } " \
	"END { printf \"%d rows, %.2f in all\\n\", n, sum }"

#define PYTHON_PROGRAM                                                  \
	"import json\n"                                                 \
	"total = {}\n"                                                  \
	"for record in json.load(open('data/records.json')):\n"         \
	"    region = record['region']\n"                               \
	"    total[region] = total.get(region, 0) + record['amount']\n" \
	"for region in sorted(total):\n"                                \
	"    print(region, round(total[region], 2))\n"

#define NODE_PROGRAM                                                        \
	"const records = JSON.parse(require('fs').readFileSync("            \
	"'data/records.json'));\n"                                          \
	"const high = records.filter(r => r.amount > 75).map(r => r.id);\n" \
	"console.log(high.length, high.slice(0, 20).join(' '));\n"

#define BASH_PROGRAM                                    \
	"for f in src/package_[0-3]/module_0.py; do "   \
	"while IFS= read -r line; do "                  \
	"[[ $line == class* ]] && echo \"$f: $line\"; " \
	"done < \"$f\"; done; exit 0"

const struct tool tools[] = {
	{
		.name = "rg",
		.program = "rg",
		.every = 1,
		.argv = { "rg", "--no-config", "--sort", "path",
			  "--line-number", "def [a-z]+_token_[0-9]", "src" },
	},
	{
		.name = "grep",
		.program = "grep",
		.every = 1,
		.argv = { "grep", "-rn", "--include=*.py",
			  "raise ValueError.*queue", "src" },
	},
	{
		.name = "sed",
		.program = "sed",
		.every = 1,
		.argv = { "sed", "-n", "20,60p", "src/package_3/module_2.py" },
	},
	{
		.name = "awk",
		.program = "awk",
		.every = 1,
		.argv = { "awk", "-F,", AWK_PROGRAM, "data/table.csv" },
	},
	{
		.name = "cat",
		.program = "cat",
		.every = 1,
		.argv = { "cat", "src/package_1/module_0.py" },
	},
	{
		.name = "head",
		.program = "head",
		.every = 1,
		.argv = { "head", "-n", "40", "data/app.log" },
	},
	{
		.name = "tail",
		.program = "tail",
		.every = 1,
		.argv = { "tail", "-n", "40", "data/app.log" },
	},
	{
		.name = "find",
		.program = "find",
		.every = 1,
		.argv = { "find", "src", "-name", "module_[0-3].py", "-size",
			  "+2k" },
	},
	{
		.name = "stat",
		.program = "stat",
		.every = 1,
		.argv = { "stat", "-c", "%n %s %A %U %Y %F", "src",
			  "data/table.csv" },
	},
	{
		.name = "ls",
		.program = "ls",
		.every = 1,
		.argv = { "ls", "-la", "--time-style=full-iso",
			  "src/package_5" },
	},
	{
		.name = "git-status",
		.program = "git",
		.directory = "repo",
		.every = 1,
		.argv = { "git", "--no-optional-locks", "status", "--short",
			  "--branch" },
	},
	{
		.name = "git-diff",
		.program = "git",
		.directory = "repo",
		.every = 1,
		.argv = { "git", "--no-optional-locks", "--no-pager", "diff" },
	},
	{
		.name = "python-small",
		.program = "/usr/bin/python3",
		.every = 4,
		.argv = { "python3", "-c", PYTHON_PROGRAM },
	},
	{
		.name = "node-small",
		.program = "node",
		.every = 16,
		.argv = { "node", "-e", NODE_PROGRAM },
	},
	{
		.name = "sh-c",
		.program = "sh",
		.every = 1,
		.argv = { "sh", "-c",
			  "cd src && wc -l package_2/*.py | tail -n 1" },
	},
	{
		.name = "bash-c",
		.program = "bash",
		.every = 1,
		.argv = { "bash", "-c", BASH_PROGRAM },
	},
};

const size_t n_tools = sizeof(tools) / sizeof(*tools);

const char *const tool_environment[] = {
	"LC_ALL=C",
	"TZ=UTC",
	"NO_COLOR=1",
	"GIT_CONFIG_GLOBAL=/dev/null",
	"GIT_CONFIG_NOSYSTEM=1",
	"GIT_OPTIONAL_LOCKS=0",
	"PYTHONDONTWRITEBYTECODE=1",
	NULL,
};
