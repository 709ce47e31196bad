#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# As others get it: a source distribution, a wheel made of that, installed into an
# empty environment, and the tests against it. PYTHON= is the interpreter, O= the
# directory of the build.

set -u
cd "$(dirname "$0")/.." || exit 2
PYTHON=${PYTHON:-python3}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Without these two pip gets them from the package index.
isolation=
if "$PYTHON" -c 'import setuptools, wheel' 2> /dev/null; then
	isolation=--no-build-isolation
fi

say() {
	printf '  %s\n' "$*"
}

install() {
	"$PYTHON" setup.py -q sdist -d "$out/sdist" &&
		"$PYTHON" -m pip wheel -q --no-deps $isolation \
			-w "$out/wheel" "$out"/sdist/*.tar.gz &&
		"$PYTHON" -m venv "$out/venv" &&
		"$out/venv/bin/pip" install -q --no-index "$out"/wheel/*.whl
}

# pip says that there is a newer pip, and setuptools what it thinks of setup.py
if ! install > "$out/log" 2>&1; then
	cat "$out/log"
	echo '0 passed, 1 failed'
	exit 1
fi
wheel=$(basename "$out"/wheel/*.whl)
say "$wheel"
case $wheel in
*-cp39-abi3-linux_*.whl) ;;
*)
	say 'not a wheel for the limited API'
	echo '0 passed, 1 failed'
	exit 1
	;;
esac
env -u PYTHONPATH "$out/venv/bin/python" tests/run.py test_native test_engine
