#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A plugin with the static library in it: a program may close it, and a thread that
# has launched may end after that.

set -u

out=$(cd "$(dirname "$0")/.." && cd "${O:-build}" && pwd) || exit 1
cd "$(dirname "$0")/.." || exit 2
cc=${CC:-cc}
# shellcheck source=tests/tap.sh
. tests/tap.sh

echo 1..1
name='a thread that has launched ends after the plugin was closed'
source=tests/consumer/plugin.c
$cc -shared -fPIC -DPLUGIN -Iinclude -o "$tmp/plugin.so" "$source" \
	"$out/libspawn_template.a" -lpthread 2>>"$tmp/log" &&
	$cc -o "$tmp/program" "$source" -ldl -lpthread 2>>"$tmp/log" &&
	"$tmp/program" "$tmp/plugin.so" "$out/tests/tools/tiny" >>"$tmp/log" 2>&1
result $? "$name"
exit "$failed"
