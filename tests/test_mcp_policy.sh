#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# spawn-template mcp --policy: each kind of rule through the server, and what changes
# between a verdict and a launch.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh
# shellcheck source=tests/mcp.sh
. tests/mcp.sh

# The cases share this: a folder with programs, and policies.
cat > "$tmp/common.py" << 'END'
import shutil
work, bin = tmp + "/work", tmp + "/bin"
for d in (work, bin, tmp + "/other"):
    shutil.rmtree(d, True)
    os.makedirs(d)
env.update(PATH=bin + ":" + os.environ["PATH"], SECRET_TOKEN="s", KEEP="k")


def script(path, text):
    with open(path + ".new", "w") as f:
        f.write("#!/bin/sh\necho %s\n" % text)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)


def policed(text, *options, **named):
    with open(tmp + "/p.toml", "w") as f:
        f.write("[folders]\nallow = ['work']\n" * named.pop("folders", True) + text)
        if "[env]" not in text:
            f.write("[env]\npass = ['PATH', 'MCP_MARK']\n")
    return Server("--policy", tmp + "/p.toml", *options, **named)


def rule(name, action, *lines):
    return "[[rule]]\nname = '%s'\naction = '%s'\n" % (name, action) + "\n".join(lines) + "\n"


def runs_as(s, out, **arguments):
    x = s.call("run", **dict({"cwd": work}, **arguments))
    check(x.get("out") == out and x["code"] == 0, x)


def refused(s, pattern, name="EACCES", **arguments):
    x = s.call("run", **dict({"cwd": work}, **arguments))
    check("error" in x and "code" not in x, x)
    check(x["error"]["name"] == name and re.search(pattern, x["error"]["message"]), x)


END

policed() { # name; script on stdin
	cat "$tmp/common.py" - > "$tmp/case.py"
	drive "$1" < "$tmp/case.py"
}

