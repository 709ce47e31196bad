/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template status: tells whether the guard is in force, and its proofs.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <unistd.h>

#include "shared/guard_names.h"
#include "cli/guard/guard.h"

#define NOT_IN_FORCE 1 /* exit status */

static bool in_force(const struct st_msg_status *s)
{
	return (s->proved & ST_PROVED_ALL) == ST_PROVED_ALL &&
	       s->pins_missing == 0;
}

static void print_verdict(const struct st_msg_status *s)
{
	bool proved = (s->proved & ST_PROVED_ALL) == ST_PROVED_ALL;

	out_styled(in_force(s) ? OUT_GOOD : OUT_BAD, "%s",
		   !proved ? "The guard is there, but not all was proved."
		   : s->pins_missing
			   ? "The guard is there, but pins are missing."
			   : "The guard is in force.");
	out_lines("\n");
}

static void print_proofs(const struct st_msg_status *s)
{
	for (unsigned int bit = 0; name_proof(bit); bit++) {
		bool proved = s->proved >> bit & 1;

		out_row_styled(bit ? "" : "proved", proved ? OUT_GOOD : OUT_BAD,
			       proved ? "yes  " : "no   ", explain_proof(bit));
	}
}

static void print_numbers(const struct st_msg_status *s)
{
	char bytes[NUMBER_TEXT];

	out_row("templates", "%u of %u; yours %u of %u", s->templates,
		s->templates_max, s->user_templates, s->user_templates_max);
	out_row("executables", "%u of %u", s->executables, s->executables_max);
	out_row("clients", "%u of %u", s->clients, s->clients_max);
	out_row("memory", "%s of the daemon",
		format_bytes(bytes, s->rss_bytes));
	out_row("launches", "%llu let through, %llu stale, %llu refused",
		s->launches, s->stale, s->refused);
	out_row("writes", "%llu denied", s->write_denied);
	out_row("events", "%llu lost", s->events_lost);
}

static void print_status(const struct st_msg_status *s)
{
	char age[NUMBER_TEXT], pins[32];

	print_verdict(s);
	out_row("daemon", "spawn-templated %s, pid %u, up %s", s->version,
		s->pid, format_age(age, age_ns(s->started_ns)));
	out_row("kernel", "%s", s->kernel);
	out_row("attached as", "%s, %s", explain_attached(s->attached),
		s->adopted ? "taken over from an earlier daemon"
			   : "loaded by this daemon");
	print_proofs(s);
	snprintf(pins, sizeof(pins), "%u missing", s->pins_missing);
	if (s->pins_missing)
		out_row_styled("pins", OUT_BAD, pins, ": " GUARD_PINS_REMEDY);
	else
		out_row("pins", "all there: launches stay guarded without the "
				"daemon");
	print_numbers(s);
}

static json_t *proofs_json(const struct st_msg_status *s)
{
	json_t *proofs = json_object();

	for (unsigned int bit = 0; name_proof(bit); bit++)
		json_object_set_new(proofs, name_proof(bit),
				    json_boolean(s->proved >> bit & 1));
	return proofs;
}

static json_t *status_json(const struct st_msg_status *s)
{
	return json_pack(
		"{s:b, s:b, s:o, s:o, s:I, s:I, s:s, s:b, s:o, s:I, s:I, s:I, "
		"s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"running", 1, "in_force", in_force(s), "version",
		out_text(s->version), "kernel", out_text(s->kernel), "pid",
		(json_int_t)s->pid, "started_ns", (json_int_t)s->started_ns,
		"attached", st_name_attached(s->attached), "adopted",
		s->adopted != 0, "proved", proofs_json(s), "pins_missing",
		(json_int_t)s->pins_missing, "clients", (json_int_t)s->clients,
		"clients_max", (json_int_t)s->clients_max, "templates",
		(json_int_t)s->templates, "templates_max",
		(json_int_t)s->templates_max, "executables",
		(json_int_t)s->executables, "executables_max",
		(json_int_t)s->executables_max, "user_templates",
		(json_int_t)s->user_templates, "user_templates_max",
		(json_int_t)s->user_templates_max, "launches",
		(json_int_t)s->launches, "stale", (json_int_t)s->stale,
		"refused", (json_int_t)s->refused, "write_denied",
		(json_int_t)s->write_denied, "events_lost",
		(json_int_t)s->events_lost, "rss_bytes",
		(json_int_t)s->rss_bytes);
}

static json_t *absent_json(const struct guard_error *e)
{
	return json_pack("{s:b, s:b, s:{s:s, s:i, s:o, s:o}}", "running", 0,
			 "in_force", 0, "error", "name", name_errno(e->error),
			 "errno", e->error, "message", out_text(e->text),
			 "remedy",
			 *e->remedy ? out_text(e->remedy) : json_null());
}

static int status_main(int argc, char **argv)
{
	struct guard_options options = { 0 };
	int status = guard_only_options(&options, argc, argv);
	struct st_msg_status answer;
	struct guard_error error;

	if (status >= 0)
		return status;
	if (optind < argc)
		return out_bad_usage("takes no arguments");
	if (guard_ask(&options, &answer, NULL, 0, &error)) {
		guard_say(&error);
		if (options.json && out_json(STDOUT_FILENO, absent_json(&error),
					     JSON_INDENT(2)))
			return CLI_FAILED;
		return NOT_IN_FORCE;
	}
	status = in_force(&answer) ? 0 : NOT_IN_FORCE;
	if (!options.json)
		print_status(&answer);
	else if (out_json(STDOUT_FILENO, status_json(&answer), JSON_INDENT(2)))
		return CLI_FAILED;
	return status;
}

const struct command cmd_status = {
	.name = "status",
	.summary =
		"show whether the guard is in force, and how that was proved",
	.help = "Usage: spawn-template status [--json] [--socket PATH]\n"
		"\n"
		"Show the guard's daemon, how its programs are attached to "
		"the kernel, the tests\n"
		"that it passed at its start, and how full it is.\n"
		"\n" GUARD_OPTIONS_HELP "\n"
		"Exit status: 0 if a guard runs, passed all tests, and has "
		"all its pins; 1 if\n"
		"not, or if the guard does not answer; 125 for other errors.\n",
	.main = status_main,
};
