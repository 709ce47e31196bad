#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# make install into an empty directory. C and C++ programs build with the installed
# files by pkg-config, shared and static, and run; the shared library exports the
# functions of the header under their version and nothing else; make uninstall leaves
# no file.
#
# shellcheck disable=SC2317 # functions are called by their names

set -u

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
out=${O:-build}
cc=${CC:-cc}
cxx=${CXX:-c++}
# shellcheck source=tests/tap.sh
. tests/tap.sh
root=$tmp/root
lib=$root/usr/lib/libspawn_template.so
warn='-Wall -Wextra -Wshadow -Wpedantic -Werror'

# make may run this test; its variables are not for the make that the test runs.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR PREFIX LIBDIR BINDIR \
	INCLUDEDIR MANDIR

# Asks pkg-config for the installed tree only; the build has its own packages.
pkg() {
	PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$root/usr/lib/pkgconfig \
		PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 \
		PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 pkg-config "$@" spawn_template
}

# Runs a command; its output is shown if it fails.
step() { # name command...
	local name=$1

	shift
	"$@" >"$tmp/log" 2>&1
	result $? "$name"
}

in_make() {
	make --no-print-directory O="$out" CC="$cc" DESTDIR="$root" \
		PREFIX=/usr "$@"
}

# Installs below two prefixes: files built for one must not end up below the other.
install_twice() {
	in_make PREFIX=/opt/other DESTDIR="$tmp/other" install &&
		in_make install
}

# 'make' leaves programs out where they cannot be built.
built() { # program
	[ -x "$out/$1" ]
}

all_there() {
	local f missing=0 files=(include/spawn_template.h
		lib/libspawn_template.a lib/libspawn_template.so
		lib/libspawn_template.so.0 lib/pkgconfig/spawn_template.pc
		share/man/man3/spawn_template_spawn.3
		share/man/man7/spawn_template.7)

	! built spawn-template || files+=(bin/spawn-template
		share/man/man1/spawn-template.1
		share/bash-completion/completions/spawn-template
		share/zsh/site-functions/_spawn-template
		share/fish/vendor_completions.d/spawn-template.fish)
	! built spawn-templated || files+=(share/man/man8/spawn-templated.8)
	for f in "${files[@]}"; do
		[ -s "$root/usr/$f" ] || { echo "no $f" && missing=1; }
	done
	[ "$(ls "$root/usr/include")" = spawn_template.h ] ||
		{ ls "$root/usr/include" && missing=1; }
	return "$missing"
}

# Looks for directories of the build and of the other prefix in the file.
pc_file() {
	local version

	version=$(sed -n 's/^VERSION := *//p' Makefile)
	grep ^prefix= "$root/usr/lib/pkgconfig/spawn_template.pc" \
		"$tmp/other/opt/other/lib/pkgconfig/spawn_template.pc"
	grep -qx prefix=/opt/other \
		"$tmp/other/opt/other/lib/pkgconfig/spawn_template.pc" &&
		[ "$(pkg --modversion)" = "$version" ] &&
		[ "$(pkg --variable=libdir)" = "$root/usr/lib" ]
}

