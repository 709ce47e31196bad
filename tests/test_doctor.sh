#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# spawn-template doctor: its findings must agree with /proc, /sys and mounts. It also
# runs where features are missing: under seccomp filters, as another account, without
# /proc, and with a full disk for its output.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh

# Checks a Python expression about a file of JSON: j is the whole file, f the features
# by id; ok(...) and denied(...) tell whether all named features have that status.
json() { # name file expression
	"$python" - "$2" > "$tmp/log" 2>&1 <<- END
	import json, os, re, sys
	j = json.load(open(sys.argv[1]))
	f = {x["id"]: x for x in j["features"]}
	def are(status, *ids):
	    wrong = [f[i] for i in ids if f[i]["status"] != status]
	    for x in wrong:
	        print(x)
	    return not wrong
	def ok(*ids):
	    return are("ok", *ids)
	limits = ["limit_" + x for x in ("memory", "pids", "cpu", "io")]
	def denied(*ids):
	    return are("no_permission", *ids)
	def ok_or_hidden(*ids):
	    filtered = "Seccomp:\t2" in read("/proc/self/status")
	    return ok(*[i for i in ids if not filtered
	                or f[i]["status"] != "no_permission"])
	def read(path):
	    return open(path).read()
	if not ($3):
	    print(json.dumps(j, indent=1))
	    sys.exit(1)
	END
	result $? "$1"
}

# Runs a command under a seccomp filter that answers the system calls of these numbers
# with an errno, or kills. The numbers are the same on all machines.
clone3=435 close_range=436 openat2=437 faccessat2=439 pidfd_open=434
filtered() { # errno or "kill", numbers, "--", command...
	"$python" -c '
import ctypes, os, struct, sys
how, *rest = sys.argv[1:]
cut = rest.index("--")
numbers, command = [int(x) for x in rest[:cut]], rest[cut + 1:]
answer = 0x80000000 if how == "kill" else 0x00050000 | int(how)
code = struct.pack("HBBI", 0x20, 0, 0, 0)
for i, number in enumerate(numbers):
    code += struct.pack("HBBI", 0x15, len(numbers) - i, 0, number)
code += struct.pack("HBBI", 0x06, 0, 0, 0x7fff0000)
code += struct.pack("HBBI", 0x06, 0, 0, answer)
text = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(text))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program):
    sys.exit(99)
os.execv(command[0], command)' "$@"
}

# ---- this machine

here() {
	"$tool" doctor --json > "$tmp/here" 2> "$tmp/log"
	result $? 'the status is 0 where launches work'
	"$python" -m json.tool "$tmp/here" > /dev/null 2> "$tmp/log"
	result $? 'doctor --json prints JSON'
	json 'every feature is complete' "$tmp/here" '
		len(f) == len(j["features"]) > 40 and j["launches_work"]
		and {x["area"] for x in j["features"]} == {"launch",
			"process", "cgroup", "limits", "guard", "guard_running",
			"warm", "sandbox", "machine"}
		and all(x["status"] in ("ok", "missing", "no_permission",
			"unknown", "info") for x in j["features"])
		and all(x["remedy"] and x["detail"] for x in j["features"]
			if x["status"] in ("missing", "no_permission"))
		and all(x["lost"] is None and x["remedy"] is None
			for x in j["features"]
			if x["status"] in ("ok", "info"))'
	json 'the counts agree with the features' "$tmp/here" '
		all(j[s] == sum(x["status"] == s for x in j["features"])
			for s in ("missing", "no_permission", "unknown"))'
	json 'the verdict agrees with the features' "$tmp/here" '
		[(v["id"], v["level"]) for v in j["verdict"]] == [
			("launches", "ok" if j["launches_work"] else "no"),
			("runs", "ok" if are("ok", "tree_ending", *limits)
				else "part"),
			("prepared", "ok" if ok("warm_launch") else "no"),
			("guard", "ok" if ok("guard_daemon") else "no")]'
	json 'what no launch asks for is not missing' "$tmp/here" '
		all(f[i]["status"] in ("ok", "info") for i in (
			"clone_autoreap", "clone_nnp", "clone_pidfd_autokill"))'
	json 'the features of Linux 5.10 are found, or a filter hides them' \
		"$tmp/here" '
		ok("launch", "proc") and ok_or_hidden("clone3", "clone_pidfd",
			"clone_clear_sighand", "clone_into_cgroup",
			"close_range", "execveat", "close_range_unshare",
			"openat2", "faccessat2", "statx_mnt_id",
			"madv_wipeonfork", "pidfd_open", "pidfd_send_signal",
			"waitid_pidfd")'
	json 'no feature is missing in a kernel that has it' "$tmp/here" '
		all(x["status"] != "missing" or x["since"] is None
			or [int(v) for v in x["since"].split(".")]
			> [int(v) for v in re.findall("[0-9]+",
				os.uname().release)[:2]]
			for x in j["features"])'
}

