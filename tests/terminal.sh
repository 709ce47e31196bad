# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A shell on a terminal in which a test runs the command line tool. Read behind cli.sh.

# Types into an interactive shell on a pty, and expects answers.
on_a_terminal() { # name, options of run
	"$python" - "$tool" "$2" > "$tmp/log" 2>&1 <<- 'END'
	import os, pty, re, select, sys, time

	tool, options = sys.argv[1:]
	pid, fd = pty.fork()
	if pid == 0:
	    os.environ.update(PS1="", TERM="dumb")
	    os.execvp("bash", ["bash", "--norc", "--noprofile", "+o", "emacs",
	                       "-i"])

	seen = b""

	def expect(pattern):
	    global seen
	    end = time.time() + 20
	    while not re.search(pattern, seen):
	        if time.time() > end:
	            sys.exit("no %r in %r" % (pattern, seen))
	        if select.select([fd], [], [], 0.1)[0]:
	            seen += os.read(fd, 4096)
	    print(seen)
	    seen = b""

	def send(text):
	    os.write(fd, text.encode())

	run = tool + " run " + options + " -- "
	send("stty -echo; unset HISTFILE; echo rea''dy\n")
	expect(rb"ready\r\n")

	send(run + "sh -c 'echo as''k; read x; echo got-$x; exit 5'; echo st-$?\n")
	expect(rb"ask\r\n")
	send("hello\n")
	expect(rb"got-hello\r\n({.*}\r\n)?st-5\r\n")

	send(run + "sh -c 'echo u''p; exec sleep 50'; echo st-$?\n")
	expect(rb"up\r\n")
	send("\x03")
	time.sleep(0.8)
	send("echo st-$?\n")
	expect(rb"st-130\r\n")

	# stops the program and continues it in the foreground, twice
	send(run + "sh -c 'echo u''p; exec cat'\n")
	expect(rb"up\r\n")
	for word in "one", "two":
	    time.sleep(0.8) # else the keys may overtake the processes
	    send("\x1a")
	    expect(rb"Stopped")
	    time.sleep(0.8)
	    send("fg\n")
	    expect(rb"cat")
	    send(word + "\n")
	    expect(word.encode() + rb"\r\n")
	send("\x04")
	time.sleep(0.8)
	send("echo st-$?\n")
	expect(rb"st-0\r\n")

	# only the terminal's signals stop both: nobody would continue the tool
	send(run + "sh -c '(sleep 0.6; kill -CONT $$) & kill -STOP $$; wait;"
	     " echo on-a''gain'; echo st-$?\n")
	expect(rb"on-again\r\n({.*}\r\n)?st-0\r\n")

	# nor does what ends the tree, which is stopped for a moment
	for ms in "100", "200", "300":
	    send(tool + " run " + options + " --timeout " + ms +
	         "ms -- sleep 50; echo st-$?\n")
	    expect(rb"^({.*}\r\n)?st-124\r\n")

	# a program in the background stops at its first read
	send(run + "sh -c 'read x; echo got-$x' &\n")
	expect(rb"\[1\]")
	for i in range(100):
	    send("jobs; echo en''d\n")
	    expect(rb"end\r\n")
	    send("jobs | grep -c Stopped; echo en''d\n")
	    time.sleep(0.05)
	    if select.select([fd], [], [], 5)[0]:
	        seen += os.read(fd, 4096)
	    stopped = b"1\r\n" in seen
	    expect(rb"end\r\n")
	    if stopped:
	        break
	else:
	    sys.exit("not stopped")
	send("fg\n")
	expect(rb"read x")
	send("three\n")
	expect(rb"got-three\r\n")

	# the shell has the terminal again
	send("read -p wa''it y; echo $y-$y\n")
	expect(rb"wait")
	send("four\n")
	expect(rb"four-four\r\n")
	send("exit\n")
	os.close(fd)
	os.waitpid(pid, 0)
	END
	result $? "$1"
}
