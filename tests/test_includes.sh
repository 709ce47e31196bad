#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# scripts/check-includes: passes the project as it is, and finds each kind of mistake in
# a copy of it.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/tap.sh
. tests/tap.sh

checker=$PWD/scripts/check-includes
tree=$tmp/tree

copy() {
	rm -rf "$tree"
	mkdir "$tree"
	cp -r bench bindings bpf demo docs fuzz include src tests "$tree"
}

check() {
	(cd "$tree" && find . -type f | sed 's|^\./||' | "$checker") > "$tmp/log" 2>&1
}

# Checks the copy, which has one mistake: exactly its complaints must be found. Then
# restores the copy.
finds() { # name, the complaint
	check
	[ $? = 1 ] && [ "$(grep -vxFf "$tmp/before" "$tmp/log")" = "$2" ]
	result $? "$1"
	copy
}

# Adds the line at the end of a file of the copy.
add() { # file line
	echo "$2" >> "$tree/$1"
}

# Edits the document of the copy.
edit() { # sed program
	sed -i "$1" "$tree/docs/architecture.md"
}

echo "1..14"

copy
check
ret=$?
cp "$tmp/log" "$tmp/before"
result $ret 'the includes of this tree are allowed, and its files are named'

add src/tree/tree.c '#include "search.h"'
finds 'an include of a part that is not in the table is found' \
	'src/tree/tree.c: includes src/search.h, which the row of src/tree does not allow'

add src/spawn.c '#include "warm/park.h"'
finds 'an include of a header that a part does not offer is found' \
	'src/spawn.c: includes src/warm/park.h, which the row of src does not allow'

add bench/launch.c '#include "sys.h"'
finds 'an include by a path below src is found' \
	'bench/launch.c: includes src/sys.h, which the row of bench does not allow'

add src/daemon/main.c '#include <spawn_template.h>'
finds 'an include of the public header is found' \
	'src/daemon/main.c: includes include/spawn_template.h, which the row of src/daemon'\
' does not allow'

add src/cli/main.c '#include "../run/run.h"'
finds 'an include by a path upwards is found' \
	'src/cli/main.c: includes src/run/run.h, which the row of src/cli does not allow'

add src/args.c '#include "nowhere.h"'
finds 'an include of a file that is not there is found' \
	'src/args.c: includes nowhere.h, which the row of src does not allow'

add src/run/io.h '#include "run/run.h"'
finds 'two headers that include each other are found' \
	'circle: src/run/io -> src/run/run -> src/run/io'

add src/epoch.c '#include "check.h"'
finds 'a circle through several files is found' \
	'circle: src/check -> src/table -> src/epoch -> src/check'

touch "$tree/src/run/unnamed.c"
finds 'a file that the document does not name is found' \
	'src/run/unnamed.c: docs/architecture.md does not name it'

edit 's/^| `args.c`, `args.h` |/| `args.c`, `args.h`, `gone.c` |/'
finds 'a name without a file is found' \
	'docs/architecture.md: names src/gone.c, which does not exist'

edit 's/^| `args.c`, `args.h` |/| `args.c`, `args.h`, `copy.c` |/'
finds 'a file that is named twice is found' \
	'docs/architecture.md: names src/copy.c more than once'

mkdir "$tree/more"
add more/more.c 'int more;'
finds 'code without a row in the table is found' \
	'more/more.c: no row of the table is about it'

edit 's/^## Who may include whom/## Elsewhere/'
check
[ $? = 2 ] && grep -q "no section 'Who may include whom'" "$tmp/log"
result $? 'a document without the table does not pass'

exit "$failed"
