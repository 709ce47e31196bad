#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# make install without a DESTDIR: the loader finds the library, or the installation
# tells the obstacle. scripts/tell-loader runs with stubs of ldconfig and id; one
# installation is real, into a copy of the machine's directories that only this test
# sees.
#
# shellcheck disable=SC2317 # functions are called by their names

set -u
cd "$(dirname "$0")/.." || exit 2
out=${O:-build}
cc=${CC:-cc}
if [ "${1:-}" = --inside ]; then
	tmp=$2 # of the script that runs this one
else
	# shellcheck source=tests/tap.sh
	. tests/tap.sh
fi
bin=$tmp/bin
libdir=$tmp/prefix/lib
mkdir -p "$bin" "$libdir"
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR PREFIX LIBDIR BINDIR \
	INCLUDEDIR MANDIR LD_LIBRARY_PATH PKG_CONFIG_PATH PKG_CONFIG_LIBDIR

step() { # name command...
	local name=$1

	shift
	"$@" > "$tmp/log" 2>&1
	result $? "$name"
}

stub() { # name, body on stdin
	{
		echo '#!/bin/sh'
		cat
	} > "$bin/$1"
	chmod +x "$bin/$1"
}

# Makes a machine whose loader looks into these folders; ldconfig notes its calls.
machine() { # uid, lines that ldconfig -v prints
	echo "echo $1" | stub id
	printf '%s\n' "${@:2}" > "$tmp/folders"
	: > "$tmp/calls"
	stub ldconfig <<- END
	case \$1 in
	-v) cat "$tmp/folders" ;;
	*) echo "ldconfig \$*" >> "$tmp/calls" ;;
	esac
	END
}

# Compares how often ldconfig makes its cache, and the words of tell-loader.
tells() { # calls, extended regular expression or nothing
	local said

	said=$(PATH=$bin:$PATH scripts/tell-loader "$libdir" 2>&1) || return 1
	echo "said: $said"
	cat "$tmp/calls"
	[ "$(grep -c . "$tmp/calls")" = "$1" ] &&
		if [ -z "$2" ]; then [ -z "$said" ]; else grep -qE "$2" <<< "$said"; fi
}

root_in_the_path() {
	machine 0 /lib: "$libdir: (from /etc/ld.so.conf:1)" "	libc.so.6 -> x" &&
		tells 1 '' && machine 0 "$libdir:" && tells 1 ''
}

by_another_name() {
	ln -s "$tmp/prefix" "$tmp/link"
	machine 0 "$tmp/link/lib:" && tells 1 ''
}

not_root() {
	machine 1000 "$libdir:" && tells 0 '^note: as root, run ldconfig,'
}

not_in_the_path() {
	machine 0 /lib: "$libdir/deeper:" &&
		tells 0 "^  echo $libdir >/etc/ld.so.conf.d/.* && ldconfig$"
}

# Another ldconfig than glibc's prints no folders.
other_ldconfig() {
	machine 0 && tells 0 ''
}

fails() {
	machine 0 "$libdir:"
	sed -i '/\*)/s/echo.*;;/exit 1 ;;/' "$bin/ldconfig"
	tells 0 '^note: ldconfig failed'
}

in_make() {
	make -s --no-print-directory O="$out" CC="$cc" "$@"
}

with_destdir() {
	machine 0 /lib:
	PATH=$bin:$PATH in_make DESTDIR="$tmp/root" PREFIX=/usr install-library \
		> "$tmp/said" 2>&1 || return 1
	cat "$tmp/said"
	! grep -q '^note:' "$tmp/said"
}

without_destdir() {
	machine 0 /lib:
	PATH=$bin:$PATH in_make PREFIX="$tmp/prefix" install-library \
		> "$tmp/said" 2>&1 || return 1
	cat "$tmp/said"
	grep -q "^note: the loader does not look into $libdir" "$tmp/said"
}

# Does as README says: installs, compiles by pkg-config, and starts.
for_all_of_the_machine() {
	local dir flags

	for dir in include lib bin sbin share; do
		mount -t tmpfs tmpfs "/usr/local/$dir" || return
	done
	[ ! -d /var/cache/ldconfig ] || mount -t tmpfs tmpfs /var/cache/ldconfig
	mkdir "$tmp/etc" && mount -t tmpfs tmpfs "$tmp/etc" &&
		{ cp -a /etc/. "$tmp/etc" 2> /dev/null || :; } &&
		mount --bind "$tmp/etc" /etc || return
	in_make install &&
		read -ra flags < <(pkg-config --cflags --libs spawn_template) &&
		"$cc" "$tmp/hello.c" -o "$tmp/hello" "${flags[@]}" &&
		[ "$("$tmp/hello")" = hello ] &&
		/usr/local/bin/spawn-template run true &&
		in_make uninstall &&
		! /sbin/ldconfig -p | grep spawn_template &&
		! find /usr/local/{include,lib,bin,sbin,share} ! -type d | grep .
}

machine_now() {
	find /usr/local/{include,lib,bin,sbin} -name '*spawn*template*'
	cat /etc/ld.so.cache
}

if [ "${1:-}" = --inside ]; then
	for_all_of_the_machine
	exit
fi

really() {
	local before after

	before=$(machine_now | cksum)
	"${unshare[@]}" tests/test_install_system.sh --inside "$tmp" || return 1
	after=$(machine_now | cksum)
	[ "$before" = "$after" ]
}

can_really() {
	unshare=(unshare --mount)
	[ "$(id -u)" = 0 ] || unshare+=(--map-root-user)
	"${unshare[@]}" mount -t tmpfs tmpfs /usr/local/lib 2> /dev/null
}

echo 1..9
step 'ldconfig runs for root if the loader looks into LIBDIR' root_in_the_path
step 'ldconfig runs if the folder has another name' by_another_name
step 'a user who is not root is told that root has to run ldconfig' not_root
step 'a LIBDIR that the loader does not look into gets a remedy' not_in_the_path
step 'another ldconfig is left alone' other_ldconfig
step 'a failing ldconfig is told, and nothing else fails' fails
step 'with DESTDIR the loader of this machine is not looked at' with_destdir
step 'without DESTDIR the loader is looked at' without_destdir
awk '/^```/ && c { exit } c; /^```c$/ { c = 1 }' README.md > "$tmp/hello.c"
name="README's program runs after make install"
if ! [ -x "$out/spawn-template" ]; then
	skip "$name" 'spawn-template was not built'
elif ! command -v pkg-config > /dev/null; then
	skip "$name" 'pkg-config is not installed'
elif ! can_really; then
	skip "$name" 'no mounts of its own'
else
	step "$name" really
fi
exit "$failed"
