#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# make on machines that lack needs of the command or the daemon: it builds and installs
# the rest, and tells the programs that it left out, and why; it fails where no program
# may be left out.
#
# shellcheck disable=SC2317 # functions are called by their names

set -u
cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck source=tests/sealed.sh
. tests/sealed.sh
out=$tmp/out
root=$tmp/root
packages=		# the directory of those that pkg-config knows
NO_CLANG='left out: spawn-templated: no clang that compiles for bpf (Debian: clang)'
NO_BPFTOOL='left out: spawn-templated: no bpftool (Debian: bpftool)'
NO_TOML='left out: spawn-template: no toml++ (Debian: libtomlplusplus-dev and g++)'
NO_JANSSON='left out: spawn-template: no jansson (Debian: libjansson-dev)'

step() { # name command...
	local name=$1

	shift
	"$@" > "$tmp/log" 2>&1
	result $? "$name"
}

# Runs make in an own build directory, quickly. bpf.mk looks for bpftool in sbin, too.
in_make() { # arguments
	sealed BPFTOOL=bpftool ${packages:+PKG_CONFIG_LIBDIR="$packages"} \
		make -j2 --no-print-directory O="$out" CFLAGS=-O0 \
		DESTDIR="$root" PREFIX=/usr "$@"
}

# Checks that make succeeds and prints these lines, and no others, on standard error.
leaves_out() { # lines
	local want=$1 got

	in_make 2> "$tmp/err" || { cat "$tmp/err"; return 1; }
	got=$(cat "$tmp/err")
	echo "left out: '$got'"
	[ "$got" = "$want" ]
}

fails_saying() { # line, command...
	local want=$1

	shift
	! "$@" > "$tmp/said" 2>&1 &&
		cat "$tmp/said" && grep -qxF "$want" "$tmp/said"
}

built() { # programs
	local want=$*

	[ "$(cd "$out" && find . -maxdepth 1 -name 'spawn-template*' | sort |
		sed 's|^\./||' | tr '\n' ' ')" = "${want:+$want }" ]
}

installed() { # files below PREFIX
	local f

	rm -rf "$root"
	in_make install && for f; do
		[ -s "$root/usr/$f" ] || { echo "no $f"; return 1; }
	done
}

no_file() { # extended regular expression
	! find "$root" -type f | grep -E "$1"
}

library_alone() {
	leaves_out "$NO_CLANG
$NO_BPFTOOL
left out: spawn-templated: no pkg-config (Debian: pkg-config)
left out: spawn-template: no pkg-config (Debian: pkg-config)
$NO_TOML" && built &&
		installed lib/libspawn_template.so include/spawn_template.h \
			share/man/man3/spawn_template_spawn.3 &&
		no_file '/s?bin/|completions|systemd|man[18]/'
}

command_without_daemon() {
	leaves_out "$NO_CLANG" && built spawn-template &&
		"$out/spawn-template" run /bin/true &&
		installed bin/spawn-template share/man/man1/spawn-template.1 &&
		no_file '/sbin/|systemd|man8/'
}

# The command was built before: it does not count, since it would not be made anew.
daemon_without_command() {
	leaves_out "$NO_JANSSON" &&
		"$out/spawn-templated" --version &&
		installed sbin/spawn-templated \
			lib/systemd/system/spawn-templated.service \
			share/man/man8/spawn-templated.8 &&
		no_file '/bin/|completions|man1/'
}

# Lets pkg-config know all packages but jansson.
hide_jansson() {
	local dir f

	packages=$tmp/pc
	mkdir "$packages"
	for dir in $(pkg-config --variable pc_path pkg-config | tr : ' '); do
		for f in "$dir"/*.pc; do
			[ ! -e "$f" ] || ln -sf "$f" "$packages"
		done
	done
	rm -f "$packages/jansson.pc"
}

# Runs 'make check' with one quick test; scripts/deps has no package to install.
check() { # arguments of make
	printf '#!/bin/sh\necho 1..1\necho ok 1\n' > "$tmp/quick"
	printf '#!/bin/sh\n' > "$bin/apt-get"
	# shellcheck disable=SC2016 # dpkg-query says that every package is installed
	printf '#!/bin/sh\nfor p; do echo "installed|$p||"; done\n' \
		> "$bin/dpkg-query"
	chmod +x "$tmp/quick" "$bin/apt-get" "$bin/dpkg-query"
	allow bash mktemp timeout
	in_make "$@" check CHECKS= TESTS= TOOLS= TINY= TEST_SH="$tmp/quick"
}

for tool in clang bpftool pkg-config; do
	PATH=$PATH:/usr/sbin:/sbin command -v "$tool" > /dev/null && continue
	echo 1..1
	skip 'make leaves out what cannot be built' "$tool is not installed"
	[ "$failed" = 0 ] || exit 1
	exit 77
done
PATH=$PATH:/usr/sbin:/sbin

echo '1..7'
step 'a C compiler alone builds and installs the library' library_alone
step 'MUST_WORK=1 makes a program left out an error' \
	fails_saying "$NO_BPFTOOL" in_make MUST_WORK=1 all
step 'make check fails if a program is left out' fails_saying "$NO_BPFTOOL" check
step 'SKIP_DEPS=1 lets make check go on without a program' check SKIP_DEPS=1
allow bpftool pkg-config g++
step 'without clang the command is built and installed' command_without_daemon
allow clang
hide_jansson
step 'without jansson the daemon is built and installed' daemon_without_command
step 'a build of the command tells what the machine lacks' \
	fails_saying 'no jansson (Debian: libjansson-dev)' \
	in_make O="$tmp/none" "$tmp/none/spawn-template"
exit $failed
