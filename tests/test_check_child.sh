#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# scripts/check-child: the library's own child.o passes. Code that may not run between
# clone and exec is found in objects of both compilers.

set -u

cd "$(dirname "$0")/.." || exit 2
O=${O:-build}
# shellcheck source=tests/tap.sh
. tests/tap.sh

# Compiles the C on stdin and checks the object; complaints go to the log.
checked() { # flags
	"$cc" -O2 -fPIC -ffreestanding -w "$@" -x c -c -o "$tmp/o" - || return 9
	scripts/check-child "$tmp/o" > "$tmp/log" 2>&1
}

refused() { # words of the complaint
	[ $? = 1 ] && grep -q "$1" "$tmp/log"
}

echo "1..16"

scripts/check-child "$O/src/child.o" > "$tmp/log" 2>&1
result $? "the library's child.o passes"

for cc in gcc clang; do
	checked <<- 'END'
	static const char *const names[] = {"a", "b"};
	const char *name(int i) { return names[i & 1]; }
	END
	result $? "$cc: constant tables pass"

	checked <<< 'int getpid(void); int child(void) { return getpid(); }'
	refused 'needs getpid'
	result $? "$cc: a call of libc is found"

	checked <<< 'struct s { char b[1 << 20]; };
		void child(struct s *a, struct s *b) { *a = *b; }'
	refused 'calls memcpy'
	result $? "$cc: a memcpy of the compiler is found"

	checked <<< 'int f(void) __attribute__((weak));
		int child(void) { return f ? f() : 0; }'
	refused 'needs f:'
	result $? "$cc: a weak reference is found"

	checked -fcommon <<< 'int shared; static int counted;
		int child(void) { return shared + counted++; }'
	refused 'writable data: .* in .bss'
	result $? "$cc: zeroed data is found"

	checked <<< 'int shared = 4; int child(void) { return shared++; }'
	refused 'writable data: .* in .data'
	result $? "$cc: initialised data is found"

	checked -fstack-protector-all <<< 'void child(void) { }'
	refused 'fno-stack-protector'
	result $? "$cc: a stack protector is found"
done

echo 'no object' > "$tmp/o"
scripts/check-child "$tmp/o" > "$tmp/log" 2>&1
[ $? = 1 ]
result $? "a file that nm cannot read does not pass"

exit $failed