# Compares findings with files of the system.
compared() {
	local mount

	json 'the kernel is the running one' "$tmp/here" \
		'f["kernel"]["detail"].split()[0] == os.uname().release'
	json 'the clock source is the current one' "$tmp/here" '
		read("/sys/devices/system/clocksource/clocksource0/"
			"current_clocksource").strip()
			in f["clock_source"]["detail"]'
	json 'BTF is found where the kernel has it' "$tmp/here" '
		(f["btf"]["status"] == "ok")
			== os.path.exists("/sys/kernel/btf/vmlinux")'
	json 'the list of LSMs is that of the kernel' "$tmp/here" '
		f["bpf_lsm"]["status"] == ("unknown" if not os.path.exists(
			"/sys/kernel/security/lsm") else "ok" if "bpf" in
			read("/sys/kernel/security/lsm").split(",")
			else "missing")'
	mount=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	json 'cgroup v2 is found where it is mounted' "$tmp/here" \
		'f["cgroup_v2"]["detail"] == "'"$mount"'" if "'"$mount"'"
			else f["cgroup_v2"]["status"] == "missing"'
	json 'the time to read the clock is told' "$tmp/here" \
		'0 < f["clock_source"]["ns"] < 100000'
}

# ---- for people

for_people() {
	local title

	"$tool" doctor > "$tmp/text"
	result $? 'doctor prints text'
	for title in Launching 'Files and processes' 'Control groups' \
		'Kernel-side guard (' 'Kernel-side guard,' \
		'Prepared launches' 'Sandboxes of launches' Machine; do
		grep -q "^$title" "$tmp/text" || echo "$title" >> "$tmp/log"
	done
	awk 'length > 80 || / $/' "$tmp/text" >> "$tmp/log"
	[ ! -s "$tmp/log" ]
	result $? 'the text has eight areas and 80 columns'
	sed -n '1,/^$/p' "$tmp/text" > "$tmp/log"
	[ "$(head -n 1 "$tmp/log")" = 'ok    Launches work here.' ] &&
		[ "$(grep -cE '^(ok|part|no) +[A-Z].' "$tmp/log")" = 4 ]
	result $? 'a verdict of four sentences comes first in the text'
	tail -n 1 "$tmp/text" > "$tmp/log"
	grep -qE '^([0-9]+ missing, |Nothing is missing\.)' "$tmp/log"
	result $? 'the text ends with what is missing'
	# each complaint has two lines more: the loss and the remedy
	awk '/^  (missing|no permission) / { want = 2; next }
	/^ +lost: / || /^ +remedy: / { want-- }
	/^  (ok|-) |^$/ && want > 0 { print "incomplete before: " $0 }
	/^  (ok|-) |^$/ { want = 0 }' "$tmp/text" > "$tmp/log"
	[ ! -s "$tmp/log" ]
	result $? 'a missing feature has its loss and its remedy'
	! grep -q $'\033' "$tmp/text"
	result $? 'a file gets no colours'
	TERM=xterm script -qec "'$tool' doctor" /dev/null < /dev/null \
		> "$tmp/tty"
	grep -q $'\033\\[32mok' "$tmp/tty"
	result $? 'a terminal gets colours'
	NO_COLOR=1 TERM=xterm script -qec "'$tool' doctor" /dev/null \
		< /dev/null > "$tmp/tty"
	grep -q 'Launches work' "$tmp/tty" && ! grep -q $'\033' "$tmp/tty"
	result $? 'a terminal gets no colours with NO_COLOR'
	TERM=dumb script -qec "'$tool' doctor" /dev/null < /dev/null \
		> "$tmp/tty"
	grep -q 'Launches work' "$tmp/tty" && ! grep -q $'\033' "$tmp/tty"
	result $? 'a dumb terminal gets no colours'
	"$tool" doctor --json > /dev/full 2> "$tmp/log"
	[ $? = 125 ] && grep -q 'cannot write the output' "$tmp/log"
	result $? 'a full disk is reported'
}

