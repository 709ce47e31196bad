# SPDX-License-Identifier: BSD-2-Clause
# fish completion for spawn-template.

# Prints the program that run or bench launches, and its arguments, as one command
# line; fails if there is none yet.
function __spawn_template_launched
	set -l words (commandline -opc) (commandline -ct)
	set -l with_value --cwd --env --unset --timeout --kill-after --grace \
		--keep-fd --nice --umask --cgroup --argv0 --max-output \
		--held-quiet --held-most --ro --rw \
		--rounds --seconds --arg --socket --sort --delay --count -d -n
	set -l i 3
	while test $i -lt (count $words)
		switch $words[$i]
		case --
			string join -- ' ' (string escape -- $words[(math $i + 1)..-1])
			return 0
		case '-*'
			contains -- $words[$i] $with_value; and set i (math $i + 1)
		case '*'
			string join -- ' ' (string escape -- $words[$i..-1])
			return 0
		end
		set i (math $i + 1)
	end
	return 1
end

function __spawn_template_options
	__fish_seen_subcommand_from $argv
	and not __spawn_template_launched >/dev/null
end

function __spawn_template_programs
	if set -l launched (__spawn_template_launched)
		complete -C "$launched"
	else
		__fish_complete_command
	end
end

# The numbers of the templates that the guard keeps.
function __spawn_template_ids
	set -l words (commandline -opc)
	$words[1] list 2>/dev/null | awk 'NR > 1 { print $1 "\t" $4 " " $5 }'
end

set -l tool -c spawn-template
set -l first $tool -n __fish_use_subcommand
set -l of_guard 'list show top stats status'
set -l fields 'id pid user command executable state launches stale refused p50 p99'
set -l any $tool -n "__spawn_template_options run batch mcp stat doctor bench warm $of_guard"
set -l guard $tool -n "__spawn_template_options $of_guard"
set -l list $tool -n '__spawn_template_options list'
set -l top $tool -n '__spawn_template_options top'
set -l run $tool -n '__spawn_template_options run'
set -l captured $tool -n '__spawn_template_options run batch'
set -l mcp $tool -n '__spawn_template_options mcp'
set -l served $tool -n '__spawn_template_options batch mcp'
set -l ended $tool -n '__spawn_template_options run batch mcp'
set -l bench $tool -n '__spawn_template_options bench'
set -l warm $tool -n '__fish_seen_subcommand_from warm'

complete $tool -f
complete $first -a run -d 'Launch a program through a template'
complete $first -a batch -d 'Run programs named on stdin, many at a time'
complete $first -a mcp -d 'Run programs for agents'
complete $first -a stat -d 'Show what a template of a program would be'
complete $first -a doctor -d 'Show what this machine and account offer'
complete $first -a bench -d 'Time one program, launched in four ways'
complete $first -a warm -d 'Measure what prepared launches gain'
complete $first -a list -d 'List the templates that the guard keeps'
complete $first -a show -d 'Show all about one of them'
complete $first -a top -d 'Watch the templates that the guard keeps'
complete $first -a stats -d 'Show what the guard has counted'
complete $first -a status -d 'Show whether the guard is in force'
complete $first -a help -d 'Describe a command'
complete $first -l help -s h -d 'Print help'
complete $first -l version -s V -d 'Print the version'
complete $tool -n '__fish_seen_subcommand_from help' \
	-a "run batch mcp stat doctor bench warm $of_guard"

complete $any -l help -s h -d 'Print help'
complete $run -l json -d 'Print a report on stderr afterwards'
complete $tool -n "__spawn_template_options batch mcp stat doctor bench warm $of_guard" \
	-l json -d 'Print JSON'

