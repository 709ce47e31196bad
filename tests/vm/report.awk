# SPDX-License-Identifier: BSD-2-Clause
#
# Sums up the results that a guest wrote to its second serial line:
#
#	awk -v kernel=VERSION -v n=LINES -v must=0 -f report.awk \
#		SKIPS BOUNDS RESULTS
#
# Prints a line of TAP for each program; LINES is the number of lines before. With
# -v mode=MODE the guest is a cell of the matrix, and one line comes first:
#
#	cell KERNEL MODE: N passed, N failed, N skipped
#
# With must=1 only cases in the file SKIPS may skip. BOUNDS is a file as
# tests/vm/insns; counts go to the file named by -v insns_file=FILE, as
# "PROGRAM KERNEL MODE COUNT MAX". The last line of the output is
# "= PASSED FAILED SKIPPED LINES".

function result(ok, text)
{
	if (mode)
		report = report "  " text "\n" details
	else
		printf "%sok %d - kernel %s: %s\n%s", ok ? "" : "not ", ++n,
			kernel, text, details
	details = ""
}

function detail(text)
{
	details = details (mode ? "    " : "#   ") text "\n"
}

# Counts a failure outside of cases.
function fault(text)
{
	failed++
	detail(text)
}

function may_skip(name,		i)
{
	for (i = 1; i <= n_skips; i++) {
		if ((skip_case[i] == program " " name ||
		     skip_case[i] == program " *") &&
		    (skip_kernel[i] == "*" ||
		     index(kernel ".", skip_kernel[i] ".") == 1))
			return 1
	}
	return must != "1"
}

function skip(name, reason)
{
	if (may_skip(name)) {
		skipped++
		detail("skipped: " name ": " reason)
	} else {
		fault("must work: " name ": " reason)
	}
}

# ---- instruction counts

function insns(name, count,	max)
{
	max = name in bound ? bound[name] : "-"
	if (count !~ /^[0-9]+$/)
		fault("instructions of " name ": no number: \"" count "\"")
	else if (max == "-")
		fault("instructions of " name ": " count ", no bound")
	else if (count + 0 > max)
		fault("instructions of " name ": " count ", above " max)
	n_insns++
	if (insns_file)
		print name, kernel, mode ? mode : "-", count, max > insns_file
}

# ---- the cell itself

# Compares the guest's list of security modules with the mode.
function check_lsm(list,	has)
{
	has = index("," list ",", ",bpf,") > 0
	lsm = list
	if (mode == "lsm" && !has)
		fault("no bpf among the security modules: " list)
	if (mode == "fmod_ret" && has)
		fault("bpf among the security modules: " list)
}

# ---- programs

# Returns the fault at the end of a program, or "".
function wrong_end(status)
{
	if (status == 137)
		return "out of time"
	if (plan < 0)
		return "no plan, exit status " status
	if (cases != plan)
		return "finished " cases " of " plan
	if (status == 1 ? !failed : status != 0 && status != 77)
		return "exit status " status
	return ""
}

function add_up()
{
	all_passed += passed
	all_failed += failed
	all_skipped += skipped
	passed = failed = skipped = 0
}

function end_program(status, time,	why, text)
{
	why = wrong_end(status)
	if (why)
		fault(why)
	text = program ": " (passed + 0) " passed"
	if (failed)
		text = text ", " failed " failed"
	if (skipped)
		text = text ", " skipped " skipped"
	result(!failed, text sprintf(", %.1f s", time / 100))
	add_up()
	program = ""
}

function begin_program(name)
{
	if (failed)
		result(0, "start-up")
	add_up()
	program = name
	if (name == "guard_cost")
		counting = mode != "none"
	plan = -1
	cases = 0
	show = 1
}

FILENAME == ARGV[1] {
	if (!/^#/ && NF > 2) {
		skip_kernel[++n_skips] = $1
		$1 = ""
		skip_case[n_skips] = substr($0, 2)
	}
	next
}

FILENAME == ARGV[2] {
	if (!/^#/ && NF == 2) {
		bound[$1] = $2 + 0
		n_bounds++
	}
	next
}

{ sub(/\r$/, "") }

/^= (kernel|facts) / {
	if (!mode) {
		sub(/^= [a-z]+/, "#")
		print
	} else if (/^= facts module/) {
		sub(/^= facts/, "  #")
		report = report $0 "\n"
	}
	next
}
/^= lsm / {
	check_lsm($3)
	next
}
/^= insns / {
	insns($5, $6)
	next
}
/^= begin / {
	begin_program($3)
	next
}
/^= end / {
	end_program($4, $5)
	next
}
/^= done/ {
	done = 1
	next
}
/^1\.\.[0-9]+/ {
	plan = substr($1, 4) + 0
	next
}
/^ok .* # SKIP/ {
	sub(/^ok [0-9]+ - /, "")
	cases++
	skip(substr($0, 1, index($0, " # SKIP") - 1),
	     substr($0, index($0, " # SKIP") + 8))
	show = 0
	next
}
/^ok / {
	cases++
	passed++
	show = 0
	next
}
/^not ok / {
	cases++
	failed++
	show = 1
	detail($0)
	next
}
/^#/ {
	if (show)
		detail(" " substr($0, 2))
	next
}
{ detail("| " $0) }

END {
	if (!done) {
		detail("in " (program ? program : "start-up"))
		failed++
		result(0, "the guest did not come to its end")
	} else if (mode && counting && n_bounds && !n_insns) {
		failed++
		result(0, "no instruction counts")
	} else if (mode && !lsm) {
		failed++
		result(0, "the guest did not name its security modules")
	}
	add_up()
	if (mode)
		printf "cell %s %s: %d passed, %d failed, %d skipped\n%s",
			kernel, mode, all_passed, all_failed, all_skipped,
			report
	print "=", all_passed + 0, all_failed + 0, all_skipped + 0, n + 0
}
