#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Policies of the command server: what is allowed, asked and denied, by which rule, and
# what is wrong with a file.

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh
policy=$PWD/$O/tests/ask_policy
case $O in /*) policy=$O/tests/ask_policy ;; esac

# Compares the first line of an answer of $tmp/p.toml, and searches the second.
answers() { # name answer pattern arguments...
	local name=$1 expected=$2 pattern=$3

	shift 3
	"$policy" "${file:-$tmp/p.toml}" "$@" > "$tmp/out" 2>&1
	{
		echo "expected: $expected, $pattern"
		cat "$tmp/out"
	} > "$tmp/log"
	[ "$(sed -n 1p "$tmp/out")" = "$expected" ] &&
		sed -n 2p "$tmp/out" | grep -qE -- "$pattern"
	result $? "$name"
}

# Checks what is said of a wrong file.
complains() { # name pattern text
	printf '%b' "$3" > "$tmp/wrong.toml"
	fails "$1" 125 "wrong.toml:${2%%: *}(:[0-9]+)?: ${2#*: }" "$policy" "$tmp/wrong.toml" check
}

mkdir -p "$tmp/work/below" "$tmp/work/secret" "$tmp/workshop" "$tmp/bin" "$tmp/other"
cp /bin/true "$tmp/bin/tool"
cp /bin/true "$tmp/bin/evil"
ln -s tool "$tmp/bin/alias"
ln "$tmp/bin/evil" "$tmp/bin/hard"
ln -s "$tmp/bin/evil" "$tmp/other/tool"
ln -s "$tmp/other" "$tmp/work/out"
cat > "$tmp/p.toml" << END
default = "deny"
search = "$tmp/bin:/usr/bin:/bin"
[folders]
allow = ["work"]
deny = ["work/secret"]
[env]
pass = ["PATH", "KEEP_*"]
allow = ["OK*"]
deny = ["OK_NOT", "KEEP_NOT"]
set = { GIVEN = "yes", KEEP_SET = "new" }
[limits]
timeout = "2m"
timeout_max = "1h"
idle_timeout = "30s"
max_output = "1M"
programs = 7
memory_max = "64M"
[[rule]]
name = "tools"
action = "allow"
program = ["tool", "ls", "cat"]
warm = "once"
[[rule]]
name = "no-evil"
action = "deny"
program = "evil"
reason = "it is evil"
[[rule]]
name = "git"
action = "allow"
program = "git"
args = [["log", "**"], ["show", "HEAD*"], ["add", "**", "--", "?"]]
[[rule]]
name = "git-ask"
action = "ask"
program = "git"
args = [["push", "**"]]
[[rule]]
name = "no-force"
action = "deny"
program = "git"
any_arg = ["--force*", "-f"]
[[rule]]
name = "only-below"
action = "allow"
program = "wc"
folders = ["work/below"]
[[rule]]
name = "pipes"
action = "allow"
command = ["cat * | head -n *", "ls **; true"]
[[rule]]
name = "no-rm"
action = "deny"
program = "sh"
command = ["*rm *"]
[[rule]]
name = "versions"
action = "allow"
program = "gre*"
[[rule]]
name = "no-null"
action = "deny"
command = ["ls * /dev/null"]
END

echo 1..82
w=$tmp/work
answers 'a program is allowed by its rule' 'allow tools:18' "by rule 'tools'" \
	ask -c "$w" -p "$tmp/bin" tool a b
is 'the answer has the file that was judged, and how it is launched' \
	"$tmp/bin/tool 1 1[0]" bash -c '"$1" "$2" ask -c "$3" -p "$4" tool | tail -n 1' - \
	"$policy" "$tmp/p.toml" "$w" "$tmp/bin"
answers 'what no rule names gets the default' 'deny default:1' 'no rule of .* names /.*/true' \
	ask -c "$w" true
answers 'a path is allowed where the name leads to it' 'allow tools:18' . \
	ask -c "$w" "$tmp/bin/tool"
answers 'a file elsewhere is not allowed by its name' 'deny no-evil:23' 'evil' \
	ask -c "$w" -p "$tmp/other" tool
cp /bin/true "$tmp/work/tool"
answers 'a program in the folder does not take the place of the tool' 'deny default:1' . \
	ask -c "$w" ./tool
answers 'another name of an allowed file is not allowed' 'deny default:1' . \
	ask -c "$w" -p "$tmp/bin" alias
answers 'a denied file is denied under a hard link' 'deny no-evil:23' 'it is evil' \
	ask -c "$w" -p "$tmp/bin" hard
cp /bin/true "$tmp/work/evil"
answers 'a denied name is denied for any file' 'deny no-evil:23' . ask -c "$w" ./evil
rm "$tmp/work/evil" "$tmp/work/tool"
answers 'a program that is not there is an error, not a denial' 'error 2' 'nothing' \
	ask -c "$w" nothing
answers 'a file that cannot be executed is an error' 'error 13' . ask -c "$w" /etc/passwd
answers 'a folder is no program' 'error 13' . ask -c "$w" /usr