rules() {
	policed 'programs are judged by name, path and arguments, in each tool' <<- 'END'
	s = policed(rule("tools", "allow", "program = ['tool', 'cat']") +
	    rule("log", "allow", "program = 'git'", "args = [['log', '**']]") +
	    rule("no-x", "deny", "program = 'cat'", "any_arg = ['-x*']", "reason = 'x is wrong'") +
	    rule("careful", "ask", "program = 'rm'"))
	script(bin + "/tool", "one")
	script(bin + "/git", "git")
	runs_as(s, "one\n", argv=["tool"])
	runs_as(s, "one\n", argv=[bin + "/tool"])
	runs_as(s, "one\n", argv=["../bin/tool"])
	runs_as(s, "one\n", command="tool 'a b'")
	runs_as(s, "git\n", argv=["git", "log", "-p"])
	refused(s, "no rule", argv=["git", "push"])
	refused(s, r"denied by rule 'no-x' \(.*p.toml, line \d+\): x is wrong", argv=["cat", "-xy"])
	refused(s, "to be asked by rule 'careful'.*change the rule", argv=["rm", "x"])
	refused(s, "no rule", command="tool; true")
	refused(s, "no rule", argv=["sh", "-c", "true"])
	refused(s, "no rule", argv=["true"])
	refused(s, "too long", "E2BIG", argv=["cat", "x" * (5 << 20)])
	refused(s, "nothing", name="ENOENT", argv=["nothing"])
	x = s.call("start", argv=["rm", "x"], cwd=work)
	check("careful" in x["error"]["message"] and "handle" not in x, x)
	x = s.call("batch", runs=[{"argv": ["tool"], "cwd": work}, {"argv": ["rm"], "cwd": work}])
	one, two = x["results"]
	check(one["out"] == "one\n" and "careful" in two["error"]["message"], x)
	check(s.end() == 0)
	END
	policed 'a shell string is judged as a whole, and its shell as a program' <<- 'END'
	s = policed(rule("pipe", "allow", "command = 'cat * | tr a-z A-Z'") +
	    rule("bash", "allow", "program = 'bash'", "args = [['-c', 'true; true']]"))
	open(work + "/f", "w").write("text")
	runs_as(s, "TEXT", command="cat f | tr a-z A-Z")
	refused(s, "no rule", command="cat f | tr a-z A-Z; true")
	refused(s, "no rule", command="cat $(id) | tr a-z A-Z")
	refused(s, "no rule", command="cat f | tr a-z A-Z", shell="bash")
	runs_as(s, "", command="true; true", shell="bash")
	refused(s, "no rule", command="true; true")
	END
	policed 'the shell string means the programs of the own PATH' <<- 'END'
	script(tmp + "/other/cat", "evil")
	s = policed("[env]\npass = ['*']\nallow = ['*']\n" +
	    rule("pipe", "allow", "command = 'cat * | tr a-z A-Z'") +
	    rule("tr", "allow", "program = 'cat'"))
	path = tmp + "/other:" + os.environ["PATH"]
	refused(s, "no rule", command="cat f | tr a-z A-Z", setenv={"PATH": path})
	for name in ("ENV", "BASH_ENV", "BASH_FUNC_cat%%", "SHELLOPTS"):
	    refused(s, "no rule", command="cat f | tr a-z A-Z", setenv={name: "xtrace"})
	open(work + "/f", "w").close()
	runs_as(s, "", command="cat f | tr a-z A-Z", setenv={"ENVIRON": "x"})
	refused(s, "no rule", argv=["cat", "f"], setenv={"PATH": path})
	refused(s, "no rule", argv=[tmp + "/other/cat", "f"])
	END
	policed 'programs get the variables of the policy, and requests set some' <<- 'END'
	s = policed("[env]\npass = ['PATH', 'KEEP', 'SECRET*']\nallow = ['OK*']\n" +
	    "deny = ['SECRET_*', 'OK_NOT']\nset = { GIVEN = 'g' }\n" + rule("env", "allow",
	    "program = 'env'", "runs_others = true"))
	def of(**arguments):
	    x = s.call("run", argv=["/usr/bin/env"], cwd=work, **arguments)
	    return dict(l.split("=", 1) for l in x["out"].splitlines())
	check(of() == {"PATH": env["PATH"], "KEEP": "k", "GIVEN": "g"}, of())
	check(of(setenv={"OK_1": "x"}) == {"PATH": env["PATH"], "KEEP": "k", "GIVEN": "g",
	    "OK_1": "x"})
	check(of(env={"OK_1": "x"}) == {"GIVEN": "g", "OK_1": "x"}, of(env={"OK_1": "x"}))
	x = s.call("run", command="/usr/bin/env", cwd=work)
	check("PWD=%s\n" % work in x["out"], x)
	for wrong in ({"OK_NOT": "1"}, {"GIVEN": "h"}, {"GIVEN": None}, {"LD_PRELOAD": "x"},
	        {"PWD": "/"}):
	    refused(s, r"denied by \[env\]", argv=["/usr/bin/env"], setenv=wrong)
	refused(s, r"denied by \[env\]", argv=["/usr/bin/env"], env={"BASH_ENV": "x"})
	END
	policed 'times and outputs are lowered to the bounds, and programs are few' <<- 'END'
	s = policed("[limits]\ntimeout = '1s'\ntimeout_max = '2s'\nmax_output = '1K'\n" +
	    "programs = 1\n" +
	    rule("some", "allow", "program = ['sleep', 'seq']"))
	check(s.call("run", argv=["sleep", "60"], cwd=work)["timed_out"])
	check(s.call("run", argv=["sleep", "60"], cwd=work, timeout="1h")["timed_out"])
	x = s.call("run", argv=["seq", "9999"], cwd=work, max_output="1M", tail="2K")
	check(len(x["out"]) < 1300 and x["out_total"] > 40000, x)
	one, two = (s.call("start", argv=["sleep", "0.3"], cwd=work) for i in (1, 2))
	x = s.call("list")["runs"]
	check(len(x) == 2, x)
	for one in (one, two):
	    check(s.call("wait", handle=one["handle"])["code"] == 0)
	END
	policed 'no process is left behind that limits would not hold' <<- 'END'
	for limit in ("pids_max = 100", "timeout_max = '1h'", "programs = 2"):
	    s = policed("[limits]\n%s\n" % limit + rule("true", "allow", "program = 'true'"))
	    refused(s, r"denied by \[limits\]", argv=["true"], keep_leftovers=True)
	s = policed("[limits]\ntimeout = '1h'\n" + rule("true", "allow", "program = 'true'"))
	runs_as(s, "", argv=["true"], keep_leftovers=True)
	END
	policed 'a link elsewhere is not the name that an allowed program gets' <<- 'END'
	cat, me = shutil.which("cat", path=env["PATH"]), "/proc/self/cmdline"
	os.symlink(cat, work + "/cat")
	s = policed(rule("tools", "allow", "program = 'cat'") +
	    "[env]\npass = ['PATH']\nallow = ['PATH']\n")
	runs_as(s, "cat\0%s\0" % me, argv=["cat", me])
	for name in (cat, "./cat", work + "/cat"):
	    runs_as(s, "%s\0%s\0" % (cat, me), argv=[name, me])
	runs_as(s, "%s\0%s\0" % (cat, me), argv=["cat", me], setenv={"PATH": work})
	s = policed(rule("tools", "allow", "program = '%s/cat'" % work))
	runs_as(s, "%s/cat\0%s\0" % (work, me), argv=["./cat", me])
	END
	policed 'the dynamic linker is refused, unless it is named' <<- 'END'
	loader = re.search(rb"/lib[^\0]*", open("/bin/true", "rb").read()).group().decode()
	loader = os.path.realpath(loader)
	os.link(loader, work + "/linked") if os.stat(loader).st_dev == os.stat(work).st_dev \
	    else os.symlink(loader, work + "/linked")
	any = rule("any", "allow", "program = '*'", "runs_others = true")
	s = policed(any)
	runs_as(s, "", argv=["true"])
	for name in (loader, "./linked", "/lib64/ld-linux-x86-64.so.2"):
	    if os.path.exists(os.path.join(work, name)):
	        refused(s, "dynamic-linker", argv=[name, "/bin/true"])
	s = policed("default = 'allow'\n", folders=False)
	refused(s, "dynamic-linker", argv=[loader, "/bin/true"])
	s = policed(any + rule("ld", "allow", "program = '%s'" % loader, "runs_others = true"))
	runs_as(s, "", argv=[loader, "/bin/true"])
	END
	policed 'a pattern for a folder that is a link is for what the link leads to' <<- 'END'
	os.symlink(bin, tmp + "/link")
	script(bin + "/tool", "one")
	s = policed(rule("bin", "allow", "program = '%s/link/tool*'" % tmp) +
	    rule("not", "deny", "program = '%s/link/*l2'" % tmp))
	runs_as(s, "one\n", argv=[bin + "/tool"])
	script(bin + "/tool2", "two")
	refused(s, "'not'", argv=[bin + "/tool2"])
	END
}

