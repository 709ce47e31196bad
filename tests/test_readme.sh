#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The documents tell the truth: the programs in README.md, docs/ and the manual pages
# compile without a warning, run, and print the text beside them; the targets and
# files that the documents name exist.

set -u

cd "$(dirname "$0")/.." || exit 2
O=${O:-build}
# shellcheck source=tests/tap.sh
. tests/tap.sh
read -r -a cc <<< "${CC:-cc}"

compile() { # source program
	"${cc[@]}" -Wall -Wextra -Wshadow -Werror -Iinclude "$1" -o "$2" \
		"$O/libspawn_template.a" -lpthread >> "$tmp/log" 2>&1
}

# The documents compile by pkg-config; this file leads it to the build directory.
case $O in
/*) lib=$O ;;
*) lib=$PWD/$O ;;
esac
sed -e "s|@PREFIX@|$PWD|; s|@LIBDIR@|$lib|; s|@INCLUDEDIR@|$PWD/include|" \
	-e 's|@VERSION@|0|' src/spawn_template.pc.in > "$tmp/spawn_template.pc"
compile_pkg() { # source program
	local flags

	read -r -a flags <<< "$(PKG_CONFIG_LIBDIR=$tmp \
		pkg-config --cflags --libs spawn_template 2>> "$tmp/log")"
	[ ${#flags[@]} -gt 0 ] &&
		"${cc[@]}" -Wall -Wextra -Wshadow -Werror "$1" -o "$2" \
			"${flags[@]}" >> "$tmp/log" 2>&1
}

# Prints the blocks of README.md in a language, or only the first one.
blocks() { # language [first]
	awk -v lang="$1" -v first="${2:-}" '
	/^```/ && in_it { in_it = 0; if (first) exit; next }
	$0 == "```" lang { in_it = 1; next }
	in_it' README.md
}

# Writes the programs of a document to NAME-N.c in the temporary directory, and the
# text that the document prints after one to NAME-N.text. Prints line:N of each.
extract() { # document
	awk -v to="$tmp/$(basename "$1" .md)" '
	/^```/ && file { close(file); file = ""; next }
	/^```c$/ { file = to "-" (++n) ".c"; print FNR ":" n; next }
	/^```text$/ { file = to "-" n ".text"; next }
	/^```/ { file = "/dev/null"; next }
	file { print > file }' "$1"
}

# Compiles a program of a document, runs it and compares its output.
try() { # document line:number
	local base dir=$tmp

	base=$dir/$(basename "$1" .md)-${2#*:}
	if ! command -v pkg-config > /dev/null; then
		skip "$1:${2%:*}: the program compiles by pkg-config's flags" \
			'pkg-config is not installed'
		skip "$1:${2%:*}: the program prints the text beside it" \
			'it was not built'
		return
	fi
	compile_pkg "$base.c" "$base"
	result $? "$1:${2%:*}: the program compiles by pkg-config's flags"
	PATH=/usr/bin:/bin LD_LIBRARY_PATH=$lib "$base" > "$base.out" 2> "$tmp/log" &&
		{ [ ! -e "$base.text" ] ||
			diff "$base.text" "$base.out" >> "$tmp/log"; }
	result $? "$1:${2%:*}: the program prints the text beside it"
}

# Prints the program in a manual page: the literal display with a main().
example() { # page
	awk '/^\.Bd -literal/ { text = ""; next }
	/^\.Ed/ { if (text ~ /int main\(/) printf "%s", text; text = ""; next }
	{ text = text $0 "\n" }' "$1" | sed 's/\\e/\\/g; s/^\\&//'
}

mapfile -t pages < <(grep -l 'int main(' man/*.3)
programs=()
for doc in *.md docs/*.md; do
	for at in $(extract "$doc"); do
		programs+=("$doc $at")
	done
done
echo "1..$((7 + 2 * ${#pages[@]} + 2 * ${#programs[@]}))"

blocks c first > "$tmp/hello.c"
lines=$(grep -c . "$tmp/hello.c")
[ "$lines" -ge 10 ] && [ "$lines" -le 15 ]
result $? "README: the first program has at most 15 lines"

compile "$tmp/hello.c" "$tmp/hello"
result $? "README: the first program compiles without a warning"

out=$("$tmp/hello" 2> "$tmp/log")
[ "$?$out" = "0hello" ]
result $? "README: the first program prints hello and exits with 0"

# its first failure is an exit status, with nothing printed
PATH=/nonexistent "$tmp/hello" > "$tmp/log" 2>&1
[ $? = 1 ] && ! [ -s "$tmp/log" ]
result $? "README: the first program exits with 1 if there is no echo"

mapfile -t commands < <(blocks sh first | sed 's/ *#.*//')
[ "${commands[*]}" = 'make demo make check' ]
result $? "README: the first commands are make demo and make check"

make -pnr O="$O" help > "$tmp/rules" 2>/dev/null
blocks sh | grep -oE '^(sudo )?make [a-z-]+' | sed 's/.*make //' | sort -u |
	while read -r target; do
		grep -q "^$target:" "$tmp/rules" || echo "no target $target"
	done > "$tmp/log"
[ ! -s "$tmp/log" ]
result $? "README: the targets that it names exist"

for doc in *.md docs/*.md; do
	dir=$(dirname "$doc")
	tr '\n' ' ' < "$doc" | grep -oE '\]\([^)#:]+\)' | tr -d '])(' |
		while read -r link; do
			[ -e "$dir/$link" ] || echo "$doc: no file $link"
		done
done > "$tmp/log"
[ ! -s "$tmp/log" ]
result $? "documents link to files that exist"

for program in "${programs[@]}"; do
	# shellcheck disable=SC2086 # document and place
	try $program
done

for page in "${pages[@]}"; do
	name=$(basename "$page")
	example "$page" > "$tmp/example.c"
	compile "$tmp/example.c" "$tmp/example"
	result $? "$name: its example compiles without a warning"
	"$tmp/example" > "$tmp/log" 2>&1
	result $? "$name: its example runs"
done

exit $failed
