#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Limits of the command: run --memory-max and the others, "limits" in the lines of
# batch, and the usage in their results. tests/vm/limits.c shows that limits hold.

set -u

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/cli.sh
. tests/cli.sh

words() {
	local bad

	for bad in '--memory-max 0' '--memory-max 1X' '--memory-swap-max -1' \
		'--pids-max 0' '--pids-max x' '--cpu-max 999' '--cpu-max 0%' \
		'--cpu-max 50%%' '--cpu-max nan%' '--cpu-weight 0' \
		'--cpu-weight 10001' '--io-weight 0' '--io-weight 10001'; do
		# shellcheck disable=SC2086 # two words
		fails "$bad is no limit: 125" 125 ': not ' run --capture $bad -- true
	done
	fails 'limits and a cgroup that is shared exclude each other: 125' 125 \
		'one of its own' run --capture --pids-max 5 --cgroup /x -- true
	fails 'nothing is kept that would have no limits: 125' 125 \
		'no limits' run --capture --pids-max 5 --keep-leftovers -- true
	printf '%s\n' > "$tmp/in" \
		'{"id":0,"argv":["true"],"limits":7}' \
		'{"id":1,"argv":["true"],"limits":{"memory":"1M"}}' \
		'{"id":2,"argv":["true"],"limits":{"memory_max":"1X"}}' \
		'{"id":3,"argv":["true"],"limits":{"pids_max":0}}' \
		'{"id":4,"argv":["true"],"limits":{"cpu_max":1.5}}' \
		'{"id":5,"argv":["true"],"limits":{"io_weight":null}}' \
		'{"id":6,"argv":["true"],"limits":{},"keep_leftovers":true}'
	"$tool" batch < "$tmp/in" > "$tmp/out"
	json_lines 'a line with a wrong limit is refused, and names it' '
		len(a) == 7 and all(x["error"]["name"] == "EINVAL" and
		    ["not an object", "\"memory\"", "memory_max", "pids_max",
		     "cpu_max", "io_weight", "no limits"][x["id"]] in x["error"]["message"]
		    for x in a)'
}

# In $bare no cgroup has a controller, whatever the machine has.
bare() {
	local mount

	mount=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	[ -n "$mount" ] || return
	above=$mount/spawn-template-test.$$
	bare=$above/bare
	mkdir "$above" "$bare" 2> /dev/null
}

usage() {
	local work='(sleep 30 &); for i in 1 2 3 4; do seq 9999 > /dev/null; done'

	run --capture --pids-max 5 --cgroup-tree="$bare" -- true \
		> "$tmp/out" 2> "$tmp/err"
	[ $? = 125 ] && grep -q 'cannot limit processes: ' "$tmp/err" &&
		grep -q 'remedy: .*Delegate=yes' "$tmp/err"
	result $? 'without its controller a limit fails the launch: 125'
	json_lines 'and the report names the step' '
		a[0]["error"]["stage"] == "attr"
		and "cannot limit processes" in a[0]["error"]["detail"]'
	printf '%s\n' > "$tmp/in" \
		'{"id":0,"argv":["true"],"limits":{"memory_max":"64M"}}' \
		'{"id":1,"argv":["sh","-c","'"$work"'"],"limits":{}}' \
		'{"id":2,"argv":["true"]}'
	"$tool" batch -j 1 --cgroup-tree="$bare" < "$tmp/in" > "$tmp/out"
	json_lines 'a limit without its controller fails one line only' '
		a[0]["id"] == 0 and
		"cannot limit memory" in a[0]["error"]["detail"]
		and len(a) == 3 and a[2]["code"] == 0'
	json_lines 'limits without a limit tell the usage of the tree' '
		a[1]["code"] == 0 and a[1]["cpu_us"] > 1000
		and a[1]["oom"] is False and a[1]["cgroup"]'
	json_lines 'without limits no usage of the tree is told' '
		a[2]["cpu_us"] is None and a[2]["memory_peak"] is None'
	rmdir "$bare" 2> "$tmp/log"
	result $? 'no cgroup is left'
	rmdir "$above"
}

words
if bare; then
	usage
else
	skip 'without its controller a limit fails the launch: 125' \
		'no cgroup v2 directory can be made here'
fi

echo "1..$n"
exit "$failed"