folders() {
	policed 'the folder that was opened is judged, and started in' <<- 'END'
	os.mkdir(work + "/in")
	os.mkdir(work + "/secret")
	os.symlink(tmp + "/other", work + "/out")
	s = policed("deny = ['work/secret']\n" + rule("pwd", "allow", "program = 'pwd'"))
	runs_as(s, os.path.realpath(work) + "/in\n", argv=["pwd"], cwd=work + "/in/../in")
	for wrong in (tmp, work + "/out", work + "/in/../..", "/", work + "/secret"):
	    refused(s, r"denied by \[folders\]", argv=["pwd"], cwd=wrong)
	refused(s, "folder", name="ENOENT", argv=["pwd"], cwd=work + "/none")
	refused(s, r"denied by \[folders\]", argv=["pwd"], cwd=".")
	END
	policed 'a link in the place of a folder allows no other folder' <<- 'END'
	s = policed(rule("pwd", "allow", "program = 'pwd'"))
	runs_as(s, os.path.realpath(work) + "\n", argv=["pwd"])
	os.rename(work, tmp + "/moved")
	os.symlink(tmp + "/other", work)
	refused(s, r"denied by \[folders\]", argv=["pwd"])
	refused(s, r"denied by \[folders\]", argv=["pwd"], cwd=tmp + "/moved")
	os.unlink(work)
	os.mkdir(work)
	runs_as(s, os.path.realpath(work) + "\n", argv=["pwd"])
	shutil.rmtree(tmp + "/moved")
	END
	policed 'a denied folder stays denied under another name' <<- 'END'
	os.mkdir(work + "/secret")
	s = policed("deny = ['work/secret']\n" + rule("pwd", "allow", "program = 'pwd'"))
	refused(s, r"denied by \[folders\]", argv=["pwd"], cwd=work + "/secret")
	os.rename(work + "/secret", work + "/renamed")
	refused(s, r"denied by \[folders\]", argv=["pwd"], cwd=work + "/renamed")
	os.mkdir(work + "/secret")
	refused(s, r"denied by \[folders\]", argv=["pwd"], cwd=work + "/secret")
	END
	policed 'files of output are made only where they may be' <<- 'END'
	os.mkdir(work + "/logs")
	s = policed(rule("seq", "allow", "program = 'seq'"))
	x = s.call("run", argv=["seq", "9999"], cwd=work, max_output="1K", spill=work + "/logs")
	check(os.path.getsize(x["out_spill"]) == x["out_total"], x)
	refused(s, r'"spill": denied by \[folders\]', argv=["seq", "2"], spill=tmp + "/other")
	os.symlink(tmp + "/other", work + "/out")
	refused(s, r'"spill": denied by \[folders\]', argv=["seq", "2"], spill=work + "/out")
	x = s.call("start", argv=["sh"], cwd=work, max_output="1K", spill=work + "/logs")
	check("no rule" in x["error"]["message"], x)
	END
	policed 'the folder for output is the one that was judged' <<- 'END'
	os.mkdir(work + "/logs")
	s = policed(rule("cat", "allow", "program = 'cat'"))
	h = s.call("start", argv=["cat"], cwd=work, max_output="1K", spill=work + "/logs",
	    open_input=True)["handle"]
	os.rename(work + "/logs", work + "/moved")
	os.symlink(tmp + "/other", work + "/logs")
	s.call("write", handle=h, data="x" * 5000, close=True)
	check(s.call("wait", handle=h)["code"] == 0)
	check(os.listdir(tmp + "/other") == [] and len(os.listdir(work + "/moved")) == 1,
	    os.listdir(tmp + "/other"))
	END
}

