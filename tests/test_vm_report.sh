#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/vm/report.awk with words that guests may say; no guest is booted. A cell fails
# when anything is wrong with it, and tells the fault.

set -u

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

cat > "$tmp/skips" <<'END'
# kernel, program, case
6.1	guard_test	reflink on xfs
5.10	guard_test	*
END
cat > "$tmp/bounds" <<'END'
# program, bound
lsm_creds	800
lsm_open	300
END

# Reports the words of a guest on stdin as a cell of kernel 6.1.176.
cell() { # mode, must
	rm -f "$tmp/insns"
	sed 's/$/\r/' > "$tmp/results"
	awk -v kernel="${KERNEL:-6.1.176}" -v mode="$1" -v must="${2:-0}" \
		-v insns_file="$tmp/insns" -f "$top/tests/vm/report.awk" \
		"$tmp/skips" "$tmp/bounds" "$tmp/results" > "$tmp/out"
}

why() {
	cat "$tmp/out"
}

first() { # the line of the cell
	[ "$(head -n 1 "$tmp/out")" = "$1" ]
}

last() { # passed, failed, skipped
	[ "$(tail -n 1 "$tmp/out" | cut -d ' ' -f 1-4)" = "= $1" ]
}

says() { # line, without its indentation
	sed 's/^ *//' "$tmp/out" | grep -qxF -e "$1"
}

start() { # security modules
	echo '= kernel 6.1.0-50-cloud-amd64 #1 SMP'
	echo "= lsm lockdown,capability,landlock$1"
}

counts='= insns 6.1.0-50-cloud-amd64 lsm lsm_creds 700
= insns 6.1.0-50-cloud-amd64 lsm lsm_open 300'

# A program with its counts and a small one, which passes.
two() {
	cat <<-END
	= begin guard_test
	1..2
	ok 1 - refused by the kernel
	ok 2 - pinned file
	$counts
	= end guard_test 0 1234
	= begin test_rfc
	1..1
	ok 1 - basic spawn
	= end test_rfc 0 50
	END
}

{ start ,bpf; two; echo '= done'; } | cell lsm
first 'cell 6.1.176 lsm: 3 passed, 0 failed, 0 skipped' && last '3 0 0' &&
	says 'guard_test: 2 passed, 12.3 s' && says 'test_rfc: 1 passed, 0.5 s'
result $? 'a cell whose cases all pass is added up'

diff - "$tmp/insns" <<-'END' > "$tmp/diff"
lsm_creds 6.1.176 lsm 700 800
lsm_open 6.1.176 lsm 300 300
END
result $? 'instruction counts are kept, with their bounds'

{
	start ''
	cat <<-'END'
	= begin guard_test
	1..2
	ok 1 - first
	# a note of the one that fails
	not ok 2 - second
	# guard.c:12: 1 is not 2
	= end guard_test 1 100
	= done
	END
} | cell none
first 'cell 6.1.176 none: 1 passed, 1 failed, 0 skipped' && last '1 1 0' &&
	says 'not ok 2 - second' && says 'guard.c:12: 1 is not 2'
result $? 'a failed case is shown with its notes'

skipping() { # case
	start ''
	cat <<-END
	= begin guard_test
	1..2
	ok 1 - first
	ok 2 - $1 # SKIP this kernel has none
	= end guard_test 0 100
	= done
	END
}

skipping 'subvolumes' | cell none
first 'cell 6.1.176 none: 1 passed, 0 failed, 1 skipped' && last '1 0 1' &&
	says 'skipped: subvolumes: this kernel has none'
result $? 'a skipped case is shown with its reason'

skipping 'subvolumes' | cell none 1
first 'cell 6.1.176 none: 1 passed, 1 failed, 0 skipped' && last '1 1 0' &&
	says 'must work: subvolumes: this kernel has none'
result $? 'a skipped case that must work fails'

skipping 'reflink on xfs' | cell none 1
last '1 0 1'
result $? 'a skip that is listed passes'

skipping 'anything' | KERNEL=5.10.223 cell none 1 && last '1 0 1'
result $? 'a whole program is allowed to skip'

