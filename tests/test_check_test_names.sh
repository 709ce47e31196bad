#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# scripts/check-test-names: names without a verb are found in C, Python and scripts, and
# claims pass.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/tap.sh
. tests/tap.sh

# Checks a file with the text on stdin. complaints has the lines and names.
check() { # file
	cat > "$tmp/$1"
	scripts/check-test-names "$tmp/$1" > "$tmp/log" 2>&1
	status=$?
	complaints=$(sed "s|^$tmp/$1:||" "$tmp/log")
}

found() { # complaints
	[ "$status" = 1 ] && [ "$complaints" = "$1" ]
}

passed() {
	[ "$status" = 0 ] && [ ! -s "$tmp/log" ]
}

echo '1..8'

check test_a.c <<- 'END'
static const struct test_case cases[] = {
	TEST_CASE(script),
	TEST_CASE(attributes), TEST_CASE_SECONDS(each_signal, 60),
	TEST_CASE(a_script_is_refused_without_the_flag),
};
END
found '2: script
3: attributes
3: each signal'
result $? 'cases in C that have no verb are found'

check test_a.c <<- 'END'
static const struct test_case cases[] = {
	TEST_CASE(many_runs),
	TEST_CASE(one_launch),
	TEST_CASE(runs_in_turn),
	TEST_CASE(the_stops),
	{ "each signal", each_signal, 0 },
};
END
found '2: many runs
3: one launch
4: runs in turn
5: the stops
6: each signal'
result $? 'plurals that are no verbs are found'

check test_a.c <<- 'END'
static const struct test_case cases[] = {
	TEST_CASE(a_run_ends),
	TEST_CASE(programs_run_in_order),
	TEST_CASE_SECONDS(launches_and_forks_go_on, 60),
	TEST_CASE(each_signal_reaches_the_program),
};
static const char *const attributes[] = { "script" };
END
passed
result $? 'claims in C pass, and other tables are not looked at'

check test_a.py <<- 'END'
class Run(TestCase):
    def test_options(self):
        pass

    def test_options_apply_in_order(self):
        pass

    def options(self):
        pass
END
found '2: options'
result $? 'methods in Python that have no verb are found'

check test_a.sh <<- 'END'
is() { # name expected
fails() { # status name
is 'the options' 1
	true || is 'an option is taken' 1
	LC_ALL=C is "$option, twice" 1
fails 1 'no option'
fails "$status" 'options are refused'
result $? "options"
# is 'a comment' 1
other 'another string'
END
found '3: the options
5: x, twice
6: no option
8: options'
result $? 'names in scripts that have no verb are found'

check test_a.sh <<- 'END'
	local name='the name' other='a string'
	names=('a name is first' 'the second one'
		'the third') value='the value'
	step "$name" command
	step "${names[1]}" command
END
found '1: the name
2: the second one
3: the third'
result $? 'names in variables that have no verb are found'

check test_a.sh <<- 'END'
result $? "a user is told the tool's options"
skip 'a user is told the options' 'no options'
END
passed
result $? 'claims in scripts pass, and reasons are not looked at'

scripts/check-test-names > "$tmp/log" 2>&1
[ $? = 2 ] && grep -q '^usage:' "$tmp/log"
result $? 'a missing file gets the usage'

exit $failed