changes() {
	policed 'a run that waits is judged when its turn comes' <<- 'END'
	script(bin + "/tool", "one")
	script(bin + "/evil", "evil")
	s = policed(rule("some", "allow", "program = ['tool', 'cat']") +
	    rule("no", "deny", "program = 'evil'"), "--jobs", "1")
	first = s.call("start", argv=["cat"], cwd=work, open_input=True)["handle"]
	second = s.call("start", argv=["tool"], cwd=work)["handle"]
	os.unlink(bin + "/tool")
	os.symlink(bin + "/evil", bin + "/tool")
	s.call("write", handle=first, close=True, data="")
	x = s.call("wait", handle=second)
	check("denied by rule 'no'" in x["error"]["message"], x)
	END
	policed 'a link that is swapped all the time never leads to what is denied' <<- 'END'
	import threading
	script(bin + "/good", "good")
	script(bin + "/evil", "evil")
	s = policed(rule("some", "allow", "program = '%s/good'" % bin) +
	    rule("tool", "allow", "program = 'tool'") + rule("no", "deny", "program = 'evil'"))
	going = True
	def swap():
	    while going:
	        for name in ("/evil", "/good"):
	            os.symlink(bin + name, bin + "/next")
	            os.rename(bin + "/next", bin + "/tool")
	os.symlink(bin + "/good", bin + "/tool")
	t = threading.Thread(target=swap, daemon=True)
	t.start()
	said = set()
	for i in range(100):
	    x = s.call("run", argv=["tool"], cwd=work)
	    said.add(x["out"] if "out" in x else x["error"]["message"][:22])
	    check(x.get("out") != "evil\n", x)
	going = False
	t.join()
	check(said & {"good\n", "denied by rule 'no' (/"}, said)
	END
	policed 'a folder that is swapped all the time is judged and started in as one' <<- 'END'
	import threading
	os.mkdir(work + "/good")
	s = policed(rule("pwd", "allow", "program = 'pwd'"))
	going = True
	def swap():
	    while going:
	        for to in (tmp + "/other", work + "/good"):
	            os.symlink(to, work + "/next")
	            os.rename(work + "/next", work + "/to")
	os.symlink(work + "/good", work + "/to")
	t = threading.Thread(target=swap, daemon=True)
	t.start()
	said = set()
	for i in range(100):
	    x = s.call("run", argv=["pwd"], cwd=work + "/to")
	    said.add(x["out"] if "out" in x else x["error"]["message"][:20])
	going = False
	t.join()
	check(said <= {os.path.realpath(work) + "/good\n", "denied by [folders] "}, said)
	END
	policed 'an upgrade between the verdict and the launch has the new file judged' <<- 'END'
	import threading
	s = policed(rule("tool", "allow", "program = 'tool'"), "--jobs", "64")
	def put():
	    shutil.copy("/bin/true", bin + "/new")
	    os.rename(bin + "/new", bin + "/tool")
	put()
	for i in range(20):
	    t = threading.Timer(0.001 * i, put)
	    t.start()
	    x = s.call("batch", runs=[{"argv": ["tool"], "cwd": work}] * 64)
	    t.join()
	    check([r for r in x["results"] if r.get("code") != 0] == [], x)
	END
	policed 'a program that is upgraded all the time is launched as one of all' <<- 'END'
	import threading
	s = policed(rule("tool", "allow", "program = 'tool'"))
	going = True
	def upgrade():
	    n = 0
	    while going:
	        n += 1
	        script(bin + "/tool", "v%d" % (n % 10))
	        time.sleep(0.02)
	script(bin + "/tool", "v0")
	t = threading.Thread(target=upgrade, daemon=True)
	t.start()
	good = 0
	for i in range(100):
	    x = s.call("run", argv=["tool"], cwd=work)
	    good += x.get("out", "").startswith("v")
	    check(x.get("out", "v").startswith("v") or x["code"], x)
	    # the names of rules are looked up once a second at most
	    check("error" not in x or x["error"]["name"] in
	          ("ESTALE", "ENOENT", "ETXTBSY", "EACCES"), x)
	going = False
	t.join()
	check(good > 0, good)
	END
}