{
	start ,bpf
	printf '= begin guard_test\n1..9\nok 1 - first\n'
} | cell lsm
first 'cell 6.1.176 lsm: 1 passed, 1 failed, 0 skipped' && last '1 1 0' &&
	says 'the guest did not come to its end' && says 'in guard_test'
result $? 'a panic in a program fails'

: | cell lsm
first 'cell 6.1.176 lsm: 0 passed, 1 failed, 0 skipped' && last '0 1 0' &&
	says 'in start-up'
result $? 'a panic before the first word fails'

{ start ,bpf; two; } | cell lsm
last '3 1 0' && says 'the guest did not come to its end'
result $? 'a guest that does not come to its end fails'

ending() { # cases, status
	start ''
	printf '= begin guard_test\n1..2\n'
	for ((i = 1; i <= $1; i++)); do echo "ok $i - case"; done
	printf '= end guard_test %s 100\n= done\n' "$2"
}

ending 1 0 | cell none
last '1 1 0' && says 'finished 1 of 2'
result $? 'a missing result fails'

ending 1 137 | cell none
last '1 1 0' && says 'out of time'
result $? 'a program that hangs fails'

ending 2 139 | cell none
last '2 1 0' && says 'exit status 139'
result $? 'a program that crashes at its end fails'

{
	start ''
	printf '= begin guard_test\n= end guard_test 127 1\n= done\n'
} | cell none
says 'no plan, exit status 127' && last '0 1 0'
result $? 'a program that is not there fails'

counts='= insns 6.1.0 lsm lsm_creds 801
= insns 6.1.0 lsm lsm_open 300'
{ start ,bpf; two; echo '= done'; } | cell lsm
first 'cell 6.1.176 lsm: 3 passed, 1 failed, 0 skipped' && last '3 1 0' &&
	says 'instructions of lsm_creds: 801, above 800' &&
	grep -qx 'lsm_creds 6.1.176 lsm 801 800' "$tmp/insns"
result $? 'instructions above their bound fail'

counts='= insns 6.1.0 lsm lsm_other 10'
{ start ,bpf; two; echo '= done'; } | cell lsm
last '3 1 0' && says 'instructions of lsm_other: 10, no bound'
result $? 'instructions without a bound fail'

counts='= insns 6.1.0 lsm lsm_creds'
{ start ,bpf; two; echo '= done'; } | cell lsm
last '3 1 0' && says 'instructions of lsm_creds: no number: ""'
result $? 'instructions that are no number fail'

counts='# none'
{ start ,bpf; two; echo '= done'; } | cell lsm
last '3 0 0' && ! says 'no instruction counts'
result $? 'a program that does not count needs no instruction counts'

{ start ,bpf; two | sed 's/guard_test/guard_cost/'; echo '= done'; } | cell lsm
last '3 1 0' && says 'no instruction counts'
result $? 'a program that counts needs instruction counts'

{ start ''; two; echo '= done'; } | cell lsm
says 'no bpf among the security modules: lockdown,capability,landlock' &&
	! last '3 0 0'
result $? 'a kernel without bpf fails for lsm'

{ start ,bpf; two; echo '= done'; } | cell fmod_ret
says 'bpf among the security modules: lockdown,capability,landlock,bpf' &&
	! last '3 0 0'
result $? 'a kernel with bpf fails for fmod_ret'

{ two; echo '= done'; } | cell none
last '3 1 0' && says 'the guest did not name its security modules'
result $? 'a guest that does not name its security modules fails'

counts='= insns 6.1.0 lsm lsm_creds 700'
{ start ,bpf; two; echo '= done'; } | sed 's/$/\r/' > "$tmp/results"
awk -v kernel=6.1.176 -v n=4 -v must=0 -f "$top/tests/vm/report.awk" \
	"$tmp/skips" /dev/null "$tmp/results" > "$tmp/out"
says 'not ok 5 - kernel 6.1.176: guard_test: 2 passed, 1 failed, 12.3 s' &&
	says 'ok 6 - kernel 6.1.176: test_rfc: 1 passed, 0.5 s' &&
	says '= 3 1 0 6'
result $? 'a report that is no cell has a line of TAP for each program'

echo "1..$n"
exit $failed