# ---- prepared launches

# Tells whether a sandbox around this test forbids what preparing takes.
forbids_to_prepare() {
	"$python" -c '
import json, sys
needed = ("warm_ptrace", "warm_memory", "warm_mm_map")
sys.exit(not any(f["id"] in needed and f["status"] == "no_permission"
                 for f in json.load(open(sys.argv[1]))["features"]))' \
		"$tmp/here"
}

prepared() {
	local static=${tool%/*}/tests/tools/probe-static

	if [ "$(uname -m)" != x86_64 ]; then
		json 'another processor is told as missing' "$tmp/here" '
			are("missing", "warm_machine", "warm_launch")'
		return
	fi
	if forbids_to_prepare; then
		skip 'doctor tells of prepared launches' \
			'a sandbox forbids to prepare'
		return
	fi
	json 'launches can be prepared where all that it needs is there' \
		"$tmp/here" '
		ok("warm_machine", "warm_ptrace", "warm_memory", "warm_mm_map")
		and are("ok" if not os.path.realpath("/bin/sh").endswith(
			"busybox") else f["warm_launch"]["status"],
			"warm_launch")
		and j["programs"] == []'
	filtered 1 101 -- "$tool" doctor --json > "$tmp/json" 2> "$tmp/log"
	json 'a sandbox without ptrace is told with its remedy' "$tmp/json" '
		denied("warm_ptrace", "warm_launch")
		and "ptrace" in f["warm_launch"]["detail"]
		and "sandbox" in f["warm_ptrace"]["remedy"]
		and "cold" in f["warm_launch"]["lost"]
		and ok("warm_memory", "warm_mm_map", "launch")'
	filtered 1 310 311 -- "$tool" doctor --json > "$tmp/json" 2> "$tmp/log"
	json 'launches can be prepared without process_vm_readv' "$tmp/json" '
		ok("warm_memory") and f["warm_launch"]["status"]
			== json.load(open("'"$tmp/here"'"))["features"][
				list(f).index("warm_launch")]["status"]'
	"$tool" doctor --json true "$static" > "$tmp/json" 2> "$tmp/log"
	result $? 'doctor takes names of programs'
	json 'doctor tells whether programs can be prepared' "$tmp/json" '
		[p["status"] for p in j["programs"]] == ["ok", "missing"]
		and "once and fork" in j["programs"][0]["detail"]
		and j["programs"][0]["reason"] is None
		and j["programs"][1]["reason"] == "static"
		and "cold" in j["programs"][1]["lost"]'
	"$tool" doctor true nosuchcommand > "$tmp/text" 2> "$tmp/log"
	[ $? = 127 ] && grep -q '^  ok  *true ' "$tmp/text" &&
		grep -q '^  unknown  *nosuchcommand *there is no such program$' \
			"$tmp/text" &&
		tail -n 3 "$tmp/text" | grep -q 'remedy:  *install it' &&
		! grep -A 1 nosuchcommand "$tmp/text" | grep -q cold
	result $? 'doctor tells that a program is missing: 127'
}

# ---- in a sandbox

sandboxes() {
	filtered 38 $clone3 $close_range $openat2 $faccessat2 $pidfd_open -- \
		"$tool" doctor --json > "$tmp/json" 2> "$tmp/log"
	result $? 'doctor works under a filter that answers ENOSYS'
	json 'calls that a filter answers with ENOSYS are told as hidden' \
		"$tmp/json" '
		denied("clone3", "clone_clear_sighand", "clone_into_cgroup",
			"close_range", "close_range_cloexec",
			"close_range_unshare", "openat2", "faccessat2",
			"pidfd_open")
		and all("seccomp" in f[i]["remedy"]
			for i in ("clone3", "close_range", "openat2"))
		and ok("launch", "clone_pidfd", "execveat")
		and "filter" in f["seccomp"]["detail"]
		and f["no_new_privs"]["detail"].startswith("set")'
	filtered 1 $clone3 $close_range -- "$tool" doctor --json \
		> "$tmp/json" 2> "$tmp/log"
	result $? 'doctor works under a filter that answers EPERM'
	json 'calls that a filter refuses are told as not permitted' "$tmp/json" '
		denied("clone3", "close_range", "close_range_cloexec")
		and f["clone3"]["detail"] == "EPERM" and ok("launch")'
	filtered kill $openat2 $clone3 -- "$tool" doctor --json \
		> "$tmp/json" 2> "$tmp/log"
	[ $? = 1 ]
	result $? 'doctor outlives a filter that kills: status 1'
	json 'calls that a filter kills for are told' "$tmp/json" '
		denied("openat2", "clone3", "launch")
		and "kills" in f["openat2"]["detail"]
		and ok("execveat", "pidfd_open")
		and not j["launches_work"]'
}

# ---- another account, another root

other_account() {
	local name='doctor works as another account'

	if [ "$(id -u)" != 0 ]; then
		skip "$name" 'this is not root'
		return
	fi
	setpriv --reuid 65534 --regid 65534 --clear-groups "$copy" doctor \
		--json > "$tmp/json" 2> "$tmp/log"
	result $? "$name"
	json 'rights of root are told as not permitted to others' "$tmp/json" '
		ok("launch", "clone3", "execveat", "pidfd_open")
		and denied("bpf_privileges")
		and f["bpf_privileges"]["detail"].startswith(
			"not root, no CAP_BPF and CAP_PERFMON")
		and (f["cgroup_v2"]["status"] == "missing"
			or denied("cgroup_delegation"))'
}

# Runs the doctor with some privileges; the daemon wants more than these.
privileges() {
	local name='capabilities without root are not enough for the guard'
	local names=('root of a user namespace is not enough for the guard'
		'root of a container is not enough for the guard')
	local caps=+cap_38,+cap_39 # perfmon, bpf

	if [ "$(id -u)" != 0 ] || ! unshare -Urpf true 2> /dev/null; then
		skip "$name" 'no root, or no namespaces'
		skip "${names[0]}" 'no root, or no namespaces'
		skip "${names[1]}" 'no root, or no namespaces'
		return
	fi
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps "$caps" \
		--ambient-caps "$caps" "$copy" doctor --json > "$tmp/json" \
		2> "$tmp/log"
	json "$name" "$tmp/json" 'denied("bpf_privileges")
		and f["bpf_privileges"]["detail"].startswith("not root")
		and "as root" in f["bpf_privileges"]["remedy"]'
	unshare -Ur "$tool" doctor --json > "$tmp/json" 2> "$tmp/log"
	json "${names[0]}" "$tmp/json" 'denied("bpf_privileges")
		and "in a user namespace" in f["bpf_privileges"]["detail"]'
	unshare -pf "$tool" doctor --json > "$tmp/json" 2> "$tmp/log"
	json "${names[1]}" "$tmp/json" 'denied("bpf_privileges")
		and "PID namespace" in f["bpf_privileges"]["detail"]'
}

# Shows the doctor files that look like the pins of a daemon that has ended.
pins() {
	local name='pins without a daemon are told as unknown'
	local there=/sys/fs/bpf/spawn_template/links

	# shellcheck disable=SC2016 # for the other shell
	if [ "$(id -u)" != 0 ] || ! unshare -m sh -c 'mount -t tmpfs none "$0"' \
		"${there%/*/*}" 2> /dev/null; then
		skip "$name" 'no file system can be mounted for them'
		skip 'a folder without pins is told as no pins' \
			'no file system can be mounted'
		skip 'list tells of pins, but not of an empty folder' \
			'no file system can be mounted'
		return
	fi
	with_pins() { # names, command...
		# shellcheck disable=SC2016 # for the other shell
		unshare -m sh -c 'mount -t tmpfs none "${0%/*/*}" &&
			mkdir -p "$0" && (cd "$0" && touch . $1) && shift &&
			exec "$@"' "$there" "$@"
	}
	with_pins 'a b' "$tool" doctor --json > "$tmp/json" 2> "$tmp/log"
	json "$name" "$tmp/json" 'are("unknown", "guard_pins")
		and f["guard_pins"]["detail"].startswith("2 kernel programs")
		and "not proved" in f["guard_pins"]["detail"]'
	with_pins '' "$tool" doctor --json > "$tmp/json" 2> "$tmp/log"
	json 'a folder without pins is told as no pins' "$tmp/json" \
		'are("info", "guard_pins") and f["guard_pins"]["detail"] == "none"'
	with_pins 'a b' "$tool" list --socket /nonexistent 2>&1 |
		grep -q 'there are pins in .*; their effect is not proved' &&
		! with_pins '' "$tool" list --socket /nonexistent 2>&1 |
			grep -q 'there are pins'
	result $? 'list tells of pins, but not of an empty folder'
}

