#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# scripts/deps against a PATH of stubs: dpkg-query tells what is installed,
# apt-get, sudo and id record how they were called. Nothing is installed.

set -u

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
bin=$tmp/bin
export CALLS=$tmp/calls INSTALLED=$tmp/installed UID_IS=0 APT_FAILS=
unset SKIP_DEPS

why() {
	sed 's/^/call: /' "$CALLS"
	cat "$tmp/out" "$tmp/err"
}

stub() { # name, body on stdin
	{
		echo '#!/bin/sh'
		cat
	} >"$bin/$1"
	chmod +x "$bin/$1"
}

# What scripts/deps may find: these tools, and the stubs.
setup() {
	rm -rf "$bin"
	mkdir "$bin"
	for tool in sh awk sed tr mktemp rm cat head env; do
		ln -s "$(command -v "$tool")" "$bin/$tool"
	done
	: >"$CALLS"
	: >"$INSTALLED"
	UID_IS=0
	APT_FAILS=
	stub id <<-'END'
	echo "$UID_IS"
	END
	stub apt-get <<-'END'
	echo "apt-get $DEBIAN_FRONTEND $*" >>"$CALLS"
	case " $* " in *" $APT_FAILS "*) echo 'E: failed' >&2; exit 100 ;; esac
	END
	stub apt-cache <<-'END'
	case $1 in
	depends) echo '  Depends: clang-77' ;;
	show) [ "$2" = libclang-rt-77-dev ] ;;
	esac
	END
	stub sudo <<-'END'
	echo "sudo" >>"$CALLS"
	[ "$1" = -n ] && shift
	exec "$@"
	END
	# answers as dpkg-query does: what is known, and 1 for the rest
	stub dpkg-query <<-'END'
	echo dpkg-query >>"$CALLS"
	cat "$INSTALLED"
	exit 1
	END
}

deps() {
	PATH=$bin "$top/scripts/deps" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
}

# All that scripts/deps asks for, learned from what it asks for with nothing
# installed.
learn() {
	deps "$@"
	sed -n 's/.*--no-install-recommends //p' "$CALLS" | tr ' ' '\n'
}

have() { # packages: as dpkg-query prints them
	for p in "$@"; do
		case $p in
		clang) echo 'installed|clang|clang-77 (>= 77~)|' ;;
		*) echo "installed|$p||" ;;
		esac
	done >"$INSTALLED"
	echo 'installed|libclang-common-77-dev||libclang-rt-77-dev (>= 77)' \
		>>"$INSTALLED"
	: >"$CALLS"
}

calls() {
	[ "$(cat "$CALLS")" = "$1" ]
}

O_='-qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3'
UPDATE="apt-get noninteractive $O_ update"
INSTALL="apt-get noninteractive $O_ install -y --no-install-recommends"

echo "1..15"

setup
learn >"$tmp/all"
grep -qx gcc "$tmp/all" && grep -qx libclang-rt-77-dev "$tmp/all" &&
	[ "$(grep -c update "$CALLS")" = 1 ]
result $? "nothing installed: one update, all named, clang's runtime by version"

mapfile -t all <"$tmp/all"
have "${all[@]}"
deps && calls dpkg-query && ! [ -s "$tmp/out" ] && ! [ -s "$tmp/err" ]
result $? "nothing missing: one dpkg-query, no apt, no output"

UID_IS=1000
deps && ! grep -q sudo "$CALLS"
result $? "nothing missing: no sudo"

setup
grep -vxE 'make|ripgrep' "$tmp/all" >"$tmp/some"
mapfile -t some <"$tmp/some"
have "${some[@]}"
deps && calls "dpkg-query
$UPDATE
$INSTALL make ripgrep"
result $? "two missing: update once, install these two"

setup
grep -vx libclang-rt-77-dev "$tmp/all" >"$tmp/some"
mapfile -t some <"$tmp/some"
have "${some[@]}"
deps && grep -qx "$INSTALL libclang-rt-77-dev" "$CALLS"
result $? "clang there without its sanitizers: they are installed"

setup
have "${all[@]}"
sed -i 's/^installed|gcc|/config-files|gcc|/' "$INSTALLED"
deps && grep -qx "$INSTALL gcc" "$CALLS"
result $? "a removed package that left its configuration counts as missing"

setup
UID_IS=1000
deps && [ "$(sed -n 2,3p "$CALLS")" = "sudo
$UPDATE" ] && [ "$(grep -c sudo "$CALLS")" = 2 ]
result $? "not root: update and install by sudo, noninteractive"

setup
UID_IS=1000
rm "$bin/sudo"
deps
[ $? = 1 ] && ! grep -q apt-get "$CALLS" && grep -q 'no sudo' "$tmp/err"
result $? "not root and no sudo: says what to run, exit 1"

setup
rm "$bin/apt-get"
deps
[ $? = 1 ] && grep -qw ripgrep "$tmp/err" && grep -q SKIP_DEPS "$tmp/err"
result $? "no apt: prints what to install, exit 1"

setup
SKIP_DEPS=1 deps && ! [ -s "$CALLS" ]
result $? "SKIP_DEPS=1: does nothing"

setup
APT_FAILS=update
deps && grep -q 'install -y' "$CALLS"
result $? "a failing update is told, and the install is tried"

setup
APT_FAILS=install
deps
[ $? = 1 ] && grep -q 'E: failed' "$tmp/err"
result $? "a failing install: apt's words and exit 1"

setup
stub node </dev/null
learn >"$tmp/with-node"
! grep -qx nodejs "$tmp/with-node" && grep -qx nodejs "$tmp/all"
result $? "a node on PATH stands for the package nodejs"

setup
learn vm >"$tmp/vm"
grep -qx qemu-system-x86 "$tmp/vm" && ! grep -q qemu "$tmp/all"
result $? "vm: the emulator only when asked for"

learn python >"$tmp/python"
grep -qx python3-dev "$tmp/python" && ! grep -qx python3-dev "$tmp/all"
result $? "python: its headers only when asked for"

exit $failed
