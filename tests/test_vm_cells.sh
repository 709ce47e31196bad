#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/vm/cells with a fake emulator: kernels get the arguments of their cells, and no
# failure is passed over.

set -u

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
unset JOBS MUST_BOOT MUST_WORK VM_TIME VM_TOTAL TEST_SLOW
export CALLS=$tmp/calls

mkdir "$tmp/vm"
cp "$top"/tests/vm/{cells,report.awk} "$tmp/vm"
echo '# kernel, program, case' > "$tmp/vm/skips"
echo 'lsm_creds 800' > "$tmp/vm/insns"

# The guest of KERNEL prints KERNEL/says, or waits for its time limit.
cat > "$tmp/vm/boot" <<'END'
#!/bin/bash
echo "$*" >> "$CALLS"
mkdir -p "$3"
echo 'Kernel panic' > "$3/console"
: > "$3/emulator"
: > "$3/results"
[ -e "$1/says" ] || exec timeout "$4" sleep 60
sed "s/LSM/$5/" "$1/says" > "$3/results"
END
chmod +x "$tmp/vm/boot"

kernel() { # version, security modules; the words of its guest on stdin
	mkdir -p "$tmp/kernels/$1"
	echo "$2" > "$tmp/kernels/$1/lsm"
	echo "$1.7-1~bpo12+1" > "$tmp/kernels/$1/version"
	echo image > "$tmp/kernels/$1/vmlinuz"
	cat > "$tmp/kernels/$1/says"
}

cells() { # cell...
	: > "$CALLS"
	"$tmp/vm/cells" image "$tmp/kernels" "$tmp/out/cells" \
		' guard_test  guest ' "$@" > "$tmp/said" 2>&1
}

why() {
	cat "$tmp/said" "$CALLS"
}

says() { # a line
	grep -qxF -e "$1" "$tmp/said"
}

last() {
	[ "$(tail -n 1 "$tmp/said")" = "$1" ]
}

passing='= lsm LSM
= begin guard_test
1..1
ok 1 - case
= insns 6.1 mode lsm_creds 700
= end guard_test 0 10
= done'
kernel 6.1 landlock,bpf,ipe <<< "$passing"
kernel 7 landlock,tomoyo <<< "$passing"
kernel 6.9 landlock <<< '= lsm LSM'
kernel 5.10 yama <<< "$passing"
mkdir -p "$tmp/kernels/6.6"
echo 'the archive has no kernel 6.6' > "$tmp/kernels/6.6/why"

cells 6.1:lsm 6.1:fmod_ret 7:lsm && last '3 passed, 0 failed' &&
	says 'cell 6.1.7 lsm: 1 passed, 0 failed, 0 skipped' &&
	says 'cell 6.1.7 fmod_ret: 1 passed, 0 failed, 0 skipped' &&
	says 'cell 7.7 lsm: 1 passed, 0 failed, 0 skipped'
result $? 'each cell gets a line, and the last line adds up'

grep -q ' lsm=landlock,bpf,ipe vm_mode=lsm ' "$CALLS" &&
	grep -q ' lsm=landlock,ipe vm_mode=fmod_ret ' "$CALLS" &&
	grep -q ' lsm=landlock,tomoyo,bpf vm_mode=lsm ' "$CALLS"
result $? 'the list of security modules differs by bpf only'

grep -q ' tests=guard_test,guest ' "$CALLS"
result $? 'a guest is told its tests'

says '# lsm_creds: at most 700 instructions of 800, on 7.7 lsm' &&
	[ "$(grep -c '^lsm_creds' "$tmp/out/insns.txt")" = 3 ]
result $? 'instruction counts of all cells are kept'

cells 5.10:none && ! grep -q lsm= "$CALLS" &&
	says 'cell 5.10.7 none: 1 passed, 0 failed, 0 skipped'
result $? 'the mode none gets no list of security modules'

cells 6.1:lsm 6.9:lsm
[ $? = 1 ] && last '1 passed, 1 failed' &&
	says 'cell 6.9.7 lsm: 0 passed, 1 failed, 0 skipped' &&
	says '    | Kernel panic'
result $? 'a panic fails, and shows the console'

cells 6.1:lsm 6.6:lsm && last '1 passed, 0 failed, 1 skipped' &&
	says 'cell 6.6 lsm: 0 passed, 0 failed, 1 skipped' &&
	says '  the archive has no kernel 6.6'
result $? 'a kernel that could not be fetched skips'

MUST_BOOT=1 cells 6.1:lsm 6.6:lsm
[ $? = 1 ] && last '1 passed, 1 failed'
result $? 'MUST_BOOT=1 makes a missing kernel fail'

MUST_WORK=1 cells 6.1:lsm 6.6:lsm 6.1:fmod_ret 5.10:none &&
	last '3 passed, 0 failed, 1 skipped'
result $? 'MUST_WORK=1 passes if another cell of the mode has booted'

MUST_WORK=1 cells 6.1:lsm 6.6:fmod_ret 5.9:none
[ $? = 1 ] && last '1 passed, 2 failed, 2 skipped' &&
	says 'must work: no cell of fmod_ret has booted' &&
	says 'must work: no cell of none has booted' \
		&& ! grep -q 'of lsm' "$tmp/said"
result $? 'MUST_WORK=1 makes a mode fail that no cell has booted for'

MUST_WORK=1 cells 6.6:lsm 6.6:fmod_ret
[ $? = 1 ] && last '0 passed, 2 failed, 2 skipped'
result $? 'MUST_WORK=1 makes a matrix fail of which no cell has booted'

rm "$tmp/kernels/6.9/says"
VM_TIME=1 cells 6.9:lsm
[ $? = 1 ] && last '0 passed, 1 failed' && says '    out of time after 1 s'
result $? 'a hang fails'

JOBS=1 VM_TOTAL=1 cells 6.9:lsm 6.9:fmod_ret 6.9:none
[ $? = 1 ] && last '0 passed, 3 failed'
result $? 'cells that have no time left fail'

cells
[ $? = 1 ] && last '0 passed, 1 failed'
result $? 'a matrix without cells fails'

echo "1..$n"
exit $failed