# Shows the doctor a kernel with many security modules.
long_list() {
	local name='a list that is longer than a line is wrapped' names
	local there=/sys/kernel/security

	# shellcheck disable=SC2016 # for the other shell
	if [ "$(id -u)" != 0 ] || ! unshare -m sh -c 'mount -t tmpfs none "$0"' \
		"$there" 2> /dev/null; then
		skip "$name" 'no file system can be mounted'
		return
	fi
	names=lockdown,capability,landlock,yama,apparmor,tomoyo,bpf,ipe,ima,evm
	# shellcheck disable=SC2016 # for the other shell
	unshare -m sh -c 'mount -t tmpfs none "$0" && echo "$1" > "$0/lsm" &&
		exec "$2" doctor' "$there" "$names" "$tool" > "$tmp/text" 2>&1
	awk 'length > 80 || / $/' "$tmp/text" > "$tmp/log"
	tr -d ' \n' < "$tmp/text" | grep -q "$names" ||
		cat "$tmp/text" >> "$tmp/log"
	[ ! -s "$tmp/log" ]
	result $? "$name"
}

hidden_proc() {
	local name='doctor works without /proc'

	may_hide_proc "$name" || return
	without_proc "$tool" doctor --json > "$tmp/json" 2> "$tmp/log"
	result $? "$name"
	json 'a missing /proc is told' "$tmp/json" '
		f["proc"]["status"] == "missing" and "mount" in
			f["proc"]["remedy"]
		and f["execveat_comm"]["status"] == "unknown"
		and ok("launch", "clone3", "execveat")'
}

