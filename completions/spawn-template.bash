# SPDX-License-Identifier: BSD-2-Clause
# bash completion for spawn-template. Works with and without the bash-completion
# package; with it, the launched program's own arguments are completed too.

# Sets COMPREPLY to the words of $1 that begin with the current word.
_spawn_template_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "${COMP_WORDS[COMP_CWORD]}")
}

_spawn_template_by() { # compgen's action, words to add
	local current=${COMP_WORDS[COMP_CWORD]}

	mapfile -t COMPREPLY < <(compgen "$1" -- "$current"
		[ -z "${2-}" ] || compgen -W "$2" -- "$current")
	if [ "$1" = -f ] || [ "$1" = -d ] || [[ $current = */* ]]; then
		compopt -o filenames 2>/dev/null
	fi
}

# Finds the word that names the program to launch; 0 if there is none yet.
_spawn_template_program() {
	local i with_value=$1

	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--)
			echo $((i + 1))
			return
			;;
		-*)
			# "=" is a word: --env A=B, --env=A=B
			if [ "${COMP_WORDS[i + 1]-}" = = ]; then
				i=$((i + 2))
			elif [[ " $with_value " = *" ${COMP_WORDS[i]} "* ]]; then
				i=$((i + 1))
			fi
			[ "${COMP_WORDS[i + 1]-}" != = ] || i=$((i + 2))
			;;
		*)
			echo "$i"
			return
			;;
		esac
	done
	echo 0
}

# Completes the program's name, or its arguments.
_spawn_template_launched() {
	local at=$1

	if [ "$COMP_CWORD" = "$at" ]; then
		_spawn_template_by -c
	elif declare -F _command_offset >/dev/null; then
		_command_offset "$at"
	else
		_spawn_template_by -f
	fi
}

_spawn_template_run() {
	local values='--cwd --env --unset --timeout --kill-after --grace --keep-fd
		--nice --umask --cgroup --argv0 --max-output --held-quiet
		--held-most --ro --rw --idle-timeout --tail --spill --tcp-connect
		--tcp-bind --memory-max --memory-swap-max --pids-max --cpu-max
		--cpu-weight --io-weight --session --modules --profile'
	local switches='--clear-env --inherit-fds --no-new-privs --no-net
		--sandbox-best-effort --no-signals --no-abstract --no-devices
		--merge-stderr --pty --no-echo --raw
		--die-with-parent --setsid --capture --cgroup-tree --supervise
		--keep-leftovers --end-leftovers
		--warm --warm=once --warm=fork --warm=python --json --help'
	local at

	at=$(_spawn_template_program "${values//[$'\n\t']/ }")
	if [ "$at" != 0 ]; then
		_spawn_template_launched "$at"
		return
	fi
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--cwd | --cgroup | --spill) _spawn_template_by -d ;;
	--unset) _spawn_template_by -v ;;
	--env) mapfile -t COMPREPLY < <(compgen -v -S = -- \
		"${COMP_WORDS[COMP_CWORD]}") && compopt -o nospace 2>/dev/null ;;
	--timeout | --idle-timeout | --kill-after | --grace | --held-quiet | \
		--held-most)
		_spawn_template_words '500ms 2s 30s 2m'
		;;
	--max-output | --tail) _spawn_template_words '64K 1M 16M' ;;
	--memory-max | --memory-swap-max) _spawn_template_words '256M 1G 4G' ;;
	--pids-max | --cpu-weight | --io-weight)
		_spawn_template_words '10 100 1000'
		;;
	--cpu-max) _spawn_template_words '50% 100% 200%' ;;
	--session) _spawn_template_words 'own group caller' ;;
	--umask) _spawn_template_words '022 027 077' ;;
	--keep-fd | --nice | --argv0 | --tcp-connect | --tcp-bind) COMPREPLY=() ;;
	*)
		if [[ ${COMP_WORDS[COMP_CWORD]} = -* ]]; then
			_spawn_template_words "$values $switches --"
		else
			_spawn_template_by -c
		fi
		;;
	esac
}

_spawn_template_batch() {
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--timeout | --idle-timeout | --kill-after | --held-quiet | --held-most)
		_spawn_template_words '500ms 2s 30s 2m'
		;;
	--max-output) _spawn_template_words '64K 1M 16M' ;;
	--session) _spawn_template_words 'own group caller' ;;
	-j | --jobs) _spawn_template_words '1 4 16 64' ;;
	*)
		_spawn_template_words '--jobs --max-output --timeout --idle-timeout --kill-after
			--held-quiet --held-most --cgroup-tree --supervise --keep-leftovers
			--session --warm --warm=once --warm=fork --warm=python
			--modules --json --help'
		;;
	esac
}

_spawn_template_mcp() {
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--timeout | --max-timeout | --wait | --keep | --kill-after)
		_spawn_template_words '2s 50s 10m 24h'
		;;
	--max-output) _spawn_template_words '64K 1M 16M' ;;
	--socket | --policy | --check) _spawn_template_by -f ;;
	-j | --jobs) _spawn_template_words '1 4 16 64' ;;
	*)
		_spawn_template_words '--socket --jobs --timeout --max-timeout --wait --keep
			--max-output --kill-after --cgroup-tree --supervise --warm
			--warm=once --warm=fork --cold --policy --check
			--print-policy --json --help'
		;;
	esac
}

_spawn_template_bench() {
	local at

	at=$(_spawn_template_program '--rounds --seconds')
	if [ "$at" != 0 ]; then
		_spawn_template_launched "$at"
		return
	fi
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--rounds) _spawn_template_words '100 500 2000' ;;
	--seconds) _spawn_template_words '5 10 60' ;;
	*)
		if [[ ${COMP_WORDS[COMP_CWORD]} = -* ]]; then
			_spawn_template_words '--rounds --seconds --warm
				--warm=once --warm=fork --warm=python --json --help --'
		else
			_spawn_template_by -c
		fi
		;;
	esac
}

_spawn_template_warm() {
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--rounds) _spawn_template_words '20 50 500' ;;
	--seconds) _spawn_template_words '1 3 10' ;;
	--arg | --modules) COMPREPLY=() ;;
	*)
		if [[ ${COMP_WORDS[COMP_CWORD]} = -* ]]; then
			_spawn_template_words '--arg --no-args --modules --profile --rounds
				--seconds --json --help --'
		else
			_spawn_template_by -c
		fi
		;;
	esac
}

# The numbers of the templates that the guard keeps.
_spawn_template_ids() {
	"${COMP_WORDS[0]}" list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_spawn_template_guard() { # options of the command
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--socket) _spawn_template_by -f ;;
	--sort)
		_spawn_template_words 'id pid user command executable state
			launches stale refused p50 p99'
		;;
	-d | --delay) _spawn_template_words '0.5 1 2 10' ;;
	-n | --count) _spawn_template_words '1 10 60' ;;
	*)
		if [ "${COMP_WORDS[1]}" = show ] &&
			[[ ${COMP_WORDS[COMP_CWORD]} != -* ]]; then
			_spawn_template_words "$(_spawn_template_ids)"
		else
			_spawn_template_words "$1 --json --socket --help"
		fi
		;;
	esac
}

_spawn_template() {
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		_spawn_template_words \
			'run batch mcp stat doctor bench warm list show top stats status
			help --help --version'
		return
	fi
	case ${COMP_WORDS[1]} in
	run) _spawn_template_run ;;
	batch) _spawn_template_batch ;;
	mcp) _spawn_template_mcp ;;
	bench) _spawn_template_bench ;;
	warm) _spawn_template_warm ;;
	stat | doctor) _spawn_template_by -c '--json --help' ;;
	list) _spawn_template_guard '--sort --reverse' ;;
	show | status) _spawn_template_guard '' ;;
	top) _spawn_template_guard '--delay --count --batch --pools' ;;
	stats) _spawn_template_guard --prom ;;
	help)
		_spawn_template_words 'run batch mcp stat doctor bench warm list show
			top stats status'
		;;
	esac
}

complete -F _spawn_template spawn-template