sandboxes() {
	policed 'programs are prepared as the rule says, and not otherwise' <<- 'END'
	def second(*options, warm=""):
	    s = policed(rule("true", "allow", "program = 'true'", warm), *options)
	    for i in range(40):
	        x = s.call("run", argv=["true"], cwd=work)
	        check(x["code"] == 0, x)
	        if x["warm"]:
	            break
	        time.sleep(0.05)
	    return x["warm"]
	check(not second())
	check(not second("--cold", warm="warm = 'fork'"))
	END
	policed "the policy's sandbox is for all runs, and a request has no other" <<- 'END'
	connect = "import socket; socket.socket()"
	allowed = rule("any", "allow", "program = '*'", "runs_others = true")
	s = policed(allowed)
	runs_as(s, "", argv=["/usr/bin/python3", "-c", connect])
	s = policed("[sandbox]\nnet = false\n" + allowed)
	x = s.call("run", argv=["/usr/bin/python3", "-c", connect], cwd=work)
	check(x["code"] == 1 and "Error" in x["err"], x)
	refused(s, r"denied by \[sandbox\]", argv=["true"], sandbox={"net": False})
	END
	policed 'a folder for output is there for an answer without room for all' <<- 'END'
	os.mkdir(work + "/spill")
	s = policed(rule("any", "allow", "program = '*'", "runs_others = true"))
	x = s.call("run", argv=["head", "-c", "6000000", "/dev/zero"], cwd=work,
	    max_output="16M", spill=work + "/spill")
	check(x["out_shortened"] and os.path.getsize(x["out_spill"]) == 6000000, x)
	check(os.path.dirname(x["out_spill"]) == work + "/spill", x["out_spill"])
	END
	local name='its folders are those that it named at the start'
	"$tool" run --ro / true 2> /dev/null || {
		skip "$name" 'the kernel has no Landlock'
		return
	}
	policed "$name" <<- 'END'
	os.mkdir(work + "/rw")
	s = policed("[sandbox]\nro = ['/']\nrw = ['work/rw', '/dev/null']\n" +
	    rule("any", "allow", "program = '*'", "runs_others = true"))
	runs_as(s, "ok\n", command="echo x > rw/f && echo ok")
	x = s.call("run", command="echo x > f", cwd=work)
	check(x["code"] and not os.path.exists(work + "/f"), x)
	x = s.call("run", argv=["touch", work + "/f"], cwd=work)
	check(x["code"] and not os.path.exists(work + "/f"), x)
	refused(s, r'"spill": denied by \[sandbox\]', argv=["true"], spill=work)
	os.rename(work + "/rw", work + "/moved")
	os.symlink(tmp + "/other", work + "/rw")
	x = s.call("run", command="echo x > rw/f", cwd=work)
	check(x["code"] and os.listdir(tmp + "/other") == [], x)
	END
}

