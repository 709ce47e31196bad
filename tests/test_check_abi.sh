#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# scripts/check-abi: a small library, in a repository of its own, changes its ABI, and
# its version must tell of that.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/tap.sh
. tests/tap.sh

repository=$tmp/repository
here=$PWD
unset CC MUSL_CC MAKEFLAGS MFLAGS MAKELEVEL

git() {
	command git -C "$repository" -c user.name=test -c user.email=test@test "$@"
}

commit() { # message
	git add -A && git commit -q --allow-empty -m "$1"
}

edit() { # file, sed script
	sed -i -E "$2" "$repository/$1"
}

# Makes a library like ours, of version 0.3.0, and a commit that says 0.4.0.
begin() {
	rm -rf "$repository"
	mkdir -p "$repository"/{include,scripts}
	cp scripts/abi scripts/check-abi "$repository/scripts"
	cat > "$repository/include/spawn_template.h" <<- 'END'
	#include <stddef.h>
	#include <stdint.h>
	#define SPAWN_TEMPLATE_ONE 1
	struct spawn_template_args {
		uint32_t first;
		int32_t second;
		uint64_t reserved[2];
	};
	int spawn_template_go(const struct spawn_template_args *args, size_t size);
	int spawn_template_stop(int fd);
	END
	cat > "$repository/library.c" <<- 'END'
	#include "include/spawn_template.h"
	int spawn_template_go(const struct spawn_template_args *args, size_t size)
	{
		return args && size;
	}
	int spawn_template_stop(int fd)
	{
		return fd;
	}
	END
	cat > "$repository/Makefile" <<- 'END'
	VERSION := 0.3.0
	SOVERSION := 0
	build/libspawn_template.so: library.c include/spawn_template.h ; \
		mkdir -p $(@D) && gcc -g -shared -fPIC -o $@ $<
	END
	echo /build > "$repository/.gitignore"
	git init -q && commit 'version 0.3.0'
	edit Makefile 's/0\.3\.0/0.4.0/'
	commit 'version 0.4.0'
}

check_abi() {
	make -s -C "$repository" -B build/libspawn_template.so >> "$tmp/log" 2>&1 &&
		"$repository/scripts/check-abi" >> "$tmp/log" 2>&1
}

accepted() { # name
	check_abi
	result $? "$1"
}

refused() { # name, words of the complaint
	check_abi
	[ $? = 1 ] && grep -q -- "$2" "$tmp/log"
	result $? "$1"
}

skipped() { # name, reason
	check_abi
	[ $? = 77 ] && grep -q -- "$2" "$tmp/log"
	result $? "$1"
}

# Makes the version equal to that of the base but for the patch, as after a release.
same_version() {
	edit Makefile 's/0\.4\.0/0.3.1/'
}

grow='s/uint64_t reserved\[2\];/&\n	uint64_t third;/'
name_reserved='s/uint64_t reserved\[2\];/uint64_t third, reserved;/'
add='s/^int spawn_template_stop.*/&\nint spawn_template_more(void);/'
define_more='$a int spawn_template_more(void) { return 0; }'

echo '1..18'

if ! command -v abidiff > /dev/null; then
	while [ "$n" -lt 18 ]; do
		skip 'changes of the ABI are found' 'abidiff is not installed'
	done
	exit $failed
fi

begin
accepted 'a library that did not change is accepted'
grep -q 'goes with programs for 0.3.0' <(cd "$repository" && scripts/check-abi)
result $? 'the base is the last commit of another version'

edit include/spawn_template.h "$add"
edit library.c "$define_more"
accepted 'a new function goes with a new minor version'
same_version
refused 'a new function needs a new minor version' 'raise VERSION'

begin
edit include/spawn_template.h "$grow"
accepted 'a structure grows at its end with a new minor version'
same_version
refused 'a structure that grows needs a new minor version' 'raise VERSION'

begin
edit include/spawn_template.h "$name_reserved"
accepted 'a reserved member gets a name'

begin
edit include/spawn_template.h '/uint32_t first;/ { h; d }; /int32_t second;/ { G }'
refused 'members that change places need a new SOVERSION' 'was:  spawn_template_args.first'
edit Makefile 's/^SOVERSION := 0/SOVERSION := 1/'
accepted 'members may change places with a new SOVERSION'

begin
edit include/spawn_template.h '/uint64_t reserved/d'
refused 'a structure that shrinks needs a new SOVERSION' 'has become smaller'

begin
edit include/spawn_template.h 's/(SPAWN_TEMPLATE_ONE) 1/\1 2/'
refused 'a constant of another value needs a new SOVERSION' 'is: SPAWN_TEMPLATE_ONE'

begin
edit include/spawn_template.h '/spawn_template_stop/d'
edit library.c '/spawn_template_stop/,$d'
refused 'a function that is gone needs a new SOVERSION' 'raise SOVERSION'

begin
edit include/spawn_template.h 's/spawn_template_stop\(int fd/spawn_template_stop(long fd/'
edit library.c 's/spawn_template_stop\(int fd/spawn_template_stop(long fd/'
refused 'a parameter of another type needs a new SOVERSION' 'raise SOVERSION'

begin
git tag v0.4.0
edit include/spawn_template.h "$add"
edit library.c "$define_more"
refused 'a tag is the base if there is one' '0.4.0 is not 0.4.0'
edit Makefile 's/0\.4\.0/0.5.0/'
accepted 'since a tag, a new function goes with a new minor version'

begin
command git clone -q --depth 1 "file://$repository" "$tmp/shallow"
rm -rf "$repository"
mv "$tmp/shallow" "$repository"
MUST_WORK=1 skipped 'a shallow clone has nothing to compare with' 'the clone is shallow'
rm -rf "$repository/.git"
GIT_CEILING_DIRECTORIES=$tmp MUST_WORK=1 skipped 'a tarball has no history' 'no git repository'

begin
mkdir "$tmp/bin"
for tool in bash sh sed git dirname cat; do
	ln -s "$(type -P $tool)" "$tmp/bin/$tool"
done
PATH=$tmp/bin MUST_WORK=1 "$repository/scripts/check-abi" > "$tmp/log" 2>&1
[ $? = 1 ] && grep -q 'must work, but abidiff' "$tmp/log"
result $? 'MUST_WORK=1 makes a missing abidiff fail'

cd "$here" || exit 2
exit $failed
