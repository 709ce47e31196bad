#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# scripts/abi: include/abi.txt is the layout of the header. A change that moves, renames
# or resizes a member changes the table that scripts/abi prints.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/tap.sh
. tests/tap.sh

header=include/spawn_template.h
unset CC

# Prints the table without the lines for musl, whose compiler may be missing.
table() { # header
	MUSL_CC=none scripts/abi "$1" 2>> "$tmp/log"
}

# Changes the header by a sed script, and compares the new lines of its table.
seen() { # name, script, new lines
	local old

	sed -E "$2" "$header" > "$tmp/changed.h"
	cmp -s "$header" "$tmp/changed.h" && echo 'nothing was changed' >> "$tmp/log"
	old=$(table "$header")
	diff <(echo "$old") <(table "$tmp/changed.h") | sed -n 's/^> //p' |
		tr -s ' ' > "$tmp/new"
	[ ! -s "$tmp/log" ] && diff <(printf '%s\n' "${@:3}") "$tmp/new" >> "$tmp/log"
	result $? "$1"
}

echo '1..9'

table "$header" > "$tmp/now"
diff <(grep -v '^with musl: ' include/abi.txt) "$tmp/now" >> "$tmp/log"
result $? "include/abi.txt is the layout of the header: else run 'make abi'"

declared=$(grep -cE '^struct spawn_template_[a-z_]+ \{' "$header")
told=$(grep -cE '^spawn_template_[a-z_]+ +[0-9]+$' "$tmp/now")
[ "$declared" -gt 5 ] && [ "$declared" = "$told" ]
result $? 'every structure has its size in the table'

! grep 'without a member' "$tmp/now" >> "$tmp/log"
result $? 'every byte of a structure belongs to a member'

seen 'two fields that change places are seen' \
	'/^	int32_t execfd;/ { h; d }; /^	uint32_t exec_flags;/ { G }' \
	'spawn_template_create_args.exec_flags 8 4 uint32_t' \
	'spawn_template_create_args.execfd 12 4 int32_t'

seen 'a field of another sign is seen' \
	's/^	uint32_t umask;/	int32_t umask;/' \
	'spawn_template_spawn_args.umask 96 4 int32_t'

seen 'a field of another name is seen' \
	's/^	int32_t nice;/	int32_t niceness;/' \
	'spawn_template_spawn_args.niceness 108 4 int32_t'

seen 'a field that leaves a gap is seen' \
	's/^	uint32_t pad;.*//' \
	'spawn_template_create_args.warm_preload: 4 bytes without a member'

seen 'a constant of another value is seen' \
	's/^(#define SPAWN_TEMPLATE_STAGE_EXEC	+)5/\16/' \
	'SPAWN_TEMPLATE_STAGE_EXEC 6'

if command -v musl-gcc > /dev/null; then
	diff <(grep '^with musl: ' include/abi.txt) \
		<(scripts/abi | grep '^with musl: ') > "$tmp/log"
	result $? 'members that musl lays out otherwise are told'
else
	skip 'members that musl lays out otherwise are told' 'there is no musl-gcc'
fi

exit $failed
