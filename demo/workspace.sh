#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Build the workspace that the demo's tools work in:
#
#	demo/workspace.sh DIR
#
# DIR is made anew: src/ (Python-like sources), data/ (text, CSV, JSON, a log)
# and repo/ (a git repository with a history and uncommitted changes, if git is
# installed). The result is the same every time, down to dates, names and object ids.

set -eu

if [ $# != 1 ]; then
	echo "usage: ${0##*/} DIR" >&2
	exit 2
fi

LC_ALL=C TZ=UTC
export LC_ALL TZ
dir=$1
rm -rf "$dir"
mkdir -p "$dir/src" "$dir/data" "$dir/repo"
cd "$dir"

# 8 packages of 8 modules of about 80 lines
sources() {
	awk '
	function next_number(below) {
		state = (state * 75 + 74) % 65537
		return state % below
	}
	function word() { return words[1 + next_number(n_words)] }
	function method(file, i,	name) {
		name = word() "_" word() "_" i
		print "    def " name "(self, " word() ", limit=" \
			next_number(500) "):" > file
		print "        \"\"\"Return the " word() " of the " word() \
			".\"\"\"" > file
		print "        if limit < " next_number(90) ":" > file
		print "            raise ValueError(\"" word() " too small\")" \
			> file
		print "        total = 0" > file
		print "        for index in range(limit):" > file
		print "            total += self." word() " * index % " \
			(1 + next_number(97)) > file
		print "        return total" > file
		print "" > file
	}
	function module(file,	c, i, name) {
		print "\"\"\"Module " file ": " word() " and " word() \
			".\"\"\"" > file
		print "import " word() "\n" > file
		for (c = 0; c < 2; c++) {
			name = word()
			print "\nclass " toupper(substr(name, 1, 1)) \
				substr(name, 2) c ":" > file
			for (i = 0; i < 4; i++)
				method(file, i)
		}
		close(file)
	}
	BEGIN {
		n_words = split("account buffer cache channel cursor digest " \
			"edge entry field frame graph handle index job key " \
			"ledger message node offset packet queue record " \
			"session table token update vector window", words, " ")
		state = 1
		for (p = 0; p < 8; p++) {
			dir = "src/package_" p
			system("mkdir -p " dir)
			print "" > (dir "/__init__.py")
			for (m = 0; m < 8; m++)
				module(dir "/module_" m ".py")
		}
	}'
}

samples() {
	awk '
	BEGIN {
		split("north east south west", region, " ")
		split("INFO INFO INFO WARNING ERROR", level, " ")
		state = 7
		print "id,day,region,amount" > "data/table.csv"
		printf "[" > "data/records.json"
		for (i = 0; i < 2000; i++) {
			state = (state * 75 + 74) % 65537
			amount = state % 10000 / 100
			day = 1 + i % 28
			printf "%d,2024-02-%02d,%s,%.2f\n", i, day,
				region[1 + state % 4], amount > "data/table.csv"
			printf "2024-02-%02dT%02d:%02d:00Z %s request %d took " \
				"%d ms\n", day, i % 24, i % 60,
				level[1 + state % 5], i, state % 900 \
				> "data/app.log"
			if (i < 400)
				printf "%s\n {\"id\": %d, \"region\": \"%s\", " \
					"\"amount\": %.2f}", i ? "," : "", i,
					region[1 + state % 4], amount \
					> "data/records.json"
			if (i < 300)
				printf "Line %d of the notes, on item %d.\n",
					i, state % 100 > "data/notes.txt"
		}
		print "\n]" > "data/records.json"
	}'
}

# Fixes the dates of files that tools list, but not below .git, which records them.
fix_dates() {
	find "$@" -exec touch -h -d 2024-03-01T12:00:00Z {} +
}

commit() {
	GIT_AUTHOR_DATE="2024-03-0$1T12:00:00Z"
	GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
	export GIT_AUTHOR_DATE GIT_COMMITTER_DATE
	git add -A
	git commit -q -m "$2"
}

# Makes the repository, whatever git's configuration in $HOME and the system says.
repository() {
	unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	GIT_AUTHOR_NAME=Demo GIT_AUTHOR_EMAIL=demo@example.org
	GIT_COMMITTER_NAME=Demo GIT_COMMITTER_EMAIL=demo@example.org
	export GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM GIT_AUTHOR_NAME \
		GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
	cd repo
	git -c init.defaultBranch=main init -q --template=
	printf '# A small project\n' > README.md
	cp -R ../src/package_0 ledger
	fix_dates README.md ledger
	commit 1 'ledger: first version'
	cp -R ../src/package_1 session
	fix_dates session
	commit 2 'session: add'
	sed 's/total/amount/' ledger/module_1.py > new
	mv new ledger/module_1.py
	fix_dates ledger
	commit 3 'ledger: say amount for total'
	# uncommitted: two changed, one staged, one gone, one untracked
	sed 's/limit < /limit <= /' ledger/module_2.py > new
	mv new ledger/module_2.py
	sed '20,24d' session/module_3.py > new
	mv new session/module_3.py
	printf 'VERSION = 2\n' > session/version.py
	git add session/version.py
	rm ledger/module_7.py
	printf 'May a limit be zero?\n' > questions.txt
	fix_dates README.md questions.txt ledger session
	cd ..
}

sources
samples
fix_dates src data
if command -v git >/dev/null; then
	repository
else
	echo "${0##*/}: git is missing: no repository" >&2
fi
