#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the documents say is true: the program in README.md and those in the
# manual pages compile without a warning and run, commands and files are there.

set -u

cd "$(dirname "$0")/.." || exit 2
O=${O:-build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
read -r -a cc <<< "${CC:-cc}"
n=0
failed=0

result() { # status name
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=1
		[ ! -s "$tmp/log" ] || sed 's/^/# /' "$tmp/log"
	fi
	: > "$tmp/log"
}

compile() { # source program
	"${cc[@]}" -Wall -Wextra -Wshadow -Werror -Iinclude "$1" -o "$2" \
		"$O/libspawn_template.a" -lpthread >> "$tmp/log" 2>&1
}

# The blocks of README.md in this language; the first one if told so.
blocks() { # language [first]
	awk -v lang="$1" -v first="${2:-}" '
	/^```/ && in_it { in_it = 0; if (first) exit; next }
	$0 == "```" lang { in_it = 1; next }
	in_it' README.md
}

# The programs in a manual page: literal displays with a main().
example() { # page
	awk '/^\.Bd -literal/ { text = ""; next }
	/^\.Ed/ { if (text ~ /int main\(/) printf "%s", text; text = ""; next }
	{ text = text $0 "\n" }' "$1" | sed 's/\\e/\\/g; s/^\\&//'
}

mapfile -t pages < <(grep -l 'int main(' man/*.3)
echo "1..$((7 + 2 * ${#pages[@]}))"

blocks c > "$tmp/hello.c"
lines=$(grep -c . "$tmp/hello.c")
[ "$(grep -c '^```c$' README.md)" = 1 ] && [ "$lines" -ge 10 ] &&
	[ "$lines" -le 15 ]
result $? "README: one program of at most 15 lines"

compile "$tmp/hello.c" "$tmp/hello"
result $? "README: it compiles without a warning"

out=$("$tmp/hello" 2> "$tmp/log")
[ "$?$out" = "0hello" ]
result $? "README: it prints hello and exits with 0"

# its first failure is an exit status, with nothing printed
PATH=/nonexistent "$tmp/hello" > "$tmp/log" 2>&1
[ $? = 1 ] && ! [ -s "$tmp/log" ]
result $? "README: where there is no echo it exits with 1"

mapfile -t commands < <(blocks sh first | sed 's/ *#.*//')
[ "${commands[*]}" = 'make demo make check' ]
result $? "README: starts with make demo and make check, and no more"

make -pnr O="$O" help > "$tmp/rules" 2>/dev/null
blocks sh | grep -oE '^(sudo )?make [a-z-]+' | sed 's/.*make //' | sort -u |
	while read -r target; do
		grep -q "^$target:" "$tmp/rules" || echo "no target $target"
	done > "$tmp/log"
[ ! -s "$tmp/log" ]
result $? "README: the targets are there"

for doc in *.md docs/*.md; do
	dir=$(dirname "$doc")
	tr '\n' ' ' < "$doc" | grep -oE '\]\([^)#:]+\)' | tr -d '])(' |
		while read -r link; do
			[ -e "$dir/$link" ] || echo "$doc: no file $link"
		done
done > "$tmp/log"
[ ! -s "$tmp/log" ]
result $? "documents: every file that they link to is there"

for page in "${pages[@]}"; do
	name=$(basename "$page")
	example "$page" > "$tmp/example.c"
	compile "$tmp/example.c" "$tmp/example"
	result $? "$name: its example compiles without a warning"
	"$tmp/example" > "$tmp/log" 2>&1
	result $? "$name: its example runs"
done

exit $failed