# Prints each function of the header with the release that its comment names.
functions() {
	awk '/^ \* Since: / { since = $3 }
		match($0, /^[a-z_]+ \**spawn_template_[a-z_]+\(/) {
			name = substr($0, 1, RLENGTH - 1)
			sub(/.*[ *]/, "", name)
			print name "@@SPAWN_TEMPLATE_" since
		}' include/spawn_template.h | sort
}

exports() {
	local want got

	want=$(functions)
	got=$(nm -D --defined-only --with-symbol-versions "$lib" |
		awk '$2 != "A" { print $3 }' | sort)
	echo "exported: $got"
	echo "want: $want"
	[ "$(wc -l <<<"$want")" -ge 8 ] && [ "$got" = "$want" ]
}

soname() {
	readelf -dW "$lib"
	[ "$(readelf -dW "$lib" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')" = \
		libspawn_template.so.0 ] &&
		readelf -dW "$lib" | grep -q 'FLAGS_1.*NODELETE' &&
		! readelf -dW "$lib" | grep '(NEEDED)' |
		grep -vE '\[(libc\.so\.6|ld-linux[^]]*|libc\.musl[^]]*)\]' &&
		[ "$(readlink "$lib")" = libspawn_template.so.0 ]
}

# Checks that names of the archive cannot clash with those of a program.
archive_names() {
	local all other

	all=$(nm -g --defined-only "$root/usr/lib/libspawn_template.a" |
		awk 'NF == 3 { print $3 }')
	other=$(grep -vE '^(spawn_template_|st_)' <<<"$all")
	echo "$other"
	grep -q '^spawn_template_spawn$' <<<"$all" && [ -z "$other" ]
}

# Checks that the units name the installed daemon, and that systemd accepts them.
units() {
	local f lib=$root/usr/lib missing=0

	for f in "$root/usr/sbin/spawn-templated" \
		"$lib/systemd/system/spawn-templated.service" \
		"$lib/systemd/system/spawn-templated.socket" \
		"$lib/sysusers.d/spawn-template.conf" \
		"$lib/tmpfiles.d/spawn-template.conf"; do
		[ -s "$f" ] || { echo "no $f" && missing=1; }
	done
	cp "$lib/systemd/system/"spawn-templated.* "$tmp"
	cat "$tmp/spawn-templated.service"
	grep -qx ExecStart=/usr/sbin/spawn-templated \
		"$tmp/spawn-templated.service" &&
		! grep -q '@[A-Z]*@' "$tmp/spawn-templated.service" &&
		grep -qx ExecStart=/opt/other/sbin/spawn-templated \
			"$tmp/other/opt/other/lib/systemd/system/spawn-templated.service" &&
		verified_units && return "$missing"
}

verified_units() {
	command -v systemd-analyze >/dev/null || return 0
	# systemd looks for the program
	sed -i 's|^ExecStart=.*|ExecStart=/bin/true|' \
		"$tmp/spawn-templated.service"
	systemd-analyze verify --man=no "$tmp/spawn-templated.service" \
		"$tmp/spawn-templated.socket"
}

flags() { # of pkg-config, split into words
	read -ra words <<<"$(pkg "$@")"
}

builds_c() { # output, then flags
	local to=$1

	shift
	# shellcheck disable=SC2086 # warnings are words
	"$cc" -std=c11 $warn -o "$to" tests/consumer/consumer.c "$@"
}

builds_cxx() {
	local to=$1

	shift
	# shellcheck disable=SC2086 # warnings are words
	"$cxx" -std=c++11 ${warn/-Wshadow/} -o "$to" tests/consumer/consumer.cc "$@"
}

runs() { # program
	local got

	got=$(LD_LIBRARY_PATH=$root/usr/lib "$1" sh -c 'echo out; exit 5')
	echo "$got"
	[ "$got" = $'out\nstatus 5' ]
}

uses_shared() {
	readelf -dW "$1" | grep -q 'NEEDED.*libspawn_template\.so\.0\]'
}

try() { # name, builder, flags of pkg-config...
	local name=$1 build=$2 program=$tmp/${1// /-}

	shift 2
	local extra=()
	[[ $name != *static ]] || extra=(-static)
	flags "$@"
	{
		echo "${words[@]}"
		"$build" "$program" "${extra[@]}" "${words[@]}" &&
			runs "$program" &&
			{ [[ $name = *static ]] || uses_shared "$program"; }
	} >"$tmp/log" 2>&1
	result $? "$name"
}

# Runs the commands that README gives for packaging, in this test's directory, with
# the program of README.
as_packagers_do() {
	local dir=$tmp/readme

	mkdir "$dir" && cp "$tmp/hello.c" "$dir" || return
	awk '/^```/ { if (text ~ /DESTDIR/) printf "%s", text; text = ""; next }
		{ text = text $0 "\n" }' README.md |
		sed "s|/tmp/pkg|$dir/pkg|g
			s|^make |make -C $top O=$out CC='$cc' |
			s|^cc |$cc |" > "$dir/commands"
	cat "$dir/commands"
	grep -q PKG_CONFIG "$dir/commands" &&
		[ "$(cd "$dir" && sh -eu commands 2>&1 | tail -n 1)" = hello ]
}

# Installs stripped files, which must have no debugging information, but still link.
stripped() {
	local lib=$tmp/stripped/usr/lib f

	in_make DESTDIR="$tmp/stripped" install-strip || return
	for f in "$lib"/libspawn_template.so.0 "$tmp"/stripped/usr/*bin/*; do
		echo "$f"
		! readelf -SW "$f" | grep -E '\.debug_|\.symtab' || return
	done
	readelf -SW "$root/usr/lib/libspawn_template.so.0" |
		grep -q '\.symtab' || return
	! readelf -SW "$lib/libspawn_template.a" | grep '\.debug_' &&
		"$cc" -o "$tmp/with-stripped" tests/consumer/consumer.c \
			-I"$tmp/stripped/usr/include" \
			"$lib/libspawn_template.a" -lpthread &&
		runs "$tmp/with-stripped"
}

nothing_left() {
	in_make uninstall && find "$root" ! -type d &&
		[ -z "$(find "$root" ! -type d)" ]
}

for tool in pkg-config "$cxx" readelf nm; do
	command -v "$tool" >/dev/null && continue
	echo 1..1
	skip 'programs build with an installed library' "$tool is not installed"
	[ "$failed" = 0 ] || exit 1
	exit 77
done

echo "1..14"
step "make install installs below two prefixes" install_twice
[ "$failed" = 0 ] || exit 1
step "make install installs every file" all_there
step "the pkg-config file has version and prefix" pc_file
name="daemon and units are installed, and systemd accepts them"
if built spawn-templated; then
	step "$name" units
else
	skip "$name" 'spawn-templated was not built'
fi
step "exports are the header's functions, with their version" exports
step "the library has a soname, stays loaded, needs only libc" soname
step "all names of the archive have a prefix" archive_names
try "a C program builds and runs, shared" builds_c --cflags --libs
try "a C program builds and runs, static" builds_c --static --cflags --libs
try "a C++ program builds and runs, shared" builds_cxx --cflags --libs
try "a C++ program builds and runs, static" builds_cxx --static --cflags --libs
awk '/^```/ && c { exit } c; /^```c$/ { c = 1 }' README.md > "$tmp/hello.c"
step "README's lines for a package build its program" as_packagers_do
step "files of make install-strip have no debug data, but still link" stripped
step "make uninstall leaves nothing" nothing_left
exit $failed