complete $run -l cwd -x -a '(__fish_complete_directories)' -d 'Start in a directory'
complete $run -l clear-env -d 'Start from an empty environment'
complete $run -l env -x -a '(set -xn)=' -d 'Set a variable'
complete $run -l unset -x -a '(set -xn)' -d 'Remove a variable'
complete $run -l argv0 -x -d 'What the program sees as its own name'
complete $ended -l timeout -x -a '500ms 2s 30s 2m' -d 'Then send TERM to the whole tree'
complete $captured -l idle-timeout -x -a '10s 1m 10m' -d 'End it after so long without output'
complete $ended -l kill-after -x -a '500ms 2s 30s' -d 'From TERM to KILL'
complete $run -l grace -x -a '500ms 2s 30s' -d 'From TERM to KILL'
complete $run -l capture -d 'Print its output and end as a JSON object'
complete $ended -l max-output -x -a '64K 1M 16M' -d 'Keep so much of each stream'
complete $captured -l held-quiet -x -a '100ms 1s 10s' -d 'Then give up output that is held'
complete $captured -l held-most -x -a '1s 10s 1h' -d 'Give it up at last'
complete $captured -l keep-leftovers -d 'Let live what is left behind'
complete $run -l no-echo -d 'With --pty: without echo'
complete $run -l raw -d 'With --pty: no byte is changed'
complete $captured -l session -x -a 'own group caller' -d 'Of its own, or this one'
complete $run -l end-leftovers -d 'End what is left behind'
complete $ended -l cgroup-tree -d 'In a cgroup of its own'
complete $ended -l supervise -d 'So, and all end with this tool'
complete $run -l tail -x -a '4K 64K 1M' -d 'Keep so much of the end of output'
complete $run -l spill -x -a '(__fish_complete_directories)' -d 'Write long output to files'
complete $run -l merge-stderr -d 'Capture both streams as one'
complete $run -l pty -d 'In a terminal of its own'
complete $run -l tcp-connect -x -d 'In a sandbox, TCP to these ports'
complete $run -l tcp-bind -x -d 'In a sandbox, TCP on these ports'
complete $run -l no-signals -d 'In a sandbox, no signals to the outside'
complete $run -l no-abstract -d 'In a sandbox, no abstract sockets outside'
complete $run -l no-devices -d 'In a sandbox, no device either'
complete $run -l memory-max -x -a '256M 1G 4G' -d 'Limit the memory of the tree'
complete $run -l memory-swap-max -x -a '0 256M max' -d 'Limit its swap'
complete $run -l pids-max -x -a '10 100 1000' -d 'Limit its processes'
complete $run -l cpu-max -x -a '50% 100% 200%' -d 'Limit its CPU time'
complete $run -l cpu-weight -x -a '10 100 1000' -d 'Its share of the processors'
complete $run -l io-weight -x -a '10 100 1000' -d 'Its share of the disks'
complete $run -l keep-fd -x -d 'Do not close a descriptor'
complete $run -l inherit-fds -d 'Close no descriptor'
complete $run -l nice -x -d 'Set the nice value'
complete $run -l umask -x -a '022 027 077' -d 'Set the file mode creation mask'
complete $run -l setsid -d 'Start a new session'
complete $run -l cgroup -x -a '(__fish_complete_directories)' -d 'Start in a cgroup v2 directory'
complete $run -l no-new-privs -d 'Exec gives no privileges any more'
complete $run -l ro -r -F -d 'In a sandbox, read below a path'
complete $run -l rw -r -F -d 'In a sandbox, write below a path'
complete $run -l no-net -d 'In a sandbox, no socket but Unix ones'
complete $run -l sandbox-best-effort -d 'Without what the kernel cannot restrict'
complete $run -l die-with-parent -d 'Kill it when this tool ends'

complete $served -l jobs -s j -x -a '1 4 16 64' -d 'At most so many at a time'

complete $tool -n '__spawn_template_options run batch mcp bench' -l warm \
	-a 'once fork python' -d 'From prepared processes'
complete $tool -n '__spawn_template_options run batch warm' -l modules -x \
	-d 'That a Python imports ahead'
complete $tool -n '__spawn_template_options run warm' -l profile -r \
	-d 'That a session shell has sourced'

complete $mcp -l socket -r -F -d 'Listen at a Unix socket'
complete $mcp -l max-timeout -x -a '10m 1h 24h' -d 'The latest deadline'
complete $mcp -l wait -x -a '10s 50s' -d 'Then answer with a handle'
complete $mcp -l keep -x -a '1m 10m 1h' -d 'Remember runs that have ended'
complete $mcp -l cold -d 'Prepare no programs'
complete $mcp -l policy -r -F -d 'What may run, where and how'
complete $mcp -l check -r -F -d 'Say whether a policy is right'
complete $mcp -l print-policy -d 'Print the policy in force'

complete $bench -l rounds -x -a '100 500 2000' -d 'How often each'
complete $bench -l seconds -x -a '5 10 60' -d 'Stop after this long'

complete $warm -l rounds -x -a '20 50 500' -d 'How often each'
complete $warm -l seconds -x -a '1 3 10' -d 'Stop with a program after this long'
complete $warm -l arg -x -d 'Launch with this argument'
complete $warm -l no-args -d 'Launch without arguments'

complete $guard -l socket -r -F -d 'Of the daemon'
complete $list -l sort -x -a "$fields" -d 'By a field'
complete $list -l reverse -s r -d 'In the other direction'
complete $top -l delay -s d -x -a '0.5 1 2 10' -d 'Seconds between refreshes'
complete $top -l count -s n -x -a '1 10 60' -d 'End after so many'
complete $top -l pools -d 'Show prepared processes'
complete $top -l batch -s b -d 'Print one table after the other'
complete $tool -n '__spawn_template_options stats' -l prom -d 'Print OpenMetrics text'
complete $tool -n '__fish_seen_subcommand_from show' -a '(__spawn_template_ids)'

complete $tool -n '__fish_seen_subcommand_from run bench' -a '(__spawn_template_programs)'
complete $tool -n '__fish_seen_subcommand_from stat doctor warm' -a '(__fish_complete_command)'