without_processes() {
	local name='doctor tells that no process can be made'

	if [ "$(id -u)" != 0 ]; then
		skip "$name" 'this is not root'
		return
	fi
	ASAN_OPTIONS=detect_leaks=0 setpriv --reuid 65532 --regid 65532 \
		--clear-groups prlimit --nproc=1 "$copy" doctor \
		> "$tmp/log" 2>&1
	[ $? = 1 ] && head -n 1 "$tmp/log" | grep -q 'Launches do not work'
	result $? "$name"
}

without_shell() {
	local name='doctor tells that nothing can be executed: status 1'

	if ! unshare -m true 2> /dev/null; then
		skip "$name" 'no mount namespace can be made'
		return
	fi
	# /bin may be a link to a directory: this hides the file itself
	unshare -m sh -c 'mount --bind /etc/hostname "$(readlink -f /bin/sh)" &&
		exec "$0" doctor --json' "$tool" > "$tmp/json" 2> "$tmp/log"
	[ $? = 1 ]
	result $? "$name"
	json 'the file that cannot be executed is told' "$tmp/json" '
		f["launch"]["status"] == "missing"
		and "/bin/sh" in f["launch"]["detail"]'
}

# ---- ending trees

# Runs a command in a cgroup.
in_cgroup() { # directory, command...
	local dir=$1

	shift
	(echo 0 > "$dir/cgroup.procs" && exec "$@")
}

