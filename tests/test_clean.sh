#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Cleans what real tools print for a terminal, and compares it with what a reader of
# that terminal would see.

cd "$(dirname "$0")/.." || exit 2
O=${O:-build}
# shellcheck source=tests/tap.sh
. tests/tap.sh
clean=$O/tests/clean_output

echo 1..7

# Checks that the cleaned text has no control characters, and a line that matches.
shows() { # name pattern file
	"$clean" < "$3" > "$tmp/text" 2> "$tmp/sums"
	{
		cat -v "$tmp/text"
		echo "expected: $2"
	} > "$tmp/log"
	! LC_ALL=C grep -q $'[\001-\010\013-\037\177]' "$tmp/text" &&
		grep -qE -- "$2" "$tmp/text"
	result $? "$1"
}

# Runs a command whose output goes to a terminal.
on_terminal() { # command
	TERM=xterm-256color script -qec "$1" /dev/null < /dev/null
}

mkdir "$tmp/folder"
touch "$tmp/folder/plain" "$tmp/folder/run"
chmod +x "$tmp/folder/run"
TERM=xterm-256color ls --color=always -1 "$tmp/folder" > "$tmp/raw"
shows 'names that ls colours are plain' '^run$' "$tmp/raw"
grep -q $'\033' "$tmp/raw" && [ "$(cat "$tmp/text")" = "$(ls -1 "$tmp/folder")" ]
result $? 'the rest of what ls prints is the same'

if command -v git > /dev/null; then
	(
		cd "$tmp" && git init -q repo && cd repo && for ((i = 0; i < 50; i++)); do
			echo "$i" > "f$i"
		done
		git add . && git -c user.name=a -c user.email=a@b commit -qm 1
		git clone --progress --no-local . ../clone 2> ../raw
	)
	shows 'the progress of git is its last state' '^Receiving objects: 100%.*done\.$' \
		"$tmp/raw"
	[ "$(grep -c Receiving "$tmp/text")" = 1 ] && [ "$(wc -c < "$tmp/raw")" -gt \
		$((2 * $(wc -c < "$tmp/text"))) ]
	result $? 'each progress of git is one line'
else
	skip 'the progress of git is its last state' 'no git'
	skip 'each progress of git is one line' 'no git'
fi

if command -v curl > /dev/null; then
	head -c 3000000 /dev/zero > "$tmp/big"
	curl -# -o "$tmp/copy" "file://$tmp/big" 2> "$tmp/raw"
	shows 'the bar of curl is its last state' '^#+ 100\.0%$' "$tmp/raw"
else
	skip 'the bar of curl is its last state' 'no curl'
fi

if command -v script > /dev/null; then
	on_terminal "bash -c 'for i in 1 2 3; do printf \"\\r\\033[K[%s/3] fetch\" \$i; \
		done; printf \"\\r\\033[K\\033[32madded\\033[0m 3 packages\\n\"'" > "$tmp/raw"
	shows 'a program on a terminal leaves its last line' '^added 3 packages$' "$tmp/raw"
	[ "$(wc -l < "$tmp/text")" = 1 ]
	result $? 'the terminal shows no more than that line'
else
	skip 'a program on a terminal leaves its last line' 'no script'
	skip 'the terminal shows no more than that line' 'no script'
fi

echo
[ "$failed" = 0 ]
