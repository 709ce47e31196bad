#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The recipe of the library: the files that it lists are enough, on a machine that has
# a C compiler, make and binutils, to build and install it with each compiler, and for
# programs to build against it by -I and -L.
#
# shellcheck disable=SC2317 # functions are called by their names

set -u
cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck source=tests/sealed.sh
. tests/sealed.sh
tree=$tmp/tree
consumer=$PWD/tests/consumer/consumer.c

# CPATH finds these headers first: including one of another package is an error.
poison=$tmp/poison
mkdir -p "$poison/bpf"
for header in jansson.h Python.h bpf/bpf.h bpf/libbpf.h; do
	echo '#error the library needs no such header' > "$poison/$header"
done

step() { # name command...
	local name=$1

	shift
	"$@" > "$tmp/log" 2>&1
	result $? "$name"
}

in_tree() { # make's arguments; cc is the compiler, flags are more of them
	sealed CPATH="$poison" make -j2 --no-print-directory -C "$tree" \
		O="$tmp/out" CC="$cc" "${flags[@]}" DESTDIR="$root" PREFIX=/usr "$@"
}

copies_the_tree() {
	sealed make -s --no-print-directory print-library-files > "$tmp/files" &&
		mkdir "$tree" && tar -cf - -T "$tmp/files" | tar -xf - -C "$tree" &&
		[ -s "$tree/src/child.c" ] && ! [ -e "$tree/src/cli" ]
}

builds() {
	rm -rf "$tmp/out"
	in_tree library &&
		[ -s "$tmp/out/libspawn_template.a" ] &&
		[ -s "$tmp/out/libspawn_template.so" ] &&
		[ -s "$tmp/out/spawn_template.pc" ]
}

installs() {
	in_tree install-library && find "$root" ! -type d | sort &&
		[ "$(cd "$root/usr" && find . ! -type d | sort | tr '\n' ' ')" = \
"./include/spawn_template.h ./lib/libspawn_template.a ./lib/libspawn_template.so \
./lib/libspawn_template.so.$soversion ./lib/libspawn_template.so.$version \
./lib/pkgconfig/spawn_template.pc " ]
}

# Builds a program on that machine, too, which launches another.
serves() { # further arguments of the compiler
	# shellcheck disable=SC2086 # a compiler and its flags
	sealed CPATH="$poison" $cc -Wall -Werror -o "$tmp/program" "$consumer" \
		-I"$root/usr/include" "$@" &&
		[ "$(LD_LIBRARY_PATH=$root/usr/lib "$tmp/program" \
			/bin/true)" = 'status 0' ]
}

uninstalls() {
	in_tree uninstall-library && ! find "$root" ! -type d | grep .
}

cases() { # compiler
	local name=${1%% *}

	cc=$1
	root=$tmp/root-$name
	step "$name: make library builds the library" builds
	step "$name: make install-library installs six files" installs
	step "$name: a program builds with -L and launches" serves \
		-L"$root/usr/lib" -lspawn_template
	step "$name: a static program builds and launches" serves \
		-static -L"$root/usr/lib" -lspawn_template
	step "$name: make uninstall-library leaves nothing" uninstalls
}

try() { # compiler and flags
	local name=${1%% *} i

	if allow "$name"; then
		cases "$1"
	else
		for i in 1 2 3 4 5; do
			skip "$name builds the library, $i of 5" \
				"$name is not installed"
		done
	fi
	[ "$name" = gcc ] || forbid "$name"
}

version=$(sed -n 's/^VERSION := *//p' Makefile)
soversion=$(sed -n 's/^SOVERSION := *//p' Makefile)

echo "1..18"
step 'the files that the recipe lists exist' copies_the_tree
[ "$failed" = 0 ] || exit 1
(cd "$tree" && find . | sort) > "$tmp/before"
! sealed sh -c 'command -v clang || command -v bpftool || command -v pkg-config ||
	command -v python3' > "$tmp/log"
result $? 'the machine has no clang, bpftool, pkg-config and python'
flags=()
try gcc
flags=(CFLAGS=-O0)	# it is quicker
# musl-gcc knows no kernel headers; those of the system come last.
try "musl-gcc -idirafter /usr/include \
-idirafter /usr/include/$(gcc -print-multiarch)"
try clang
(cd "$tree" && find . | sort) | diff "$tmp/before" - > "$tmp/log"
result $? 'no file is written beside the sources'
exit $failed
