#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The programs as they are built: command and daemon are hardened; the static command
# needs no other file and does the same.
#
# shellcheck disable=SC2317 # functions are called by their names

set -u
cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/tap.sh
. tests/tap.sh
O=${O:-build}
command=$O/spawn-template
daemon=$O/spawn-templated
static=$O/static/spawn-template
socket=$tmp/guard.sock
pids=()
trap 'kill "${pids[@]}" 2> /dev/null; rm -rf "$tmp"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

step() { # name command...
	local name=$1

	shift
	"$@" > "$tmp/log" 2>&1
	result $? "$name"
}

in_make() {
	make --no-print-directory O="$O" CC="${CC:-cc}" "$@"
}

# ---- hardening

is_pie() {
	readelf -hW "$1" | grep 'Type: .*DYN' && readelf -dW "$1" | grep 'Flags:.*PIE'
}

# Checks that relocations are done at the start, and that their pages are read-only.
binds_at_start() {
	readelf -lW "$1" | grep GNU_RELRO &&
		readelf -dW "$1" | grep 'FLAGS_1.*NOW' &&
		! readelf -lW "$1" | grep 'GNU_STACK.*E'
}

# Looks for names such as __snprintf_chk, which FORTIFY uses instead of snprintf.
checks_memory() {
	nm -D "$1" | tee "$tmp/names" | grep '__stack_chk_fail' &&
		grep -E '__[a-z]+_chk(@|$)' "$tmp/names"
}

harden() { # program
	local name=${1##*/}

	if [ ! -x "$1" ]; then
		skip "$name is position-independent" 'it was not built'
		skip "$name is bound at its start" 'it was not built'
		skip "$name checks stack and buffers" 'it was not built'
		return
	fi
	step "$name is position-independent" is_pie "$1"
	step "$name is bound at its start" binds_at_start "$1"
	step "$name checks stack and buffers" checks_memory "$1"
}

# Prints the command that compiles a file of the command line tool in such a build.
compiles_with() { # variables of make
	in_make -n V=1 O="$tmp/o" "$@" "$tmp/o/spawn-template" |
		sed -e ':a' -e '/\\$/N; s/\\\n//; ta' |
		grep ' src/cli/main\.c$' | tee "$tmp/line"
}

# The caller's flags come last, and a build without optimisation has no FORTIFY.
flags_are_the_callers() {
	compiles_with CFLAGS='-O0 -fno-stack-protector'
	grep -q -- '-fstack-protector-strong .*-fno-stack-protector' "$tmp/line" &&
		! grep FORTIFY "$tmp/line"
}

sanitizers_are_alone() {
	compiles_with SAN=address
	grep -q -- -fsanitize=address "$tmp/line" && ! grep FORTIFY "$tmp/line"
}

# ---- the static command

is_alone() {
	! readelf -lW "$static" | grep INTERP &&
		! readelf -dW "$static" | grep NEEDED
}

# Runs the command alone in a root directory with another program: no C library.
runs_alone() {
	"$static" run /bin/true && ! "$static" run /bin/false || return
	[ "$(id -u)" = 0 ] || return 0
	mkdir "$tmp/empty" && cp "$static" "$O/tests/tools/tiny" "$tmp/empty" &&
		chroot "$tmp/empty" /spawn-template run /tiny
}

# Compares names of users: the command asks all services, the static one only files.
same_names() {
	"$O/tests/fake-templated" --socket "$socket" &
	pids+=($!)
	mkfifo "$tmp/hold"
	for ((i = 0; i < 500; i++)); do
		SPAWN_TEMPLATE_GUARD=$socket "$command" status && break
		sleep 0.02
	done
	"$O/tests/tools/guard_register" "$socket" /bin/true < "$tmp/hold" \
		> "$tmp/ids" &
	exec 5> "$tmp/hold"
	for ((i = 0; i < 500; i++)); do
		[ ! -s "$tmp/ids" ] || break
		sleep 0.02
	done
	SPAWN_TEMPLATE_GUARD=$socket "$static" list | sed 's/  *[^ ]* *$//' \
		> "$tmp/static"
	SPAWN_TEMPLATE_GUARD=$socket "$command" list | sed 's/  *[^ ]* *$//' \
		> "$tmp/dynamic"
	exec 5>&-
	cat "$tmp/static"
	grep -qw "$(id -un)" "$tmp/static" && diff "$tmp/static" "$tmp/dynamic"
}

same_groups() {
	chmod 711 "$tmp"
	: > "$tmp/denied"
	chgrp daemon "$tmp/denied" && chmod 660 "$tmp/denied" || return
	cp "$static" "$tmp/static-command" && cp "$command" "$tmp/dynamic-command" ||
		return
	for kind in static dynamic; do
		SPAWN_TEMPLATE_GUARD=$tmp/denied setpriv --reuid 65534 \
			--regid 65534 --clear-groups "$tmp/$kind-command" status \
			> "$tmp/$kind" 2>&1
	done
	cat "$tmp/static"
	grep -q 'join the group daemon' "$tmp/static" &&
		diff "$tmp/static" "$tmp/dynamic"
}

static_command() {
	local names=('make static-cli builds without a warning'
		'the static command needs no other file'
		'the static command runs a program without a C library'
		'the static command knows the names of users'
		'the static command knows the names of groups') name
	local why=

	in_make need-jansson need-static-jansson > "$tmp/log" 2>&1 ||
		why=$(head -n 1 "$tmp/log")
	if [ -n "$why" ]; then
		for name in "${names[@]}"; do
			skip "$name" "$why"
		done
		return
	fi
	step "${names[0]}" builds_quietly
	step "${names[1]}" is_alone
	step "${names[2]}" runs_alone
	step "${names[3]}" same_names
	if [ "$(id -u)" = 0 ]; then
		step "${names[4]}" same_groups
	else
		skip "${names[4]}" 'this is not root'
	fi
}

# The linker warns of functions that need the C library's services at run time.
builds_quietly() {
	rm -f "$static"
	in_make static-cli 2>&1 | tee "$tmp/said"
	[ "${PIPESTATUS[0]}" = 0 ] && ! grep -vE '^  [A-Z]+ ' "$tmp/said"
}

echo 1..13
harden "$command"
harden "$daemon"
step "the caller's flags come last" flags_are_the_callers
step 'a build with a sanitizer has no FORTIFY' sanitizers_are_alone
static_command
exit $failed
