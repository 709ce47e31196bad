#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The package as its users get it: a source distribution; a wheel made from that and
# installed into an empty environment; the tests with the installed package. PYTHON= is
# the interpreter.

set -u
cd "$(dirname "$0")/.." || exit 2
top=../..
PYTHON=${PYTHON:-python3}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
passed=0
failed=0
skipped=0
unset CC CFLAGS MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

# With these two installed, pip needs no package index.
isolation=
if "$PYTHON" -c 'import setuptools, wheel' 2> /dev/null; then
	isolation=--no-build-isolation
fi

# Runs a command; its output is shown if it fails.
step() { # name command...
	local name=$1

	shift
	if "$@" > "$out/log" 2>&1; then
		passed=$((passed + 1))
		echo "  ok      $name"
	else
		failed=$((failed + 1))
		echo "  FAILED  $name"
		sed 's/^/    /' "$out/log"
	fi
}

# Runs setup.py. setuptools and pip warn of harmless things, so a step shows their
# output only if it fails.
setup() {
	"$PYTHON" setup.py -q "$@"
}

# Makes a source distribution in a directory with a space in its name; make cannot have
# one in the name of a file.
make_sdist() {
	mkdir "$out/a place" && setup sdist -d "$out/sdist" &&
		tar -xzf "$out"/sdist/*.tar.gz -C "$out/a place" &&
		mv "$out/a place"/* "$out/a place/package"
}

packed() {
	(cd "$out/a place/package/library" && find . -type f | sed 's|^\./||' |
		sort)
}

packs_the_recipe() {
	make -s -C "$top" --no-print-directory print-library-files |
		sort > "$out/want"
	grep -qx Makefile "$out/want" && grep -qx src/child.c "$out/want" &&
		diff "$out/want" <(packed)
}

packs_nothing_else() {
	packed | grep -E '^src/(daemon|loader|cli)|^bpf/.*\.c$' && return 1
	[ "$(find "$out/a place/package" -name '*.mk')" = \
		"$out/a place/package/library/src/library.mk" ]
}

make_wheel() {
	"$PYTHON" -m pip wheel -q --no-deps $isolation -w "$out/wheel" \
		"$out/a place/package" &&
		ls "$out"/wheel/*-cp39-abi3-linux_*.whl
}

install_wheel() {
	"$PYTHON" -m venv "$out/venv" &&
		"$out/venv/bin/pip" install -q --no-index "$out"/wheel/*.whl
}

# Compiles in a clone: all files of the library must get the caller's flags.
flags_of_the_caller() {
	local objects

	objects=$(make -s -C "$top" --no-print-directory print-library-files |
		grep -c '\.c$')
	CFLAGS='-O0 -DOF_THE_CALLER' V=1 setup build_ext \
		-t "$out/temp" -b "$out/lib" > "$out/flags" 2>&1
	cat "$out/flags"
	ls "$out"/lib/spawn_template/_native.abi3.so &&
		[ "$(grep -cE -- '-DOF_THE_CALLER .*-o \S*library/src/' \
			"$out/flags")" = "$objects" ]
}

# Adds a call that may not happen between clone and exec; no wheel may have it.
child_is_checked() {
	cp -r "$out/a place/package" "$out/broken"
	printf '%s\n' 'int getpid(void);' \
		'int broken(void);' 'int broken(void) { return getpid(); }' \
		>> "$out/broken/library/src/child.c"
	(cd "$out/broken" && CFLAGS=-O0 setup build_ext) > "$out/broken.log" 2>&1 &&
		return 1
	cat "$out/broken.log"
	grep -q 'needs getpid' "$out/broken.log" &&
		grep -q 'could not build the C library' "$out/broken.log"
}

needs_make() {
	local python

	python=$("$PYTHON" -c 'import sys; print(sys.executable)')
	PATH=$out/nothing "$python" setup.py -q build_ext -t "$out/temp" \
		-b "$out/lib" > "$out/nomake" 2>&1 && return 1
	cat "$out/nomake"
	grep -q 'apt install make' "$out/nomake"
}

step 'a source distribution is made' make_sdist
step 'the source distribution has the files of the recipe' packs_the_recipe
step 'the source distribution has no file of daemon or command' packs_nothing_else
step 'a wheel for the limited API is made' make_wheel
step 'the wheel is installed into an empty environment' install_wheel
step "the library is compiled with the caller's CFLAGS" flags_of_the_caller
step 'a call of libc in child.c fails the build' child_is_checked
step 'a missing make is named by the error' needs_make

# Adds the results of these tests to those of the steps.
tests() {
	local p f s

	env -u PYTHONPATH "$out/venv/bin/python" tests/run.py \
		test_native test_engine > "$out/tests" 2>&1
	grep -vE '^[0-9]+ passed, ' "$out/tests"
	read -r p f s < <(sed -nE \
		's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' \
		"$out/tests")
	passed=$((passed + ${p:-0}))
	failed=$((failed + ${f:-1}))
	skipped=${s:-0}
}
tests

if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ]
