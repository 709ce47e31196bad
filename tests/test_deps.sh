#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# scripts/deps with a PATH of stubs: dpkg-query names installed packages, apt-get and
# sudo note how they were called, id tells a number. Nothing is installed.

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

# Makes a PATH of a few tools and the stubs.
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
	# dpkg-query prints known packages, and fails if others were asked for
	stub dpkg-query <<-'END'
	echo dpkg-query >>"$CALLS"
	cat "$INSTALLED"
	exit 1
	END
}

deps() {
	PATH=$bin "$top/scripts/deps" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
}

# Prints all packages that scripts/deps asks for when none is installed.
learn() {
	deps "$@"
	sed -n 's/.*--no-install-recommends //p' "$CALLS" | tr ' ' '\n'
}

# Makes these packages installed ones.
have() { # packages
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

echo "1..16"

setup
learn >"$tmp/all"
grep -qx gcc "$tmp/all" && grep -qx libclang-rt-77-dev "$tmp/all" &&
	[ "$(grep -c update "$CALLS")" = 1 ]
result $? "an empty machine gets one update, then every package is named"

mapfile -t all <"$tmp/all"
have "${all[@]}"
deps && calls dpkg-query && ! [ -s "$tmp/out" ] && ! [ -s "$tmp/err" ]
result $? "a complete machine is asked once by dpkg-query, quietly"

UID_IS=1000
deps && ! grep -q sudo "$CALLS"
result $? "a complete machine is not asked by sudo"

setup
grep -vxE 'make|ripgrep' "$tmp/all" >"$tmp/some"
mapfile -t some <"$tmp/some"
have "${some[@]}"
deps && calls "dpkg-query
$UPDATE
$INSTALL make ripgrep"
result $? "two missing packages are installed after one update"

setup
grep -vx libclang-rt-77-dev "$tmp/all" >"$tmp/some"
mapfile -t some <"$tmp/some"
have "${some[@]}"
deps && grep -qx "$INSTALL libclang-rt-77-dev" "$CALLS"
result $? "a clang without sanitizers gets them by its version"

setup
have "${all[@]}"
sed -i 's/^installed|gcc|/config-files|gcc|/' "$INSTALLED"
deps && grep -qx "$INSTALL gcc" "$CALLS"
result $? "a removed package that left its configuration is missing"

setup
UID_IS=1000
deps && [ "$(sed -n 2,3p "$CALLS")" = "sudo
$UPDATE" ] && [ "$(grep -c sudo "$CALLS")" = 2 ]
result $? "a user who is not root installs by sudo, noninteractively"

setup
UID_IS=1000
rm "$bin/sudo"
deps
[ $? = 1 ] && ! grep -q apt-get "$CALLS" && grep -q 'no sudo' "$tmp/err"
result $? "a user without sudo is told the command: exit 1"

setup
rm "$bin/apt-get"
deps
[ $? = 1 ] && grep -qw ripgrep "$tmp/err" && grep -q SKIP_DEPS "$tmp/err"
result $? "a machine without apt is told the packages: exit 1"

setup
SKIP_DEPS=1 deps && ! [ -s "$CALLS" ]
result $? "SKIP_DEPS=1 does nothing"

setup
APT_FAILS=update
deps && grep -q 'install -y' "$CALLS"
result $? "a failing update is told, and the install is tried"

setup
APT_FAILS=install
deps
[ $? = 1 ] && grep -q 'E: failed' "$tmp/err"
result $? "a failing install is told in apt's words: exit 1"

setup
stub node </dev/null
learn >"$tmp/with-node"
! grep -qx nodejs "$tmp/with-node" && grep -qx nodejs "$tmp/all"
result $? "a node on PATH stands for the package nodejs"

setup
learn vm >"$tmp/vm"
grep -qx qemu-system-x86 "$tmp/vm" && ! grep -q qemu "$tmp/all"
result $? "the emulator is named only for vm"

learn python >"$tmp/python"
grep -qx python3-dev "$tmp/python" && ! grep -qx python3-dev "$tmp/all"
result $? "headers of Python are named only for python"

learn node >"$tmp/node"
stub node </dev/null
learn node >"$tmp/node-alone"
grep -qx nodejs "$tmp/node" && grep -qx libnode-dev "$tmp/node" &&
	grep -qx libnode-dev "$tmp/node-alone" && ! grep -qx libnode-dev "$tmp/all"
result $? "headers of Node are named only for node, and if there are none beside it"

exit $failed
