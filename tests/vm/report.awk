# SPDX-License-Identifier: BSD-2-Clause
#
# Sums up what a guest said on its second serial line, one line a program:
#
#	awk -v kernel=VERSION -v n=LINES -v must=0 -f report.awk SKIPS RESULTS
#
# LINES have been printed before; with must=1 only cases listed in the file SKIPS
# may skip. The last line of the output is "= PASSED FAILED SKIPPED LINES".

function result(ok, text)
{
	printf "%sok %d - kernel %s: %s\n%s", ok ? "" : "not ", ++n, kernel,
		text, details
	details = ""
}

function detail(text)
{
	details = details "#   " text "\n"
}

function may_skip(name,		i)
{
	for (i = 1; i <= n_skips; i++) {
		if (skip_case[i] == program " " name &&
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
		failed++
		detail("must work: " name ": " reason)
	}
}

# What is wrong with the end of a program, or "".
function wrong_end(status)
{
	if (status == 137)
		return "out of time"
	if (plan < 0)
		return "no plan, exit status " status
	if (passed + failed + skipped != plan)
		return "finished " (passed + failed + skipped) " of " plan
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
	if (why) {
		failed++
		detail(why)
	}
	text = program ": " (passed + 0) " passed"
	if (failed)
		text = text ", " failed " failed"
	if (skipped)
		text = text ", " skipped " skipped"
	result(!failed, text sprintf(", %.1f s", time / 100))
	add_up()
	program = ""
}

FILENAME == ARGV[1] {
	if (!/^#/ && NF > 2) {
		skip_kernel[++n_skips] = $1
		$1 = ""
		skip_case[n_skips] = substr($0, 2)
	}
	next
}

{ sub(/\r$/, "") }

/^= (kernel|facts) / {
	sub(/^= [a-z]+/, "#")
	print
	next
}
/^= begin / {
	program = $3
	plan = -1
	show = 1
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
	skip(substr($0, 1, index($0, " # SKIP") - 1),
	     substr($0, index($0, " # SKIP") + 8))
	show = 0
	next
}
/^ok / {
	passed++
	show = 0
	next
}
/^not ok / {
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
		result(0, "the guest did not come to its end")
		failed++
		add_up()
	}
	print "=", all_passed + 0, all_failed + 0, all_skipped + 0, n
}
