#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# scripts/check-prose: it counts each comment once, by its first word, and fails
# above its limit.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/tap.sh
. tests/tap.sh

# Checks the C on stdin.
checked() {
	cat > "$tmp/a.c"
	scripts/check-prose -v "$tmp/a.c" > "$tmp/log" 2>&1
}

counted() { # comments found, all comments
	grep -q "^$1 of $2 comments" "$tmp/log"
}

echo "1..7"

checked <<- 'END' && counted 0 3
/* The subject comes first. */
int a; /* a noun */
/* Opens with a verb. */
END
result $? "comments that open with a subject or a verb pass"

checked <<- 'END'
/* What is first. */
int a; /* of something */
END
[ $? = 1 ] && counted 2 2 && grep -q 'a\.c:2: of something' "$tmp/log"
result $? "a comment above and one behind code are found, with their lines"

checked <<- 'END'
/*
 * Who is meant
 * is not said.
 */
/** whoever */
END
[ $? = 1 ] && counted 2 2
result $? "the first word of a block counts, and only that"

checked <<- 'END'
/* SPDX-License-Identifier: BSD-2-Clause */
/* ---- what is a heading ---- */
/* Whatever, offset and without are other words. */
/* offset */
/* without */
END
counted 1 4
result $? "headings count, licences do not, and words count as a whole"

checked <<- 'END'
const char *s = "/* what is a string */", *t = "\"/* what";
char c = '"'; /* whose quote */
int a /* x */, b; /* y */
END
counted 1 3
result $? "strings are no comments, and a line may have two"

{
	echo '/* What is one. */'
	for i in {1..40}; do
		echo "/* Number $i. */"
	done
} | checked
result $? "a share below the limit passes"

scripts/check-prose > "$tmp/log" 2>&1
[ $? = 2 ]
result $? "without files there is only a usage"

exit $failed