answers 'a folder below is allowed' 'allow tools:18' . ask -c "$w/below" ls
answers 'the folder above is denied' 'deny folders:4' 'not below' ask -c "$tmp" ls
answers 'a folder with a longer name is denied' 'deny folders:4' . ask -c "$tmp/workshop" ls
answers 'a folder that is denied is so below an allowed one' 'deny folders:5' "in 'deny'" \
	ask -c "$w/secret" ls
answers 'a link that leads out is denied' 'deny folders:4' "$tmp/other" ask -c "$w/out" ls
answers 'dots that lead out are denied' 'deny folders:4' . ask -c "$w/below/../.." ls
answers 'a folder that is not there is an error' 'error 2' . ask -c "$w/none" ls
answers 'a rule can be for a folder' 'allow only-below:43' . ask -c "$w/below" wc
answers 'such a rule is not for another one' 'deny default:1' . ask -c "$w" wc

answers 'arguments are compared with a list of patterns' 'allow git:28' . ask -c "$w" git log -p x
answers 'two stars are also for no argument' 'allow git:28' . ask -c "$w" git log
answers 'one star is for the rest of an argument' 'allow git:28' . ask -c "$w" git show 'HEAD~2'
answers 'one more argument does not match' 'deny default:1' . ask -c "$w" git show HEAD x
answers 'two stars can be between arguments' 'allow git:28' . ask -c "$w" git add a -- -- z
answers 'other arguments do not match' 'deny default:1' . ask -c "$w" git clone x
answers 'a rule can ask' 'ask git-ask:33' "to be asked by rule 'git-ask'" \
	ask -c "$w" git push origin
answers 'a denial is stronger than a rule that asks' 'deny no-force:38' . \
	ask -c "$w" git push --force-with-lease
answers 'a denial is stronger than a rule that allows' 'deny no-force:38' . ask -c "$w" git log -f
answers 'a pattern of names is searched' 'allow versions:57' . ask -c "$w" grep x

answers 'a string of words is judged by its words' 'allow tools:18' . shell -c "$w" 'ls "a b"'
answers 'a denied string of words is denied' 'deny no-evil:23' . \
	shell -c "$w" -p "$tmp/bin" "evil 'x'"
answers 'a string for a shell is judged as a whole' 'allow pipes:48' . \
	shell -c "$w" 'cat a "b" | head -n 3'
answers 'a star takes no second command' 'deny default:1' . \
	shell -c "$w" 'cat a; evil | head -n 3'
answers 'a star takes no substitution' 'deny default:1' . \
	shell -c "$w" 'cat $(evil) | head -n 3'
answers 'a star takes no second line' 'deny default:1' . \
	shell -c "$w" $'cat a\nevil | head -n 3'
answers 'a star takes no comment' 'deny default:1' . \
	shell -c "$w" 'cat a # | head -n 3'
answers 'two stars take all' 'allow pipes:48' . shell -c "$w" 'ls a; x & true; true'
answers 'a shell string that no rule has is denied' 'deny default:1' 'such a string' \
	shell -c "$w" 'ls | cat'
answers 'a rule that denies finds its text in a string' 'deny no-rm:52' . \
	shell -c "$w" 'ls **; rm -rf x; true'
answers 'it finds the text in the words of a shell' 'deny no-rm:52' . \
	ask -c "$w" sh -c 'rm x'
answers 'it finds the text in a string of words' 'deny no-null:61' . \
	shell -c "$w" "ls  -l '/dev/null'"
answers 'it finds the text in words' 'deny no-null:61' . ask -c "$w" ls -l /dev/null
answers 'words of a shell are not a string that is allowed' 'deny default:1' . \
	ask -c "$w" sh -c 'cat a | head -n 3'

answers 'a variable may be set that a pattern allows' 'allow tools:18' . ask -c "$w" -e OK_1=x ls
answers 'others may not be set' 'deny env:8' 'NO is not' ask -c "$w" -e NO=x ls
answers 'a denied variable is denied though a pattern allows it' 'deny env:9' \
	"OK_NOT is in 'deny'" ask -c "$w" -e OK_NOT=x ls
is 'variables pass by name, and the policy sets others' \
	$'KEEP_ME=1\nGIVEN=yes\nKEEP_SET=new[0]' \
	env -i KEEP_ME=1 KEEP_NOT=2 KEEP_SET=3 X=4 "$policy" "$tmp/p.toml" env
is 'times and limits are bounded' '120 3600 30 1048576 7 67108864 0 0 0[0]' \
	"$policy" "$tmp/p.toml" bounds
printf '[limits]\nmemory_swap_max = "3"\n' > "$tmp/swap.toml"
is 'swap is bounded without a bound of memory' '600 86400 0 0 0 1073741824 3 0 0[0]' \
	"$policy" "$tmp/swap.toml" bounds

# ---- files

