# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Common parts of the scripts that test batch, which read this after tests/cli.sh.

slow=${TEST_SLOW:-1}

batch() {
	"$tool" batch "$@"
}

# Checks a Python expression about the answers in $tmp/out: a is their list, by
# finds an answer by its id, ids is the list of ids in order. feed writes the exit
# status to $tmp/status.
answers() { # name expression
	"$python" - "$tmp/out" > "$tmp/log" 2>&1 <<- END
	import base64, json, os, sys
	lines = open(sys.argv[1], "rb").read().split(b"\n")
	a = [json.loads(line) for line in lines[:-1]]
	ids = [x["id"] for x in a]
	by = {json.dumps(x["id"]).strip('"'): x for x in a}
	def errors(name, *ids):
	    return [by[i]["error"]["name"] for i in ids] == [name] * len(ids)
	if lines[-1] != b"" or not ($2):
	    for line in lines[:50]:
	        print(line[:1000])
	    sys.exit(1)
	END
	set -- $? "$1"
	[ "$1" = 0 ] || cat "$tmp/err" >> "$tmp/log" 2> /dev/null
	result "$1" "$2"
}

# Feeds lines to a batch; keeps its answers and its exit status.
feed() { # options; lines on stdin
	timeout -k 5 $((60 * slow)) "$tool" batch "$@" \
		> "$tmp/out" 2> "$tmp/err"
	echo $? > "$tmp/status"
}

status() { # name expected
	[ "$(cat "$tmp/status")" = "$2" ] || {
		echo "status $(cat "$tmp/status")"
		cat "$tmp/err"
	} > "$tmp/log"
	[ ! -s "$tmp/log" ]
	result $? "$1"
}

# Runs Python that drives a batch: start(options) makes the batch, send() writes a
# line, receive() reads an answer, and gone() waits until no process that has the
# mark in its environment lives. The script on stdin is the test.
drive() { # name, options...; script on stdin
	local name=$1

	shift
	cat > "$tmp/drive.py" <<- 'END'
	import atexit, base64, fcntl, glob, json, os, select, signal, socket, subprocess
	import sys, time
	tool, tmp, slow = sys.argv[1], sys.argv[2], float(sys.argv[3])
	mark = "BATCH_MARK=%d" % os.getpid()
	env = dict([mark.split("=")], **os.environ)
	default = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}

	def start(*options, **how):
	    def before():
	        # a shell starts background jobs with INT and QUIT ignored
	        for s in (signal.SIGINT, signal.SIGQUIT):
	            signal.signal(s, signal.SIG_DFL)
	    return subprocess.Popen([tool, "batch", *options], env=env, bufsize=0,
	        preexec_fn=before, **{**default, **how})

	def send(p, **job):
	    p.stdin.write(json.dumps(job).encode() + b"\n")

	buffers = {}
	def receive(p, timeout=20):
	    end = time.time() + timeout * slow
	    while b"\n" not in buffers.get(p.pid, b""):
	        if not select.select([p.stdout], [], [], end - time.time())[0]:
	            sys.exit("no answer in time")
	        more = os.read(p.stdout.fileno(), 65536)
	        if not more:
	            sys.exit("end of answers: " + repr(buffers.get(p.pid)))
	        buffers[p.pid] = buffers.get(p.pid, b"") + more
	    line, _, buffers[p.pid] = buffers[p.pid].partition(b"\n")
	    return json.loads(line)

	def silent(p, seconds):
	    return not select.select([p.stdout], [], [], seconds)[0]

	def marked():
	    found = {}
	    for name in glob.glob("/proc/[0-9]*"):
	        try:
	            if mark.encode() in open(name + "/environ", "rb").read() \
	                    and open(name + "/stat").read().rpartition(
	                        ")")[2].split()[0] != "Z":
	                found[int(name[6:])] = open(name + "/cmdline").read()
	        except OSError:
	            pass
	    return found

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

	def gone(seconds=10):
	    until(lambda: not marked(), "all gone", seconds)

	def ready(n):
	    until(lambda: len(os.listdir(tmp + "/ready")) == n, "started")

	# a shell that makes a file when it has started
	def started(then):
	    return ["sh", "-c", ": > %s/ready/$$; %s" % (tmp, then)]

	def check(condition, *what):
	    if not condition:
	        sys.exit("wrong: %s" % (what,))
	END
	cat >> "$tmp/drive.py"
	rm -rf "$tmp/ready"
	mkdir "$tmp/ready"
	timeout -k 5 $((60 * slow)) "$python" "$tmp/drive.py" "$tool" "$tmp" \
		"$slow" "$@" > "$tmp/log" 2>&1
	result $? "$name"
}