# Asks which way ends trees, and where, with and without rights for cgroups.
way_of_ending_trees() {
	local mount own name='doctor tells the cgroup that trees are ended by'

	mount=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	own=$mount/st-doctor-$$
	if [ "$(id -u)" != 0 ] || [ -z "$mount" ] || ! mkdir "$own"; then
		skip "$name" 'no cgroup v2 that may be written'
		return
	fi 2> /dev/null
	in_cgroup "$own" "$tool" doctor --json > "$tmp/json" 2> "$tmp/log"
	json "$name" "$tmp/json" '
		ok("tree_ending", "cgroup_delegation")
		and f["tree_ending"]["detail"] == "cgroup, below '"$own"'"'
	in_cgroup "$own" setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$copy" doctor --json > "$tmp/json" 2> "$tmp/log"
	json 'a limit holds nowhere without its controller, or the right to it' \
		"$tmp/json" '
		all(f["limit_" + c]["status"] != "ok"
			and "RLIMIT" in f["limit_" + c]["lost"] + "RLIMIT" * (c == "io")
			and "'"$own"'" in f["limit_" + c]["detail"]
			and (c in read("'"$own"'/cgroup.controllers").split())
				== (f["limit_" + c]["status"] == "no_permission")
			for c in ("memory", "pids", "cpu", "io"))'
	json 'another account ends trees by /proc and gets a remedy' "$tmp/json" '
		denied("tree_ending")
		and "/proc" in f["tree_ending"]["detail"]
		and "'"$own"'" in f["tree_ending"]["detail"]
		and "Delegate=yes" in f["tree_ending"]["remedy"]
		and "setsid" in f["tree_ending"]["lost"]'
	# systemd delegates a cgroup so
	chown 65534:65534 "$own" "$own/cgroup.procs"
	in_cgroup "$own" setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$copy" doctor --json > "$tmp/json" 2> "$tmp/log"
	json 'another account ends trees by a cgroup delegated to it' \
		"$tmp/json" '
		ok("tree_ending") and "'"$own"'" in f["tree_ending"]["detail"]'
	trees_in_sandboxes "$own"
	rmdir "$own"
	result $? 'doctor leaves no cgroup below its own'
}

trees_in_sandboxes() { # cgroup
	local mount=${1%/*} name='a read-only cgroup mount is told with its remedy'

	filtered 38 $clone3 -- "$tool" doctor --json > "$tmp/json" \
		2> "$tmp/log"
	json 'without clone3 trees are ended by /proc, clone3 is the remedy' \
		"$tmp/json" '
		denied("tree_ending")
		and "/proc" in f["tree_ending"]["detail"]
		and "clone3" in f["tree_ending"]["remedy"]'
	if ! unshare -m true 2> /dev/null; then
		skip "$name" 'no mount namespace can be made'
		return
	fi
	unshare -m sh -c 'mount -o remount,bind,ro "$1" && "$0" doctor --json' \
		"$tool" "$mount" > "$tmp/json" 2> "$tmp/log"
	json "$name" "$tmp/json" '
		denied("tree_ending") and "Read-only"
			in f["tree_ending"]["detail"]
		and "writable" in f["tree_ending"]["remedy"]'
	unshare -m sh -c 'umount -l "$1" && "$0" doctor --json' "$tool" \
		"$mount" > "$tmp/json" 2> "$tmp/log"
	json 'a missing cgroup mount is told' "$tmp/json" '
		f["tree_ending"]["status"] == "missing"
		and "/proc" in f["tree_ending"]["detail"]
		and all(f[i]["status"] == "missing"
			and f[i]["remedy"] == "see cgroup v2"
			for i in ("limit_memory", "limit_pids", "limit_cpu",
				"limit_io"))'
}

# Waits 5 s at most: other doctors that run now remove their own cgroups.
no_cgroup_left() {
	local mount i

	mount=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	for ((i = 0; i < 50; i++)); do
		find "${mount:-/nonexistent}" -name 'spawn-template-doctor*' \
			> "$tmp/log" 2> /dev/null
		[ -s "$tmp/log" ] || break
		sleep 0.1
	done
	[ ! -s "$tmp/log" ]
	result $? 'doctor leaves no cgroup anywhere'
}

# Other accounts run a copy: the clone may be in a private directory.
copy=$tmp/spawn-template
cp "$tool" "$copy"
chmod 755 "$tmp"
here
compared
for_people
prepared
sandboxes
other_account
privileges
pins
long_list
hidden_proc
without_processes
without_shell
way_of_ending_trees
no_cgroup_left

echo "1..$n"
exit "$failed"