is 'a right file is right' "$tmp/p.toml: right, 10 rules[0]" "$policy" "$tmp/p.toml" check
"$policy" "$tmp/p.toml" print > "$tmp/once.toml"
"$policy" "$tmp/once.toml" print > "$tmp/twice.toml"
diff <(sed 's/^# .*//; s/ # line.*//' "$tmp/once.toml") \
	<(sed 's/^# .*//; s/ # line.*//' "$tmp/twice.toml") > "$tmp/log" &&
	[ "$(wc -l < "$tmp/twice.toml")" -gt 90 ]
result $? 'a printed policy is read as the same policy'
complains 'an unknown key has its line' '2: unknown key .alow. in \[folders\]' \
	'[folders]\nalow = []\n'
complains 'an error has its column' "3:8: 'name' is not a string" \
	'\n[[rule]]\nname = 3\n'
complains 'what is not TOML has its column' '2:1: ' 'default = "ask"\n= 3\n'
complains 'quotes beside a star are refused in what is allowed' "4: rule 'a': the pattern" \
	"[[rule]]\nname='a'\naction='allow'\ncommand=['cat \"*\" | head']\n"
complains 'an allowed dynamic linker must say what it does' \
	"4: rule 'a' allows '/lib64/ld-linux-x86-64.so.2': the dynamic linker runs" \
	"[[rule]]\nname='a'\naction='allow'\nprogram='/lib64/ld-linux-x86-64.so.2'\n"
complains 'a wrong type has its line' "3: 'name' is not a string" \
	'\n[[rule]]\nname = 3\n'
complains 'a key that is there twice has its line' '2: ' 'default = "ask"\ndefault = "ask"\n'
complains 'what is not TOML has its line' '2: ' 'default = "ask"\n= 3\n'
complains 'what its parser takes for impossible has its line' '2: ' 'default = "ask"\n[[[a]]]\n'
complains 'tables in so many tables that the stack would not do are refused' '2: too many dots' \
	"default = \"ask\"\n$(printf 'a.%.0s' {1..300000})a = 1\n"
complains 'a rule of one name twice is refused' "5: rule 'a' is there twice, first in line 1" \
	'[[rule]]\nname="a"\naction="deny"\nprogram="x"\n[[rule]]\nname="a"\naction="deny"\n'
complains 'a rule needs an action' "1: rule 'a' has no 'action'" '[[rule]]\nname="a"\n'
complains 'no folder is not any folder' "4: rule 'a': 'folders' names none" \
	'[[rule]]\nname="a"\naction="allow"\nfolders=[]\nprogram="ls"\n'
complains 'no program is not any program' "4: rule 'a': 'program' names none" \
	'[[rule]]\nname="a"\naction="allow"\nprogram=[]\ncommand="ls | cat"\n'
complains 'an allowed env must say what it does' "4: rule 'a' allows 'env'.*runs_others" \
	'[[rule]]\nname="a"\naction="allow"\nprogram=["ls","env"]\n'
complains 'an interpreter with a version must, too' "4: rule 'a' allows 'python3.11'" \
	'[[rule]]\nname="a"\naction="allow"\nprogram="python3.11"\n'
complains 'a shell that reads its input must, too' "4: rule 'a' allows 'sh'" \
	'[[rule]]\nname="a"\naction="allow"\nprogram="sh"\nargs=[["-c","make"],["-s"]]\n'
complains 'a shell without arguments must, too' "4: rule 'a' allows 'sh'" \
	'[[rule]]\nname="a"\naction="allow"\nprogram="sh"\nargs=[[]]\n'
complains 'a star for all programs must, too' "4: rule 'a' allows '\\*'" \
	'[[rule]]\nname="a"\naction="allow"\nprogram="*"\n'
complains 'a bad limit has its line' '2: .*"memory_max" is not' '[limits]\nmemory_max = "x"\n'
complains 'a bad time has its line' "2: 'timeout' is not a time" '[limits]\ntimeout = "x"\n'
complains 'a way of preparing that is unknown has its line' "2: 'warm' is none of" \
	'[[rule]]\nwarm = "hot"\n'
complains 'a sandbox without a restriction is refused' '1: \[sandbox\] restricts nothing' \
	'[sandbox]\nbest_effort = true\n'
head -c 1100000 /dev/zero | tr '\0' '#' > "$tmp/huge.toml"
fails 'a huge file is refused' 125 'huge.toml:0: larger than 1024 KiB' \
	"$policy" "$tmp/huge.toml" check
cp docs/policy.toml "$tmp/work/example.toml"
file=$tmp/work/example.toml answers 'the example in the documents is right, and holds' \
	'ask git-writes:51' . ask -c "$w" git commit -m x
file=$tmp/work/example.toml answers 'its pipes take options of no program' 'deny default:6' . \
	shell -c "$w" 'rg --pre ./x . | head'
file=$tmp/work/example.toml answers 'they take what is none' 'allow pipes:64' . \
	shell -c "$w" 'rg -- "--pre" . | head'
file=$tmp/work/example.toml answers 'sort runs no program there' 'deny sort-runs-nothing:70' . \
	ask -c "$w" sort --comp ./x
file=- answers 'the policy by default denies another user' 'deny other-users:17' . \
	ask /bin/su

echo
[ "$failed" = 0 ]
