# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A machine that has little: commands run with a PATH of few programs and with no other
# variable of this environment. Scripts read this after tap.sh, from the top directory.

bin=${tmp:?}/bin
mkdir "$bin"

# Lets sealed commands have these programs; passes over those that the machine lacks.
allow() {
	local name path

	for name; do
		path=$(type -P "$name") && ln -sf "$path" "$bin/$name"
	done
}

forbid() {
	(cd "$bin" && rm -f "$@")
}

# These are a C compiler with binutils, make, a shell, and tools of every system.
allow sh make cc gcc "$(gcc -dumpmachine)-gcc" as ld ar nm size strip \
	awk cat chmod cp cut env grep head id install ln mkdir mv nproc printf rm sed sort tr uname

sealed() { # [NAME=VALUE...] command...
	env -i PATH="$bin" LC_ALL=C TMPDIR="$tmp" "$@"
}