files() {
	printf '[[rule]]\nname = 3\n' > "$tmp/wrong.toml"
	fails 'a wrong file is told of by --check, with its line' 125 \
		"wrong.toml:2.*'name' is not a string" "$tool" mcp --check "$tmp/wrong.toml"
	fails 'a server does not start with it' 125 "wrong.toml:2" \
		"$tool" mcp --policy "$tmp/wrong.toml"
	fails 'nor without the file' 125 'No such file' "$tool" mcp --policy "$tmp/none.toml"
	printf '[sandbox]\nro = ["/nosuch"]\n' > "$tmp/sandbox.toml"
	fails 'nor with a sandbox that cannot be' 125 'sandbox' \
		"$tool" mcp --policy "$tmp/sandbox.toml"
	is 'a right file is right' "$PWD/docs/policy.toml: right, 7 rules[0]" \
		"$tool" mcp --check "$PWD/docs/policy.toml"
	for policy in default "$PWD/docs/policy.toml"; do
		"$tool" mcp --policy "$policy" --print-policy > "$tmp/printed.toml" &&
			"$tool" mcp --check "$tmp/printed.toml" > "$tmp/log" 2>&1 &&
			"$tool" mcp --policy "$tmp/printed.toml" --print-policy |
			diff <(sed '/^# /d; s/ # line.*//' "$tmp/printed.toml") \
				<(sed '/^# /d; s/ # line.*//') >> "$tmp/log"
		result $? "the printed policy is the policy: ${policy##*/}"
	done
}

rules
folders
changes
sandboxes
files
echo "1..$n"
[ "$failed" = 0 ]
